"""Keeps the EndpointSlices of every Service with a selector equal to its Pods.

Mirrors pkg/controller/endpointslice and staging/src/k8s.io/endpointslice/reconciler.go of release 1.32.

- One set of slices per address family and set of resolved ports; at most 100 endpoints in a slice.
- Terminating Pods stay, with `serving` and `terminating`; `ready` means serving and not terminating, or that the
  Service publishes addresses that are not ready.
- As few writes as possible: an endpoint stays in its slice; leftovers fill slices that change anyway, fullest first,
  then the one slice that they fit into best, and only then new ones. A Service without endpoints has one empty slice.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from seatrial.api.registry import ENDPOINT_SLICES, NODES, PODS, SERVICES
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.machinery import conditions, names, objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Create, Decision, Delete, Event, Update
from seatrial.workloads import service_endpoints

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
OURSELVES = "endpointslice-controller.k8s.io"
MAX_ENDPOINTS = 100
ZONE = "topology.kubernetes.io/zone"

PortsKey = tuple[tuple[tuple[str, object], ...], ...]


@dataclass(frozen=True)
class View:
    """A Service, its slices (ours only), the Pods that its selector matches, and the zones of their nodes."""

    service: JSON
    slices: tuple[JSON, ...]
    pods: tuple[JSON, ...]
    zones: dict[str, str]
    """Node name → zone ("": none); nodes that don't exist are missing."""


@dataclass
class _Plan:
    """Slices to write. `update` holds slices with a name, `create` those without."""

    create: list[JSON] = field(default_factory=list)
    update: list[JSON] = field(default_factory=list)
    delete: list[JSON] = field(default_factory=list)


async def gather(key: Key, cache: CacheReader) -> View | None:
    service = cache.get(SERVICES, key)
    if service is None or not objects.get(service, "spec", "selector"):
        return None
    if objects.get(service, "spec", "type") == "ExternalName":
        return None
    pods = [pod for pod in cache.list(PODS, key[0]) if service_endpoints.selects(service, objects.labels(pod))]
    slices = [each for each in cache.list(ENDPOINT_SLICES, key[0]) if _service_of(each) == key[1]]
    zones = {}
    for node_name in dict.fromkeys(pod["spec"].get("nodeName") or "" for pod in pods):
        if (node := cache.get(NODES, ("", node_name))) is not None:
            zones[node_name] = objects.labels(node).get(ZONE) or ""
    return View(service, tuple(slices), tuple(pods), zones)


def decide(view: View, now: float) -> Decision:
    plan = _Plan()
    families = view.service["spec"].get("ipFamilies") or ["IPv4"]
    plan.delete += [each for each in view.slices if each["addressType"] not in families]
    for address_type in families:
        _plan_family(view, address_type, plan)
    actions = _actions(view, plan)
    waits_for_node = any(_node_is_missing(view, pod) for pod in view.pods)
    return Decision(actions, requeue_after=1.0 if waits_for_node else None, after_failure=_tell(view.service))


def _tell(service: JSON) -> Callable[[StatusError], Decision]:
    def tell(error: StatusError) -> Decision:
        namespace, name = objects.key(service)
        text = f"Error updating Endpoint Slices for Service {namespace}/{name}: {error.message}"
        return Decision((Event(service, "Warning", "FailedToUpdateEndpointSlices", text),))

    return tell


def _plan_family(view: View, address_type: str, plan: _Plan) -> None:
    """One address family: reconcileByAddressType."""
    existing = [each for each in view.slices if each["addressType"] == address_type]
    desired = _desired(view, address_type)
    by_ports: dict[PortsKey, list[JSON]] = {}
    family = _Plan()
    for each in existing:
        if objects.is_controlled_by(each, view.service):
            by_ports.setdefault(_ports_key(each.get("ports") or ()), []).append(each)
        else:
            family.delete.append(each)
    for ports_key, (ports, endpoints) in desired.items():
        _plan_ports(view.service, address_type, ports, by_ports.pop(ports_key, []), endpoints, family)
    family.delete += itertools.chain.from_iterable(by_ports.values())
    if len(existing) == len(family.delete) and not family.create:
        _keep_placeholder(view.service, address_type, family)
    _reuse_deleted(view.service, family)
    plan.create += family.create
    plan.update += family.update
    plan.delete += family.delete


def _keep_placeholder(service: JSON, address_type: str, plan: _Plan) -> None:
    """A Service without endpoints has one empty slice."""
    placeholder = _new_slice(service, address_type, [])
    if len(plan.delete) == 1 and _is_same_slice(plan.delete[0], placeholder):
        plan.delete.clear()
    else:
        plan.create.append(placeholder)


