"""What a container's probes and hooks make of an application's behaviour. Pure.

The application answers `ready` seconds after its start. Its readiness is seen when the probe looks next; a startup or
liveness probe that has failed too often by then has it killed before; a preStop hook that sleeps delays its end, a
postStart hook that does delays its start.

A kubelet's probes begin with the Pod, before its containers are there, and look once a period from then on; readiness
is looked at when the container is noticed, too (pkg/kubelet/prober: worker.go, and UpdatePodStatus in
prober_manager.go). Seatrial's node agent begins with the container, and until the first success looks every second
(node/probes.py).
"""

import math
import re
from dataclasses import dataclass, replace

from seatrial.base.types import JSON
from seatrial.node.probes import UNTRIED_PERIOD_SECONDS, initial_delay
from seatrial.node.runtimes.simulated import Behaviour

_SLEEP = re.compile(r"\bsleep\s+([0-9.]+)")
NOTICED_SECONDS = 1.0
"""A kubelet asks its runtime once a second what has started (pkg/kubelet/pleg)."""
_HANDLERS = ("httpGet", "tcpSocket", "grpc", "exec")


def _period(probe: JSON) -> float:
    return float(probe.get("periodSeconds") or 10)


@dataclass(frozen=True)
class Agent:
    """Seatrial's own. Times are seconds after the container's start; `begins`: when the probe may look."""

    def first(self, probe: JSON, begins: float) -> float:
        """The first look."""
        return begins + initial_delay(probe, begins)

    def success(self, probe: JSON, answers: float, begins: float) -> float:
        """The first look that finds an answer; none in between was missed."""
        return _next(self.first(probe, begins), _period(probe), answers)

    def readiness(self, probe: JSON, answers: float, begins: float) -> float:
        """As `success`, of a container that has never been ready."""
        return _next(self.first(probe, begins), min(_period(probe), UNTRIED_PERIOD_SECONDS), answers)


@dataclass(frozen=True)
class Kubelet:
    """`waited`: how long the Pod had been on its node when the container started."""

    waited: float

    def first(self, probe: JSON, begins: float) -> float:
        """As Agent.first."""
        period = _period(probe)
        may = max(begins, float(probe.get("initialDelaySeconds") or 0))
        return _next(period - math.fmod(self.waited, period), period, may)

    def success(self, probe: JSON, answers: float, begins: float) -> float:
        """As Agent.success."""
        return _next(self.first(probe, begins), _period(probe), answers)

    def readiness(self, probe: JSON, answers: float, begins: float) -> float:
        """As Agent.readiness: a container that is noticed, or has started up, is looked at in between."""
        looked = begins or NOTICED_SECONDS
        found = self.success(probe, answers, begins)
        return min(looked, found) if max(answers, float(probe.get("initialDelaySeconds") or 0)) <= looked else found


Looks = Agent | Kubelet


def _next(first: float, step: float, at: float) -> float:
    """The first look of a series that is not before that time."""
    return first + max(math.ceil((at - first) / step), 0) * step


def seen(behaviour: Behaviour, container: JSON, looks: Looks, *, seen_ready: bool) -> Behaviour:
    """The behaviour as a cluster sees it. `seen_ready`: `ready` is that already."""
    hook = sleeps(container, "postStart")
    answers = math.inf if behaviour.ready is None else max(behaviour.ready - hook, 0.0)
    unhealthy = given_up(container, answers, looks)
    ready = behaviour.ready
    if ready is not None and not seen_ready:
        ready = readiness(container, answers, looks)
    end = behaviour.exit + sleeps(container, "preStop")
    return replace(behaviour, start=behaviour.start + hook, ready=ready, unhealthy=unhealthy, exit=end)


def started(container: JSON, answers: float, looks: Looks) -> float:
    """When the startup probe has succeeded; others don't look before."""
    probe = container.get("startupProbe")
    return looks.success(probe, answers, 0.0) if probe else 0.0


def readiness(container: JSON, answers: float, looks: Looks) -> float:
    """When the readiness probe has succeeded as often as it must; without one at once."""
    begins, probe = started(container, answers, looks), container.get("readinessProbe")
    if not probe:
        return begins
    more = int(probe.get("successThreshold") or 1) - 1
    return looks.readiness(probe, answers, begins) + more * _period(probe)


def given_up(container: JSON, answers: float, looks: Looks) -> float | None:
    """When the startup or liveness probe has failed so often that the container is killed; None if it is not."""
    startup = container.get("startupProbe")
    probe = startup or container.get("livenessProbe")
    if not probe or (math.isinf(answers) and not _same_handler(probe, container.get("readinessProbe"))):
        return None
    patience = int(probe.get("failureThreshold") or 3) - 1
    last = looks.first(probe, 0.0) + patience * _period(probe)
    return last if answers > last else None


def _same_handler(probe: JSON, readiness: JSON | None) -> bool:
    """What never gets ready fails the other probe, too, if that asks the same."""
    return readiness is not None and any(probe.get(each) and probe[each] == readiness.get(each) for each in _HANDLERS)


def sleeps(container: JSON, hook: str) -> float:
    """Seconds that a hook sleeps: preStop or postStart."""
    action = (container.get("lifecycle") or {}).get(hook) or {}
    if "sleep" in action:
        return float(action["sleep"].get("seconds") or 0)
    command = " ".join(str(word) for word in (action.get("exec") or {}).get("command") or ())
    found = _SLEEP.search(command)
    return float(found[1]) if found else 0.0
