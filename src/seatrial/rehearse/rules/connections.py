"""Rules about requests that are lost while Pods come and go."""

from seatrial.api.registry import SERVICES
from seatrial.base.types import JSON
from seatrial.machinery import selectors
from seatrial.rehearse.behaviour import probing
from seatrial.rehearse.rules.base import Case, Found

ENDPOINT_LAG_SECONDS = 5.0
"""How long proxies and load balancers may take to hear that a Pod ends."""


def behind_a_service(case: Case) -> list[str]:
    """The Services that send requests to the workload's Pods."""
    return [
        f"service/{service['metadata']['name']}"
        for service in case.there(SERVICES)
        if service["spec"].get("selector") and selectors.from_map(service["spec"]["selector"]).matches(case.pod_labels)
    ]


def no_readiness_probe(case: Case) -> Found:
    bare = [str(each["name"]) for each in case.containers if not each.get("readinessProbe")]
    if bare and len(bare) == len(case.containers):
        services = behind_a_service(case)
        early = f"get requests of {', '.join(services)}" if services else "count as available"
        yield (
            f"no readiness probe: Pods {early} as soon as they run, ready or not",
            (case.name, *services),
        )


def exits_at_once(case: Case) -> Found:
    """A Pod that ends before all proxies know refuses connections."""
    services = behind_a_service(case)
    sleeps = any(probing.sleeps(each, "preStop") > 0 for each in case.containers)
    hooked = any((each.get("lifecycle") or {}).get("preStop") for each in case.containers)
    if services and not sleeps and not hooked:
        quick = [each for each in case.containers if _exit_seconds(case, each) < ENDPOINT_LAG_SECONDS]
        if len(quick) == len(case.containers):
            yield (
                "no preStop hook, and Pods end at once on SIGTERM: connections that are still sent to them are refused",
                (case.name, *services),
            )


def _exit_seconds(case: Case, container: JSON) -> float:
    return max((case.model.of(life.pod, container).exit for life in case.lives[:1]), default=0.0)
