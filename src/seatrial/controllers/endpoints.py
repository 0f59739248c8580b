"""Keeps the Endpoints of every Service with a selector equal to the addresses of its Pods.

Mirrors pkg/controller/endpoint/endpoints_controller.go and pkg/api/v1/endpoints/util.go of release 1.32.

- Services without a selector are left alone; when a Service is gone, so are its Endpoints.
- Ready Pods stand in `addresses`, others in `notReadyAddresses`; terminating ones in neither, unless the Service
  publishes addresses that are not ready. Pods that have ended, or have no address, are left out.
- Ports that the same Pods offer stand in one subset. At most 1000 addresses are kept.
- differs: ports and subsets stand in the order of their names, not of upstream's hashes; the trigger time is that of
  the Pods whose address or readiness changed since the Endpoints were written.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.api.registry import ENDPOINTS, PODS, SERVICES
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.machinery import conditions, objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Action, Create, Decision, Delete, Event, Update
from seatrial.workloads import service_endpoints

OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
CAPACITY = 1000


@dataclass(frozen=True)
class View:
    """A Service (None: it is gone), its Endpoints, and the Pods that its selector matches."""

    service: JSON | None
    endpoints: JSON | None
    pods: tuple[JSON, ...] = ()


async def gather(key: Key, cache: CacheReader) -> View | None:
    service, endpoints = cache.get(SERVICES, key), cache.get(ENDPOINTS, key)
    if service is None:
        return View(None, endpoints) if endpoints is not None else None
    if not objects.get(service, "spec", "selector"):
        return None
    pods = (pod for pod in cache.list(PODS, key[0]) if service_endpoints.selects(service, objects.labels(pod)))
    return View(service, endpoints, tuple(pods))


def decide(view: View, now: float) -> Decision:
    if view.service is None:
        return _remove(view.endpoints)
    desired = _desired(view.service, view.endpoints, view.pods)
    if view.endpoints is not None and _same(desired, view.endpoints):
        return NOTHING
    annotate = _trigger_time(view.service, view.endpoints, desired, view.pods)
    desired = _with_annotation(desired, service_endpoints.TRIGGER_TIME_ANNOTATION, annotate)
    action: Action
    if view.endpoints is None:
        action = Create(ENDPOINTS, desired, because="the Service has no Endpoints")
        reason, verb = "FailedToCreateEndpoint", "create endpoint for service"
    else:
        action = Update(ENDPOINTS, desired, because="the Service's Pods changed")
        reason, verb = "FailedToUpdateEndpoint", "update endpoint"

    def tell(error: StatusError) -> Decision:
        namespace, name = objects.key(desired)
        return Decision((Event(desired, "Warning", reason, f"Failed to {verb} {namespace}/{name}: {error.message}"),))

    return Decision((action,), after_failure=tell)


def _remove(endpoints: JSON | None) -> Decision:
    if endpoints is None:
        return NOTHING
    return Decision((Delete(ENDPOINTS, objects.key(endpoints), objects.uid(endpoints), because="the Service is gone"),))


def _desired(service: JSON, current: JSON | None, pods: Sequence[JSON]) -> JSON:
    subsets, truncated = _truncate(_subsets(service, pods))
    labels = {
        name: value for name, value in objects.labels(service).items() if name != service_endpoints.HEADLESS_LABEL
    }
    if not service_endpoints.has_cluster_ip(service):
        labels[service_endpoints.HEADLESS_LABEL] = ""
    meta: JSON = (
        {**current["metadata"]} if current else {"name": objects.name(service), "namespace": objects.namespace(service)}
    )
    meta["labels"] = labels
    desired = {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta, **({"subsets": subsets} if subsets else {})}
    return _with_annotation(desired, OVER_CAPACITY, "truncated" if truncated else None)


def _with_annotation(obj: JSON, name: str, value: str | None) -> JSON:
    annotations = {key: old for key, old in objects.annotations(obj).items() if key != name}
    if value is not None:
        annotations[name] = value
    return objects.with_metadata(obj, annotations=annotations or None)


def _same(desired: JSON, current: JSON) -> bool:
    return (
        desired.get("subsets", []) == (current.get("subsets") or [])
        and desired["metadata"]["labels"] == objects.labels(current)
        and objects.annotations(desired).get(OVER_CAPACITY) == objects.annotations(current).get(OVER_CAPACITY)
    )


def _subsets(service: JSON, pods: Sequence[JSON]) -> list[JSON]:
    """Ports offered by the same addresses together (RepackSubsets)."""
    publish = service_endpoints.publishes_not_ready(service)
    offers: dict[tuple[tuple[str, Any], ...], tuple[JSON | None, dict[tuple[str, str], tuple[JSON, bool]]]] = {}
    for pod in pods:
        address = _address(service, pod, publish)
        if address is None:
            continue
        ready = publish or conditions.is_true(pod, "Ready")
        for port in _ports(service, pod):
            offer = offers.setdefault(tuple(port.items()) if port else (), (port, {}))
            offer[1][address["ip"], address["targetRef"]["uid"]] = address, ready
    together: dict[tuple[tuple[tuple[str, str], bool], ...], tuple[list[JSON], list[tuple[JSON, bool]]]] = {}
    for port, addresses in offers.values():
        entries = sorted(addresses.items())  # by address as text, then uid
        group = together.setdefault(
            tuple((who, ready) for who, (_, ready) in entries), ([], [entry for _, entry in entries])
        )
        if port is not None:
            group[0].append(port)
    subsets = (_subset(ports, addresses) for ports, addresses in together.values())
    return sorted(subsets, key=lambda subset: [_port_order(port) for port in subset.get("ports", ())])


def _subset(ports: list[JSON], addresses: list[tuple[JSON, bool]]) -> JSON:
    subset: JSON = {
        "addresses": [address for address, ready in addresses if ready],
        "notReadyAddresses": [address for address, ready in addresses if not ready],
        "ports": sorted(ports, key=_port_order),
    }
    return {field: entries for field, entries in subset.items() if entries}


def _port_order(port: JSON) -> tuple[str, int, str]:
    return port.get("name", ""), port["port"], port["protocol"]


def _ports(service: JSON, pod: JSON) -> Iterable[JSON | None]:
    """The Service's ports as this Pod offers them; None alone for a headless Service without ports."""
    wanted = service["spec"].get("ports") or ()
    if not wanted and service["spec"].get("clusterIP") == "None":
        return [None]
    found = ((port, service_endpoints.target_port(pod, port)) for port in wanted)
    ports = [service_endpoints.endpoint_port(port, number) for port, number in found if number is not None]
    for port in ports:
        if not port["name"]:
            del port["name"]
    return ports


