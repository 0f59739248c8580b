"""How Pods behave in a rehearsal: what is known of them, else what their probes say, else a stated default.

A Model (node/runtimes/simulated.py) that answers for each container of each Pod.
"""

from dataclasses import replace

from seatrial.base.types import JSON
from seatrial.node.runtimes.simulated import Behaviour, Model

DEFAULT = Behaviour(start=2.0, ready=1.0, exit=1.0)
"""Nothing is known: two seconds to pull and start, one to become ready, one to end."""
DEFAULT_TOLD = "Pods start within 2s, are ready 1s later, and end 1s after SIGTERM (--behaviour says otherwise)"


class ProbedModel(Model):
    """Behaviour per image where it is given, else by default; readiness is seen when a probe looks."""

    def of(self, pod: JSON, container: JSON) -> Behaviour:
        known = self.images.get(container["image"])
        if known is not None:
            return known
        return with_probes(self.default, container)


def with_probes(behaviour: Behaviour, container: JSON) -> Behaviour:
    """The same application, seen through the container's readiness probe; without one it is ready at once."""
    probe = container.get("readinessProbe")
    if behaviour.ready is None:
        return behaviour
    if probe is None:
        return replace(behaviour, ready=0.0)
    first, period = float(probe.get("initialDelaySeconds") or 0), float(probe.get("periodSeconds") or 10)
    looks = 0 if behaviour.ready <= first else -(-(behaviour.ready - first) // period)
    needed = int(probe.get("successThreshold") or 1) - 1
    return replace(behaviour, ready=first + (looks + needed) * period)
