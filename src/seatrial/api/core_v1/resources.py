"""Compute resources of containers: canonical quantities, limits against requests, quality of service.

Follows ValidateResourceRequirements of pkg/apis/core/validation and ComputePodQOS of pkg/apis/core/helper/qos (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Literal

from seatrial.base.types import JSON
from seatrial.machinery import names, quantity, validation
from seatrial.machinery.validation import FieldError

QOSClass = Literal["Guaranteed", "Burstable", "BestEffort"]

_STANDARD_CONTAINER = frozenset({"cpu", "memory", "ephemeral-storage"})
_STANDARD = _STANDARD_CONTAINER | {
    *(f"{kind}.{name}" for kind in ("requests", "limits") for name in _STANDARD_CONTAINER),
    "configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "requests.storage", "resourcequotas",
    "secrets", "services", "services.loadbalancers", "services.nodeports", "storage",
}  # fmt: skip
_COMPUTE = ("cpu", "memory")


def default_quantities(quantities: JSON | None) -> None:
    """Write each quantity in its canonical form, as the decoder of the API server does; wrong ones stay as they are."""
    for name, text in (quantities or {}).items():
        canonical = canonical_quantity(text)
        if canonical is not None:
            quantities[name] = canonical  # type: ignore[index]


def canonical_quantity(text: Any) -> str | None:
    """The canonical form, or None for what is no quantity (validation tells of it)."""
    try:
        return quantity.canonical(str(text))
    except ValueError:
        return None


def default_resources(container: JSON) -> None:
    """`resources` is always there; requests follow limits only in Pods (default_requests)."""
    resources = container.get("resources")
    if resources is None:
        container["resources"] = {}
        return
    for name in ("limits", "requests"):
        default_quantities(resources.get(name))


def default_requests(container: JSON) -> None:
    """Requests that are not given are as high as the limits (SetDefaults_Pod)."""
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return
    requests = resources.get("requests")
    if requests is None:
        requests = resources["requests"] = {}
    for name, limit in limits.items():
        requests.setdefault(name, limit)


def validate_resources(resources: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Names, quantities, and requests against limits."""
    limits = resources.get("limits") or {}
    requests = resources.get("requests") or {}
    for kind, quantities in (("limits", limits), ("requests", requests)):
        for name, text in sorted(quantities.items()):
            yield from validate_container_name(name, f"{path}.{kind}[{name}]")
            yield from validate_quantity(text, f"{path}.{kind}[{name}]")
    for name, text in sorted(requests.items()):
        if name in limits:
            yield from _validate_request(name, str(text), str(limits[name]), f"{path}.requests")
        elif not may_overcommit(name):
            yield validation.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
    asked = {*limits, *requests}
    if any(map(_is_huge_page, asked)) and asked.isdisjoint(_COMPUTE):
        yield validation.forbidden(path, "HugePages require cpu or memory")


def validate_quantity(text: Any, path: str) -> Iterator[FieldError]:
    try:
        amount = quantity.parse(str(text))
    except ValueError:
        yield validation.invalid(
            path,
            text,
            r"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        )
        return
    if amount < 0:
        yield validation.invalid(path, str(text), "must be greater than or equal to 0")


def validate_container_name(name: str, path: str) -> Iterator[FieldError]:
    """The name of something that a container can ask for (validateContainerResourceName)."""
    yield from validate_name(name, path)
    if "/" not in name and name not in _STANDARD_CONTAINER and not _is_huge_page(name):
        yield validation.invalid(path, name, "must be a standard resource for containers")


def validate_name(name: str, path: str) -> Iterator[FieldError]:
    """The name of any resource (validateResourceName)."""
    problems = names.qualified_name(name)
    yield from validation.each(path, name, problems)
    if not problems and "/" not in name and not is_standard(name):
        yield validation.invalid(path, name, "must be a standard resource type or fully qualified")


def is_standard(name: str) -> bool:
    """Whether Kubernetes knows the resource (IsStandardResourceName)."""
    return name in _STANDARD or name.startswith(("hugepages-", "requests.hugepages-"))


def may_overcommit(name: str) -> bool:
    """Whether limits may be above requests (IsOvercommitAllowed)."""
    return name in _STANDARD_CONTAINER or "kubernetes.io/" in name or ("/" not in name and not _is_huge_page(name))


def _is_huge_page(name: str) -> bool:
    return name.startswith("hugepages-")


def _validate_request(name: str, request: str, limit: str, path: str) -> Iterator[FieldError]:
    try:
        wanted, allowed = quantity.parse(request), quantity.parse(limit)
    except ValueError:
        return
    if may_overcommit(name):
        if wanted > allowed:
            detail = f"must be less than or equal to {name} limit of {limit}"
            yield validation.invalid(path, request, detail)
    elif wanted != allowed:
        yield validation.invalid(path, request, f"must be equal to {name} limit of {limit}")


def qos_class(spec: Mapping[str, Any]) -> QOSClass:
    """Guaranteed when every container limits cpu and memory to what it requests; BestEffort when none asks for any."""
    anything, guaranteed = False, True
    for container in chain(_list(spec, "initContainers"), _list(spec, "containers")):
        resources = container.get("resources") or {}
        limits = _positive(resources.get("limits"))
        requests = _positive(resources.get("requests"))
        anything = anything or bool(limits or requests)
        guaranteed = guaranteed and set(limits) == set(_COMPUTE) and requests == limits
    if not anything:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _list(spec: Mapping[str, Any], name: str) -> Sequence[JSON]:
    return spec.get(name) or ()


def _positive(quantities: Mapping[str, Any] | None) -> dict[str, Any]:
    if not quantities:
        return {}
    parsed = {name: quantity.parse(str(quantities[name])) for name in _COMPUTE if name in quantities}
    return {name: amount for name, amount in parsed.items() if amount > 0}
