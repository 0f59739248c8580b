"""What a container's probes and hooks make of an application's behaviour. Pure.

The application answers `ready` seconds after its start. Its readiness is seen when the probe looks next; a startup or
liveness probe that has failed too often by then has it killed before; a preStop hook that sleeps delays its end. Probes
look when the node agent's do (node/probes.py): until the first success readiness is looked at more often than its
period.
"""

import math
import re
from dataclasses import replace

from seatrial.base.types import JSON
from seatrial.node.probes import UNTRIED_PERIOD_SECONDS, initial_delay
from seatrial.node.runtimes.simulated import Behaviour

_SLEEP = re.compile(r"\bsleep\s+([0-9.]+)")
_HANDLERS = ("httpGet", "tcpSocket", "grpc", "exec")


def seen(behaviour: Behaviour, container: JSON, *, seen_ready: bool) -> Behaviour:
    """The behaviour as a cluster sees it. `seen_ready`: `ready` is that already."""
    answers = math.inf if behaviour.ready is None else behaviour.ready
    unhealthy = given_up(container, answers)
    ready = behaviour.ready
    if ready is not None and not seen_ready:
        begins = started(container, ready)
        ready = first_success(container.get("readinessProbe"), ready, begins, UNTRIED_PERIOD_SECONDS)
    end = behaviour.exit + sleeps_before_stop(container)
    return replace(behaviour, ready=ready, unhealthy=unhealthy, exit=end)


def started(container: JSON, answers: float) -> float:
    """When the startup probe has succeeded; readiness is not probed before."""
    probe = container.get("startupProbe")
    return first_success(probe, answers, 0.0) if probe else 0.0


def first_success(probe: JSON | None, answers: float, begins: float, untried_period: float = math.inf) -> float:
    """When a probe that begins then has succeeded as often as it must; without one at once.

    `untried_period`: how often it looks at least, until it has succeeded once.
    """
    if probe is None:
        return begins
    first = begins + initial_delay(probe, begins)
    period = float(probe.get("periodSeconds") or 10)
    step = min(period, untried_period)
    looks = max(math.ceil((answers - first) / step), 0)
    return first + looks * step + (int(probe.get("successThreshold") or 1) - 1) * period


def given_up(container: JSON, answers: float) -> float | None:
    """When the startup or liveness probe has failed so often that the container is killed; None if it is not."""
    startup = container.get("startupProbe")
    probe = startup or container.get("livenessProbe")
    if not probe or (math.isinf(answers) and not _same_handler(probe, container.get("readinessProbe"))):
        return None
    patience = int(probe.get("failureThreshold") or 3) - 1
    last = initial_delay(probe, 0.0) + patience * float(probe.get("periodSeconds") or 10)
    return last if answers > last else None


def _same_handler(probe: JSON, readiness: JSON | None) -> bool:
    """What never gets ready fails the other probe, too, if that asks the same."""
    return readiness is not None and any(probe.get(each) and probe[each] == readiness.get(each) for each in _HANDLERS)


def sleeps_before_stop(container: JSON) -> float:
    """Seconds that the preStop hook sleeps."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if "sleep" in hook:
        return float(hook["sleep"].get("seconds") or 0)
    command = " ".join(str(word) for word in (hook.get("exec") or {}).get("command") or ())
    found = _SLEEP.search(command)
    return float(found[1]) if found else 0.0