def _reuse_deleted(service: JSON, plan: _Plan) -> None:
    """Overwrite a slice that would go with one that would come."""
    for doomed in list(plan.delete):
        if plan.create and objects.is_controlled_by(doomed, service):
            plan.delete.remove(doomed)
            plan.update.append(_overwrite(doomed, plan.create.pop()))


def _overwrite(doomed: JSON, new: JSON) -> JSON:
    meta = {**doomed["metadata"], "labels": new["metadata"]["labels"]}
    return {**new, "metadata": meta}


def _plan_ports(
    service: JSON, address_type: str, ports: list[JSON], existing: Sequence[JSON], endpoints: list[JSON], plan: _Plan
) -> None:
    """The slices of one set of ports: reconcileByPortMapping."""
    left = {_identity(endpoint): endpoint for endpoint in endpoints}
    unchanged: list[JSON] = []
    update: list[JSON] = []
    for each in existing:
        old = each.get("endpoints") or []
        kept = [left.pop(_identity(endpoint)) for endpoint in old if _identity(endpoint) in left]
        if len(kept) == 0 and old:
            plan.delete.append(each)
        elif kept != old or _labels(service) != objects.labels(each):
            update.append(_with(each, kept, _labels(service)))
        else:
            unchanged.append(each)
    rest = list(left.values())
    for each in sorted(update, key=lambda each: -len(each["endpoints"])):
        _fill(each, rest)
    while rest:
        fitting = _best_fit(unchanged, len(rest)) if len(rest) < MAX_ENDPOINTS else None
        if fitting is not None:
            unchanged.remove(fitting)
            target = _with(fitting, fitting.get("endpoints") or [], _labels(service))
            update.append(target)
        else:
            target = _new_slice(service, address_type, ports)
            plan.create.append(target)
        _fill(target, rest)
    plan.update += update


def _fill(target: JSON, rest: list[JSON]) -> None:
    """Move endpoints from `rest` into a slice that is being built."""
    room = MAX_ENDPOINTS - len(target["endpoints"])
    target["endpoints"] += rest[:room]
    del rest[:room]


def _best_fit(slices: Sequence[JSON], count: int) -> JSON | None:
    """The fullest slice that still takes them all (getSliceToFill)."""
    fitting = [each for each in slices if len(each.get("endpoints") or ()) + count <= MAX_ENDPOINTS]
    return max(fitting, key=lambda each: len(each.get("endpoints") or ()), default=None)


def _with(each: JSON, endpoints: Sequence[JSON], labels: JSON) -> JSON:
    return {**each, "metadata": {**each["metadata"], "labels": labels}, "endpoints": list(endpoints)}


def _is_same_slice(one: JSON, other: JSON) -> bool:
    return (
        not one.get("endpoints")
        and _ports_key(one.get("ports") or ()) == _ports_key(other["ports"])
        and objects.labels(one) == objects.labels(other)
    )


def _new_slice(service: JSON, address_type: str, ports: list[JSON]) -> JSON:
    prefix = f"{objects.name(service)}-"
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": prefix if not names.dns1123_subdomain(prefix[:-1]) else objects.name(service),
            "namespace": objects.namespace(service),
            "labels": _labels(service),
            "ownerReferences": [objects.owner_reference(service, SERVICES)],
        },
        "addressType": address_type,
        "endpoints": [],
        "ports": ports,
    }


def _labels(service: JSON) -> JSON:
    reserved = (SERVICE_NAME, MANAGED_BY, service_endpoints.HEADLESS_LABEL)
    labels = {name: value for name, value in objects.labels(service).items() if name not in reserved}
    if not service_endpoints.has_cluster_ip(service):
        labels[service_endpoints.HEADLESS_LABEL] = ""
    return labels | {SERVICE_NAME: objects.name(service), MANAGED_BY: OURSELVES}


def _desired(view: View, address_type: str) -> dict[PortsKey, tuple[list[JSON], list[JSON]]]:
    """Resolved ports → (those ports, the endpoints that offer them)."""
    groups: dict[PortsKey, tuple[list[JSON], list[JSON]]] = {}
    for pod in view.pods:
        ip = service_endpoints.ip_of_family(pod, address_type)
        if ip is None or not service_endpoints.belongs(pod, True) or _node_is_missing(view, pod):
            continue
        ports = _ports(view.service, pod)
        group = groups.setdefault(_ports_key(ports), (ports, []))
        group[1].append(_endpoint(view, pod, ip))
    return groups


