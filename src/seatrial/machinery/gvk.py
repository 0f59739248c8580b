"""Group, version, kind and resource: how a kind is named and where its objects stand in the URL space."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class ResourceRef:
    """All that a client has to know of a resource. `group` is "" for core."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @cached_property
    def _hash(self) -> int:
        return hash((self.group, self.version, self.plural))

    def __hash__(self) -> int:
        # Resources are keys of caches on hot paths; hashing all their fields would cost microseconds each time.
        return self._hash

    @cached_property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for core: the value of `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def qualified(self) -> str:
        """`deployments.apps`, or `pods` for core: how messages name the resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @cached_property
    def qualified_kind(self) -> str:
        """`Deployment.apps`, or `Pod` for core: how messages about invalid objects name the kind."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @cached_property
    def root(self) -> str:
        """`/apis/apps/v1`, or `/api/v1` for core."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a collection, an object or a subresource; namespace "" means all namespaces."""
        parts = [self.root]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)
