"""Why does this Pod hang, and may what holds it up be broken? Pure: evidence in, chain and verdict out.

The order is that of a Pod's life: it ends (ending.py), it has no node yet, its volumes don't come (volume_holders.py),
its containers don't start (plain_causes.py).
"""

from dataclasses import replace

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, times
from seatrial.rescue import ending, plain_causes, volume_holders
from seatrial.rescue.evidence import Evidence
from seatrial.rescue.findings import Fact, Finding, Verdict
from seatrial.rescue.liveness import times_ago

UNREAD_TELLS = "the right to get and list {resources}, or somebody who has it running this"


def diagnose(evidence: Evidence, now: float) -> Finding:
    """The first thing that holds the Pod up. Without all the evidence nothing is called stale."""
    found = _diagnose(evidence, now)
    if not evidence.unread or found.verdict is Verdict.WELL:
        return found
    resources = ", ".join(sorted(evidence.unread))
    found = replace(found, chain=(*found.chain, Fact("not read", f"{resources}: you have no right to")))
    tells = UNREAD_TELLS.format(resources=resources)
    if found.verdict is Verdict.STALE:
        because = f"{found.because}, as far as can be seen without {resources}"
        return replace(found, verdict=Verdict.CANNOT_TELL, because=because, would_tell=tells, holder=None)
    return replace(found, would_tell=found.would_tell or tells)


def _diagnose(evidence: Evidence, now: float) -> Finding:
    pod = evidence.pod
    start = (Fact(f"pod {'/'.join(objects.key(pod))}", _state(pod, now)), *_last_words(evidence, now))
    if objects.is_terminating(pod):
        return ending.diagnose(evidence, start, now)
    if not hangs(pod):
        return Finding(objects.key(pod), objects.uid(pod), "Nothing", Verdict.WELL, "it does not hang", start)
    if not pod["spec"].get("nodeName"):
        return plain_causes.unscheduled(evidence, start)
    return volume_holders.diagnose(evidence, start, now) or plain_causes.diagnose(evidence, start, now)


def hangs(pod: JSON) -> bool:
    """Terminating, or not all of its containers have been started; after its node was restarted a Pod waits, too."""
    if objects.is_terminating(pod) or objects.get(pod, "status", "phase", default="Pending") == "Pending":
        return True
    return plain_causes.waiting_reason(pod) == "ContainerCreating"


def _state(pod: JSON, now: float) -> str:
    """`ContainerCreating on node-2 for 3 min`."""
    node = pod["spec"].get("nodeName")
    deleted = objects.deletion_timestamp(pod)
    since = times.parse_time(deleted or objects.creation_timestamp(pod))
    where = f" on {node}" if node else ""
    if deleted:
        late = now - since
        return f"Terminating{where}, {times_ago(abs(late))} {'past' if late > 0 else 'before'} the end of its grace"
    return f"{plain_causes.waiting_reason(pod) or _phase(pod)}{where} for {times_ago(now - since)}"


def _phase(pod: JSON) -> str:
    if conditions.is_true(pod, "Ready"):
        return "Ready"
    return str(objects.get(pod, "status", "phase", default="Pending"))


def _last_words(evidence: Evidence, now: float) -> tuple[Fact, ...]:
    """The newest warning about the Pod."""
    for event in reversed(evidence.events):
        if event.get("type") == "Warning":
            count = int(event.get("count") or 1)
            times_seen = f" (x{count})" if count > 1 else ""
            text = " ".join(str(event.get("message", "")).split())
            return (Fact(f"event {event.get('reason', '')}{times_seen}", text),)
    return ()
