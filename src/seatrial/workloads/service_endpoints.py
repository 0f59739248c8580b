"""Which Pods stand behind a Service, under which ports, and which changes matter.

Follows staging/src/k8s.io/endpointslice/util/controller_utils.go and pkg/api/v1/pod/util.go (release 1.32).
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, selectors

TOLERATE_UNREADY = "service.alpha.kubernetes.io/tolerate-unready-endpoints"
HEADLESS_LABEL = "service.kubernetes.io/headless"
TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"


def selects(service: JSON, labels: JSON) -> bool:
    """Whether the Service's selector is there and matches."""
    selector = objects.get(service, "spec", "selector")
    return bool(selector) and selectors.from_map(selector).matches(labels)


def publishes_not_ready(service: JSON) -> bool:
    """Whether Pods count as ready whatever they say."""
    tolerated = objects.annotations(service).get(TOLERATE_UNREADY)
    if tolerated is not None:
        return cast(str, tolerated).lower() in ("1", "t", "true")
    return bool(objects.get(service, "spec", "publishNotReadyAddresses"))


def has_cluster_ip(service: JSON) -> bool:
    """False for headless Services."""
    return objects.get(service, "spec", "clusterIP", default="") not in ("", "None")


def pod_ips(pod: JSON) -> list[str]:
    """All addresses of a Pod, the main one first."""
    status = pod.get("status") or {}
    ips = [entry["ip"] for entry in status.get("podIPs") or () if entry.get("ip")]
    return ips or ([status["podIP"]] if status.get("podIP") else [])


def family(ip: str) -> str:
    return "IPv6" if ":" in ip else "IPv4"


def ip_of_family(pod: JSON, wanted: str) -> str | None:
    return next((ip for ip in pod_ips(pod) if family(ip) == wanted), None)


def belongs(pod: JSON, include_terminating: bool) -> bool:
    """Whether the Pod has an address that traffic may go to (ShouldPodBeInEndpoints)."""
    if objects.get(pod, "status", "phase") in ("Succeeded", "Failed") or not pod_ips(pod):
        return False
    return include_terminating or not objects.is_terminating(pod)


def hostname(pod: JSON, service: JSON) -> str:
    """The Pod's own name under the Service's domain, or ""."""
    spec = pod.get("spec") or {}
    return spec.get("hostname") or "" if spec.get("subdomain") == objects.name(service) else ""


def target_port(pod: JSON, service_port: JSON) -> int | None:
    """The number that a Service port leads to on this Pod; None when no container names it (FindPort)."""
    target = service_port.get("targetPort") or service_port.get("port")
    if isinstance(target, int):
        return target
    protocol = service_port.get("protocol") or "TCP"
    for container in _serving_containers(pod):
        for port in container.get("ports") or ():
            if port.get("name") == target and (port.get("protocol") or "TCP") == protocol:
                return cast(int, port["containerPort"])
    return None


def _serving_containers(pod: JSON) -> Iterable[JSON]:
    spec = pod["spec"]
    yield from spec.get("containers") or ()
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            yield container


def endpoint_port(service_port: JSON, number: int) -> JSON:
    """name, port, protocol and appProtocol as they stand in Endpoints and EndpointSlices."""
    port: JSON = {
        "name": service_port.get("name") or "",
        "port": number,
        "protocol": service_port.get("protocol") or "TCP",
    }
    if service_port.get("appProtocol"):
        port["appProtocol"] = service_port["appProtocol"]
    return port


def services_of(old: JSON | None, new: JSON | None, services: Sequence[JSON]) -> list[JSON]:
    """Those of the namespace's Services that a change of a Pod concerns."""
    labels = [objects.labels(pod) for pod in (old, new) if pod is not None]
    if len(labels) == 2 and labels[0] == labels[1]:
        labels.pop()
    return [service for service in services if any(selects(service, each) for each in labels)]


def pod_change_matters(old: JSON | None, new: JSON | None) -> bool:
    """Whether a change of a Pod can change any endpoint (GetPodUpdateProjectionKey and podEndpointsChanged)."""
    if old is None or new is None:
        pod = new if new is not None else old
        return pod is not None and bool(pod_ips(pod))
    return _facets(old) != _facets(new)


def _facets(pod: JSON) -> tuple[Any, ...]:
    spec = pod["spec"]
    return (
        conditions.is_true(pod, "Ready"),
        objects.is_terminating(pod),
        pod_ips(pod),
        objects.labels(pod),
        objects.get(pod, "status", "phase") in ("Succeeded", "Failed"),
        spec.get("nodeName"),
        spec.get("hostname"),
        spec.get("subdomain"),
    )


def trigger_time(pods: Iterable[JSON]) -> str | None:
    """The earliest moment at which one of these Pods became what it is (its Ready condition's last transition)."""
    times = [
        condition["lastTransitionTime"]
        for pod in pods
        if (condition := conditions.find(pod, "Ready")) and condition.get("lastTransitionTime")
    ]
    return min(times, default=None)
