"""Where an object lies in the store: Kubernetes' own key layout, `/registry/<resource>[/<namespace>]/<name>`.

Built-in groups leave the group out of the key; resources of other groups have it in front. A few core resources lie
under the names they had when they were new. Follows pkg/kubeapiserver/default_storage_factory_builder.go and
k8s.io/apiserver/pkg/registry/generic/registry/store.go (NamespaceKeyFunc).
"""

from functools import lru_cache

from seatrial.base.types import Key
from seatrial.machinery.gvk import ResourceRef

ROOT = "/registry/"

OLD_NAMES = {
    ("", "endpoints"): "services/endpoints",
    ("", "nodes"): "minions",
    ("", "replicationcontrollers"): "controllers",
    ("", "services"): "services/specs",
    ("networking.k8s.io", "ingresses"): "ingress",
    ("policy", "podsecuritypolicies"): "podsecuritypolicy",
}
GROUP_IN_KEY = ("apiextensions.k8s.io", "apiregistration.k8s.io")


@lru_cache(maxsize=1024)
def resource_prefix(group: str, plural: str) -> str:
    """`/registry/pods/`: under which all objects of a resource lie, and nothing else."""
    old = OLD_NAMES.get((group, plural))
    if old:
        return f"{ROOT}{old}/"
    built_in = "." not in group or group.endswith(".k8s.io")
    if built_in and group not in GROUP_IN_KEY:
        return f"{ROOT}{plural}/"
    return f"{ROOT}{group}/{plural}/"


def prefix(resource: ResourceRef, namespace: str = "") -> str:
    """Under which the objects of a resource lie: those of one namespace, or all ("")."""
    root = resource_prefix(resource.group, resource.plural)
    return f"{root}{namespace}/" if namespace and resource.namespaced else root


def key(resource: ResourceRef, namespace: str, name: str) -> str:
    """Where the object of this name lies; `namespace` is "" for cluster-scoped resources."""
    root = resource_prefix(resource.group, resource.plural)
    return f"{root}{namespace}/{name}" if resource.namespaced else root + name


def split(resource: ResourceRef, store_key: str) -> Key:
    """(namespace, name) of an object that lies at `store_key`."""
    rest = store_key[len(resource_prefix(resource.group, resource.plural)) :]
    namespace, _, name = rest.rpartition("/")
    return namespace, name
