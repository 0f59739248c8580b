"""Rules about labels: whose Pods a workload's selector chooses, and a Service's."""

from seatrial.api.registry import PODS, SERVICES
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors
from seatrial.machinery.selectors import Selector
from seatrial.rehearse.rules.base import Case, Found
from seatrial.workloads import pods, service_endpoints


def shared_selector(case: Case) -> Found:
    """Pods that this workload selects and another one owns."""
    chosen = _selector(case)
    owners = {
        f"{reference['kind'].lower()}/{reference['name']}"
        for pod in case.there(PODS)
        if chosen.matches(objects.labels(pod))
        and case.course.owner_of(pod) != case.target
        and (reference := objects.controller_of(pod)) is not None
    }
    if owners:
        shown = sorted(owners)
        yield (
            f"{case.name} selects Pods of {', '.join(shown)}, too",
            (case.name, *shown),
        )


def _selector(case: Case) -> Selector:
    selector = case.spec.get("selector")
    if case.target.resource.kind == "ReplicationController":
        return selectors.from_map(selector or {})
    return selectors.from_label_selector(selector)


def service_without_pods(case: Case) -> Found:
    """A Service that sent requests to this workload, or was to, and has nobody to send them to."""
    there = case.there(PODS)
    for service in case.there(SERVICES):
        selector = service["spec"].get("selector") or {}
        chosen = [pod for pod in there if _matches(selector, pod)]
        if not selector or not case.counts.desired or any(map(pods.is_ready, chosen)):
            continue
        wrong = [f"{key}={value}" for key, value in selector.items() if case.pod_labels.get(key) != value]
        nearly = not chosen and 0 < 2 * len(wrong) <= len(selector)
        if nearly or _served(case, service):
            name = f"service/{objects.name(service)}"
            shown = ",".join(f"{key}={value}" for key, value in selector.items())
            why = f"the Pods of {case.name} are not {', '.join(wrong)}" if wrong else "none of its Pods is ready"
            yield (
                f"{name} has no endpoints: it selects {shown}, and {why}",
                (name, case.name),
            )


def service_port_missing(case: Case) -> Found:
    """A Service whose targetPort is a name that the template has for no port."""
    for service in case.there(SERVICES):
        if not _matches(service["spec"].get("selector") or {}, {"metadata": {"labels": case.pod_labels}}):
            continue
        for port in service["spec"].get("ports") or ():
            if service_endpoints.target_port({"spec": case.pod_spec}, port) is None:
                name = f"service/{objects.name(service)}"
                yield (
                    f"{name} sends requests to the port {port['targetPort']} of its Pods, and no container of "
                    f"{case.name} has a {port.get('protocol', 'TCP')} port of that name",
                    (name, case.name),
                )


def _served(case: Case, service: JSON) -> bool:
    """Whether it sent requests to the workload's Pods before the change."""
    uid = objects.uid(service)
    for before in case.course.at_first(SERVICES):
        if objects.uid(before) == uid:
            selector = before["spec"].get("selector") or {}
            return any(life.was_ready and _matches(selector, life.pod) for life in case.lives)
    return False


def _matches(selector: JSON, pod: JSON) -> bool:
    labels = objects.labels(pod)
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())