def _address(service: JSON, pod: JSON, include_terminating: bool) -> JSON | None:
    families = service["spec"].get("ipFamilies") or ("IPv4",)
    ip = service_endpoints.ip_of_family(pod, families[0])
    if ip is None or not service_endpoints.belongs(pod, include_terminating):
        return None
    address: JSON = {"ip": ip}
    if hostname := service_endpoints.hostname(pod, service):
        address["hostname"] = hostname
    if pod["spec"].get("nodeName"):
        address["nodeName"] = pod["spec"]["nodeName"]
    namespace, name = objects.key(pod)
    address["targetRef"] = {"kind": "Pod", "name": name, "namespace": namespace, "uid": objects.uid(pod)}
    return address


def _truncate(subsets: list[JSON]) -> tuple[list[JSON], bool]:
    """At most 1000 addresses, ready ones first, each subset in proportion (truncateEndpoints)."""
    ready = sum(len(subset.get("addresses", ())) for subset in subsets)
    unready = sum(len(subset.get("notReadyAddresses", ())) for subset in subsets)
    if ready + unready <= CAPACITY:
        return subsets, False
    field, total, room = (
        ("addresses", ready, CAPACITY) if ready > CAPACITY else ("notReadyAddresses", unready, CAPACITY - ready)
    )
    left = room
    kept = []
    for subset in subsets:
        members = subset.get(field, ())
        share = min(left, math.ceil(len(members) / total * room))
        left -= min(share, len(members))
        cut = {**subset, field: list(members[:share])}
        if field == "addresses":
            cut.pop("notReadyAddresses", None)
        kept.append({name: entries for name, entries in cut.items() if entries})
    return kept, True


def _trigger_time(service: JSON, current: JSON | None, desired: JSON, pods: Sequence[JSON]) -> str | None:
    before, after = _readiness(current), _readiness(desired)
    changed = [pod for pod in pods if before.get(objects.uid(pod)) != after.get(objects.uid(pod))]
    moments = [
        service_endpoints.trigger_time(changed),
        objects.creation_timestamp(service) if current is None else None,
    ]
    return min((moment for moment in moments if moment), default=None)


def _readiness(endpoints: JSON | None) -> dict[str, bool]:
    """uid of each Pod that stands in the Endpoints → whether as ready."""
    standing: dict[str, bool] = {}
    for subset in (endpoints or {}).get("subsets") or ():
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            for address in subset.get(field) or ():
                standing[objects.get(address, "targetRef", "uid", default="")] = ready
    return standing


def _service_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    obj = new if new is not None else old
    return () if obj is None else (objects.key(obj),)


def _pod_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    pod = new if new is not None else old
    if pod is None:
        return ()
    services = cache.list(SERVICES, objects.namespace(pod))
    return [objects.key(service) for service in service_endpoints.services_of(old, new, services)]


def _is_ours_or_gone(old: JSON | None, new: JSON | None) -> bool:
    """Endpoints that were removed, and those of ours that may have outlived their Service while nobody looked."""
    if new is None:
        return True
    return old is None and service_endpoints.TRIGGER_TIME_ANNOTATION in objects.annotations(new)


CONTROLLER = Controller(
    name="endpoint",
    primary=ENDPOINTS,
    watches=(
        Watch(SERVICES, _service_keys),
        Watch(PODS, _pod_keys, service_endpoints.pod_change_matters),
        Watch(ENDPOINTS, _service_keys, _is_ours_or_gone),
    ),
    gather=gather,
    decide=decide,
    event_source="endpoint-controller",
)
