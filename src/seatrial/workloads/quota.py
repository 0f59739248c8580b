"""What objects use of a ResourceQuota, and which quotas they count against.

Follows pkg/quota/v1/evaluator/core and k8s.io/apiserver/pkg/quota/v1 (1.32). Amounts are quantities as texts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from seatrial.api.core_v1 import resources
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity, selectors, times
from seatrial.machinery.gvk import ResourceRef
from seatrial.workloads import pod_resources

Amounts = dict[str, str]

COMPUTE = ("cpu", "memory", "ephemeral-storage")
POD_NAMES = frozenset(
    ("count/pods", "pods", *COMPUTE, *(f"{kind}.{name}" for kind in ("requests", "limits") for name in COMPUTE))
)
MUST_BE_SPECIFIED = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
"""A quota of one of these makes every container say how much it wants."""
SERVICE_NAMES = frozenset({"count/services", "services", "services.nodeports", "services.loadbalancers"})
CLAIM_NAMES = frozenset({"count/persistentvolumeclaims", "persistentvolumeclaims", "requests.storage"})
OF_CLASS = ".storageclass.storage.k8s.io/"
PLAIN_COUNTS = frozenset({"configmaps", "secrets", "replicationcontrollers", "resourcequotas"})
"""Kinds of the core group that can be counted by their plain name, too."""
IGNORED = frozenset({"events"})
_REQUESTS = "requests."


@dataclass(frozen=True)
class Evaluator:
    """How objects of one resource are measured. `usage(obj, now)`, `names(name)`: does a quota of this name concern it.

    `on_update`: changes count, not only creation.
    """

    usage: Callable[[JSON, float], Amounts]
    names: Callable[[str], bool]
    on_update: bool = False
    scoped: bool = False
    """Scopes can match; without it a quota with scopes never concerns the resource."""


def evaluator(resource: ResourceRef) -> Evaluator | None:
    """The evaluator of a resource; None for those that no quota counts."""
    if resource.plural in IGNORED or not resource.namespaced:
        return None
    if not resource.group and resource.plural in _OF_CORE:
        return _OF_CORE[resource.plural]
    names = {f"count/{resource.plural}" + (f".{resource.group}" if resource.group else "")}
    if not resource.group and resource.plural in PLAIN_COUNTS:
        names.add(resource.plural)
    return Evaluator(lambda obj, now: dict.fromkeys(sorted(names), "1"), names.__contains__)


def concerns(measure: Evaluator, quota: JSON, obj: JSON) -> Sequence[str]:
    """The names among the quota's hard limits that the object counts against; () if none does or scopes differ."""
    hard = (quota.get("status") or {}).get("hard") or {}
    names = [name for name in hard if measure.names(name)]
    return names if names and in_scope(measure, quota, obj) else ()


def in_scope(measure: Evaluator, quota: JSON, obj: JSON) -> bool:
    """Whether all scopes of the quota match the object."""
    scopes = scopes_of(quota)
    return not scopes or (measure.scoped and all(_pod_in_scope(scope, obj) for scope in scopes))