def _node_is_missing(view: View, pod: JSON) -> bool:
    """A Pod whose node doesn't exist waits for the Pod GC; only a Service that publishes everything shows it."""
    node_name = pod["spec"].get("nodeName")
    return bool(node_name) and node_name not in view.zones and not service_endpoints.publishes_not_ready(view.service)


def _endpoint(view: View, pod: JSON, ip: str) -> JSON:
    serving, terminating = conditions.is_true(pod, "Ready"), objects.is_terminating(pod)
    ready = service_endpoints.publishes_not_ready(view.service) or (serving and not terminating)
    namespace, name = objects.key(pod)
    endpoint: JSON = {
        "addresses": [ip],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": {"kind": "Pod", "name": name, "namespace": namespace, "uid": objects.uid(pod)},
    }
    node_name = pod["spec"].get("nodeName")
    if node_name:
        endpoint["nodeName"] = node_name
        if zone := view.zones.get(node_name):
            endpoint["zone"] = zone
    if hostname := service_endpoints.hostname(pod, view.service):
        endpoint["hostname"] = hostname
    return endpoint


def _ports(service: JSON, pod: JSON) -> list[JSON]:
    wanted = ((port, service_endpoints.target_port(pod, port)) for port in service["spec"].get("ports") or ())
    return [service_endpoints.endpoint_port(port, number) for port, number in wanted if number is not None]


def _ports_key(ports: Iterable[JSON]) -> PortsKey:
    return tuple(sorted(tuple(sorted(port.items())) for port in ports))


def _identity(endpoint: JSON) -> tuple[str, str]:
    return endpoint["addresses"][0], objects.get(endpoint, "targetRef", "uid", default="")


def _actions(view: View, plan: _Plan) -> tuple[Action, ...]:
    why = "the Service's Pods changed"
    annotated = _annotator(view)
    creates = [] if objects.is_terminating(view.service) else plan.create
    return (
        *(Create(ENDPOINT_SLICES, annotated(each), because=why) for each in creates),
        *(Update(ENDPOINT_SLICES, annotated(each), because=why) for each in plan.update),
        *(Delete(ENDPOINT_SLICES, objects.key(each), objects.uid(each), because=why) for each in plan.delete),
    )


def _annotator(view: View) -> Callable[[JSON], JSON]:
    """Puts the moment on a slice that caused its change."""
    before = {_identity(endpoint): endpoint for each in view.slices for endpoint in each.get("endpoints") or ()}
    pods = {objects.uid(pod): pod for pod in view.pods}

    def annotated(each: JSON) -> JSON:
        changed = [endpoint for endpoint in each["endpoints"] if before.get(_identity(endpoint)) != endpoint]
        moments = [service_endpoints.trigger_time(pods[endpoint["targetRef"]["uid"]] for endpoint in changed)]
        if not view.slices:
            moments.append(objects.creation_timestamp(view.service))
        moment = min((each for each in moments if each), default=None)
        annotations = {
            k: v for k, v in objects.annotations(each).items() if k != service_endpoints.TRIGGER_TIME_ANNOTATION
        }
        if moment:
            annotations[service_endpoints.TRIGGER_TIME_ANNOTATION] = moment
        return objects.with_metadata(each, annotations=annotations or None)

    return annotated


def _service_of(each: JSON) -> str | None:
    labels = objects.labels(each)
    return labels.get(SERVICE_NAME) if labels.get(MANAGED_BY) == OURSELVES else None


def _service_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    obj = new if new is not None else old
    return () if obj is None else (objects.key(obj),)


def _pod_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    pod = new if new is not None else old
    if pod is None:
        return ()
    services = cache.list(SERVICES, objects.namespace(pod))
    return [objects.key(service) for service in service_endpoints.services_of(old, new, services)]


def _slice_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    each = [obj for obj in (old, new) if obj is not None]
    owners = dict.fromkeys(name for obj in each if (name := _service_of(obj)))
    return [(objects.namespace(each[0]), name) for name in owners]


CONTROLLER = Controller(
    name="endpoint_slice",
    primary=ENDPOINT_SLICES,
    watches=(
        Watch(SERVICES, _service_keys),
        Watch(PODS, _pod_keys, service_endpoints.pod_change_matters),
        Watch(ENDPOINT_SLICES, _slice_keys),
    ),
    gather=gather,
    decide=decide,
    event_source="endpoint-slice-controller",
    reads=(NODES,),
)
