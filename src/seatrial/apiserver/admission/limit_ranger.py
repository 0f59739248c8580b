"""LimitRanger: defaults for what containers ask for, and bounds that Pods and claims must keep.

Follows plugin/pkg/admission/limitranger/admission.go (1.32). The order of several complaints is that of their names:
upstream's is that of a map.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from seatrial.api.core_v1 import limit_range
from seatrial.api.registry import LIMIT_RANGES
from seatrial.apiserver.admission.base import Attributes
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.workloads import quota

ANNOTATION = "kubernetes.io/limit-ranger"

Amounts = Mapping[str, str]


async def admit(attributes: Attributes) -> None:
    """Fill in what containers of a new Pod don't say."""
    if not attributes.is_new_pod:
        return
    for found in await attributes.cluster.select(LIMIT_RANGES, attributes.namespace):
        _fill_in(attributes.obj, _items(found, limit_range.CONTAINER))


async def validate(attributes: Attributes) -> None:
    """Refuse what is out of bounds."""
    resource = attributes.resource
    if resource.group or attributes.subresource or attributes.operation == "DELETE":
        return
    if not (attributes.is_new_pod or resource.plural == "persistentvolumeclaims"):
        return
    if attributes.old is not None and objects.is_terminating(attributes.old):
        return
    for found in await attributes.cluster.select(LIMIT_RANGES, attributes.namespace):
        check = _complaints_of_claim if resource.plural == "persistentvolumeclaims" else _complaints_of_pod
        complaints = list(dict.fromkeys(check(found, attributes.obj)))
        if complaints:
            raise attributes.forbidden(complaints[0] if len(complaints) == 1 else f"[{', '.join(complaints)}]")


def _items(found: JSON, kind: str) -> Sequence[JSON]:
    return [item for item in (found.get("spec") or {}).get("limits") or () if item.get("type") == kind]


def _fill_in(pod: JSON, items: Iterable[JSON]) -> None:
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}
    for item in items:
        limits.update(item.get("default") or {})
        requests.update(item.get("defaultRequest") or {})
    told = []
    for field, called in (("containers", "container"), ("initContainers", "init container")):
        for container in pod["spec"].get(field) or ():
            resources = container.setdefault("resources", {})
            for kind, defaults in (("requests", requests), ("limits", limits)):
                new = sorted(set(defaults) - set(resources.get(kind) or {}))
                if new:
                    resources[kind] = {**(resources.get(kind) or {}), **{name: defaults[name] for name in new}}
                    told.append(f"{', '.join(new)} {kind.removesuffix('s')} for {called} {container['name']}")
    if told:
        text = "LimitRanger plugin set: " + "; ".join(told)
        pod["metadata"]["annotations"] = {**objects.annotations(pod), ANNOTATION: text}


def _complaints_of_claim(found: JSON, claim: JSON) -> Iterator[str]:
    requests = objects.get(claim, "spec", "resources", "requests", default={})
    for item in _items(found, limit_range.CLAIM):
        yield from _below(item, requests, {})
        for name, bound in sorted((item.get("max") or {}).items()):
            if name not in requests:
                yield f"maximum {name} usage per {item['type']} is {bound}.  No request is specified"
            elif _more(requests[name], bound):
                yield f"maximum {name} usage per {item['type']} is {bound}, but request is {requests[name]}"


def _complaints_of_pod(found: JSON, pod: JSON) -> Iterator[str]:
    spec = pod["spec"]
    for item in (found.get("spec") or {}).get("limits") or ():
        if item.get("type") == limit_range.CONTAINER:
            for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
                resources = container.get("resources") or {}
                yield from _out_of_bounds(item, resources.get("requests") or {}, resources.get("limits") or {})
        elif item.get("type") == limit_range.POD:
            yield from _out_of_bounds(item, quota.of_pod(spec, "requests"), quota.of_pod(spec, "limits"))


def _out_of_bounds(item: JSON, requests: Amounts, limits: Amounts) -> Iterator[str]:
    yield from _below(item, requests, limits)
    yield from _above(item, requests, limits)
    for name, ratio in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        yield from _too_far_apart(name, item["type"], ratio, requests, limits)


def _below(item: JSON, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, bound in sorted((item.get("min") or {}).items()):
        said = f"minimum {name} usage per {item['type']} is {bound}"
        if name not in requests:
            yield f"{said}.  No request is specified"
        elif _more(bound, requests[name]):
            yield f"{said}, but request is {requests[name]}"
        elif name in limits and _more(bound, limits[name]):
            yield f"{said}, but limit is {limits[name]}"


def _above(item: JSON, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, bound in sorted((item.get("max") or {}).items()):
        said = f"maximum {name} usage per {item['type']} is {bound}"
        if name not in limits:
            yield f"{said}.  No limit is specified"
        elif _more(limits[name], bound):
            yield f"{said}, but limit is {limits[name]}"
        elif name in requests and _more(requests[name], bound):
            yield f"{said}, but request is {requests[name]}"


def _too_far_apart(name: str, kind: str, ratio: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    said = f"{name} max limit to request ratio per {kind} is {ratio}"
    if not quantity.parse(requests.get(name, "0")):
        yield f"{said}, but no request is specified or request is 0"
    elif not quantity.parse(limits.get(name, "0")):
        yield f"{said}, but no limit is specified or limit is 0"
    else:
        given = quantity.parse(limits[name]) / quantity.parse(requests[name])
        if given > quantity.parse(ratio):
            yield f"{said}, but provided ratio is {float(given):f}"


def _more(text: str, other: str) -> bool:
    return quantity.parse(text) > quantity.parse(other)