def scopes_of(quota: JSON) -> Sequence[JSON]:
    """ScopedResourceSelectorRequirements of spec.scopes and spec.scopeSelector."""
    spec = quota.get("spec") or {}
    plain = ({"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ())
    return (*plain, *((spec.get("scopeSelector") or {}).get("matchExpressions") or ()))


def unspecified(names: Iterable[str], pod: JSON) -> str:
    """What a quota of these names makes the Pod's containers specify, and they don't: the refusal's text, or ""."""
    needed = sorted(MUST_BE_SPECIFIED.intersection(names))
    missing: dict[str, set[str]] = {}
    for container in (*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())):
        given = container.get("resources") or {}
        said = _as_named(given.get("requests") or {}, given.get("limits") or {})
        for name in needed:
            if name not in said:
                missing.setdefault(name, set()).add(container["name"])
    if not missing:
        return ""
    return "must specify " + "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))


def is_counted(pod: JSON, now: float) -> bool:
    """Whether the Pod still uses something: it has not ended, and is not overdue with its termination."""
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    metadata = pod["metadata"]
    if metadata.get("deletionTimestamp") is None or metadata.get("deletionGracePeriodSeconds") is None:
        return True
    return now <= times.parse_time(metadata["deletionTimestamp"]) + float(metadata["deletionGracePeriodSeconds"])


def added(used: Mapping[str, str], more: Mapping[str, str]) -> Amounts:
    """The sum of two lists of amounts."""
    sums = dict(used)
    for name, amount in more.items():
        sums[name] = quantity.plus(sums[name], amount) if name in sums else amount
    return sums


def increase(new: Mapping[str, str], old: Mapping[str, str]) -> Amounts:
    """By how much each amount grows; what shrinks is left out."""
    grown = {name: quantity.minus(amount, old[name]) if name in old else amount for name, amount in new.items()}
    return {name: amount for name, amount in grown.items() if quantity.parse(amount) > 0}


def exceeded(total: Mapping[str, str], hard: Mapping[str, str]) -> Sequence[str]:
    """The names whose totals are above the limit, sorted."""
    return sorted(
        name for name, amount in total.items() if name in hard and quantity.parse(amount) > quantity.parse(hard[name])
    )


def listed(amounts: Mapping[str, str], names: Iterable[str]) -> str:
    """`cpu=1,pods=3`."""
    return ",".join(f"{name}={amounts[name]}" for name in sorted(names) if name in amounts)


# --- Pods ---


def _pod_usage(pod: JSON, now: float) -> Amounts:
    if not is_counted(pod, now):
        return {"count/pods": "1"}
    asked, limits = (_of_pod(pod["spec"], kind) for kind in ("requests", "limits"))
    return {"count/pods": "1", **_as_named(asked, limits)}


def of_pod(spec: JSON, kind: str) -> Amounts:
    """`requests` or `limits` of all containers together, without overhead."""
    first: dict[str, str] = {}

    def of_container(container: JSON) -> dict[str, Fraction]:
        amounts = (container.get("resources") or {}).get(kind) or {}
        for name, text in amounts.items():
            first.setdefault(name, str(text))
        return {name: quantity.parse(text) for name, text in amounts.items()}

    sums = pod_resources.total(spec, of_container)
    return {name: quantity.like(amount, first[name]) for name, amount in sums.items()}


def _of_pod(spec: JSON, kind: str) -> Amounts:
    sums = of_pod(spec, kind)
    overhead = spec.get("overhead") or {}
    return added(sums, {name: text for name, text in overhead.items() if kind == "requests" or name in sums})


def _as_named(requests: Mapping[str, Any], limits: Mapping[str, Any]) -> Amounts:
    """Amounts under the names that quotas know."""
    used: Amounts = {"pods": "1"}
    for name, amount in requests.items():
        if name in COMPUTE or name.startswith("hugepages-"):
            used[name] = amount
        if name in COMPUTE or name.startswith("hugepages-") or "/" in name:
            used[_REQUESTS + name] = amount
    used.update({f"limits.{name}": amount for name, amount in limits.items() if name in COMPUTE})
    return used


def _is_pod_name(name: str) -> bool:
    if name in POD_NAMES or name.startswith(("hugepages-", "requests.hugepages-")):
        return True
    return name.startswith(_REQUESTS) and "/" in name and "kubernetes.io/" not in name


def _pod_in_scope(scope: JSON, pod: JSON) -> bool:
    spec, name = pod["spec"], scope["scopeName"]
    if name in ("Terminating", "NotTerminating"):
        return bool((spec.get("activeDeadlineSeconds") is not None) == (name == "Terminating"))
    if name in ("BestEffort", "NotBestEffort"):
        return bool((resources.qos_class(spec) == "BestEffort") == (name == "BestEffort"))
    if name == "PriorityClass":
        return _in_priority_scope(scope, spec.get("priorityClassName") or "")
    return name == "CrossNamespacePodAffinity" and _crosses_namespaces(spec.get("affinity") or {})


def _in_priority_scope(scope: JSON, priority_class: str) -> bool:
    if scope["operator"] == "Exists":
        return bool(priority_class)
    requirement = {"key": "PriorityClass", "operator": scope["operator"], "values": scope.get("values") or []}
    selector = selectors.from_label_selector({"matchExpressions": [requirement]})
    return selector.matches({"PriorityClass": priority_class} if priority_class else {})


def _crosses_namespaces(affinity: JSON) -> bool:
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms = (
            *(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()),
            *(weighted["podAffinityTerm"] for weighted in preferred),
        )
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


# --- Services and claims ---


def _service_usage(service: JSON, now: float) -> Amounts:
    spec = service.get("spec") or {}
    ports = spec.get("ports") or ()
    node_ports = load_balancers = 0
    if spec.get("type") == "NodePort":
        node_ports = len(ports)
    elif spec.get("type") == "LoadBalancer":
        load_balancers, node_ports = 1, len(ports)
        if spec.get("allocateLoadBalancerNodePorts") is False:
            node_ports = sum(1 for port in ports if port.get("nodePort"))
    counted = {"services.nodeports": str(node_ports), "services.loadbalancers": str(load_balancers)}
    return {"count/services": "1", "services": "1", **counted}


def _claim_usage(claim: JSON, now: float) -> Amounts:
    used = {"count/persistentvolumeclaims": "1", "persistentvolumeclaims": "1"}
    asked = objects.get(claim, "spec", "resources", "requests", "storage")
    granted = objects.get(claim, "status", "allocatedResources", "storage")
    if asked is not None:
        larger = granted is not None and quantity.parse(granted) > quantity.parse(asked)
        used["requests.storage"] = _whole_bytes(granted if larger else asked)
    name = _class_of(claim)
    if name:
        used.update({f"{name}{OF_CLASS}{plain}": used[plain] for plain in list(used) if not plain.startswith("count/")})
    return used


def _whole_bytes(text: str) -> str:
    return text if quantity.parse(text).denominator == 1 else str(quantity.value(text))


def _class_of(claim: JSON) -> str:
    old = objects.annotations(claim).get("volume.beta.kubernetes.io/storage-class")
    return str(old if old is not None else (claim.get("spec") or {}).get("storageClassName") or "")


def _is_claim_name(name: str) -> bool:
    return name in CLAIM_NAMES or name.endswith((f"{OF_CLASS}persistentvolumeclaims", f"{OF_CLASS}requests.storage"))


_OF_CORE: Mapping[str, Evaluator] = {
    "pods": Evaluator(_pod_usage, _is_pod_name, scoped=True),
    "services": Evaluator(_service_usage, SERVICE_NAMES.__contains__, on_update=True),
    "persistentvolumeclaims": Evaluator(_claim_usage, _is_claim_name, on_update=True),
}
