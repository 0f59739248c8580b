"""Why an update hangs: the obstacles of rollout/obstacles.py under the names of rules, and what no Pod shows."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace

from seatrial.api.registry import DAEMON_SETS, DEPLOYMENTS, EVENTS, NODES, PODS, STATEFUL_SETS
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, times
from seatrial.rehearse.result import Finding
from seatrial.rehearse.rules import capacity, catalogue, connections, held, selection, strategies, waits
from seatrial.rehearse.rules.base import Case
from seatrial.rehearse.rules.named_causes import CAUSES
from seatrial.rehearse.rules.waits import Seen
from seatrial.rollout import newest, obstacles, stuck
from seatrial.rollout.obstacles import Obstacle

WHAT_TO_DO = {
    **{rule.id: rule.remedy for rule in catalogue.WARNINGS},
    **{cause.id: cause.remedy for cause in CAUSES},
}
OTHERWISE = {**{cause.id: cause.otherwise for cause in CAUSES if cause.otherwise}, "quota-reached": "raise the quota"}
"""What to do where doing without a surge is no way out."""
WORDS: tuple[tuple[str, str], ...] = (
    ("Insufficient ", "no-room"),
    ("Too many pods", "no-room"),
    ("enough resource", "no-room"),
    ("pod anti-affinity", "anti-affinity"),
    ("pod affinity", "pod-affinity"),
    ("topology spread", "topology-spread"),
    ("free ports", "host-port-taken"),
    ("volume node affinity", "volume-elsewhere"),
    ("available disk", "volume-in-use"),
    ("ReadWriteOncePod", "volume-in-use"),
    ("persistentvolumeclaim", "claim-not-bound"),
    ("PersistentVolumeClaims", "claim-not-bound"),
    ("available volume", "claim-not-bound"),
    ("untolerated taint", "untolerated-taint"),
    ("didn't tolerate", "untolerated-taint"),
    ("affinity/selector", "no-matching-node"),
    ("unschedulable", "node-cordoned"),
)
"""Which word of the scheduler's message tells what. The first that is found names the cause."""
TWO_BUDGETS = "more than one PodDisruptionBudget"
"""What the eviction of a Pod is refused for that no budget can mend by sparing more."""
REFUSALS: tuple[tuple[str, str], ...] = (
    (
        "violates PodSecurity",
        "ask for less, or run it in a namespace whose pod-security.kubernetes.io/enforce allows it",
    ),
    ("no PriorityClass", "make the PriorityClass (kubectl create priorityclass), or name one that is there"),
    ("must specify", "say in the template what the quota counts"),
    (" per Container is ", "stay within the LimitRange of the namespace (kubectl describe limitrange)"),
    ("service account", "make the service account (kubectl create serviceaccount)"),
    (TWO_BUDGETS, "leave these Pods one budget, and delete the others (kubectl delete pdb)"),
    ("failed calling webhook", "bring the webhook's Service back, or set its failurePolicy to Ignore meanwhile"),
)
"""Which word of an API server's refusal asks for what."""
_UNREACHABLE = ("connection refused", "no such host", "i/o timeout", "network is unreachable", "deadline exceeded")
"""What a runtime says of a registry that it can't ask."""
_OF_THE_NEW_VERSION = frozenset({
    "image-not-found", "crash-loop", "never-ready", "missing-configuration", "liveness-kills-slow-starter",
    "scheduling-gate", "readiness-gate", "node-missing",
})  # fmt: skip
TRIED_AGAIN = "; there is room for it by now, and by itself it is tried again within 17 minutes"
"""Of a Pod that was refused: whoever makes Pods waits up to 1000 s until the next try."""
_TELLING = frozenset({"volume-locked", "multi-attach", "missing-configuration"})
"""Rules that say why a volume can't be mounted."""
REASONS = {
    "Image": "image-not-found",
    "CrashLoop": "crash-loop",
    "Probe": "never-ready",
    "Configuration": "missing-configuration",
    "Quota": "quota-reached",
    "FailedCreate": "pods-refused",
    "Unschedulable": "unschedulable",
    "Rejected": "unschedulable",
    "Volume": "volume-not-mounted",
}


def rule_of(obstacle: Obstacle) -> str:
    """The rule that an obstacle falls under."""
    message = obstacle.message
    if obstacle.reason == "Image" and any(each in message for each in _UNREACHABLE):
        return "registry-unreachable"
    if obstacle.reason in ("Unschedulable", "Rejected"):
        return next((rule for word, rule in WORDS if word in message), "unschedulable")
    if obstacle.reason == "Volume":
        if "is locked" in message or "still being used" in message:
            return "volume-locked"
        if "Multi-Attach" in message:
            return "multi-attach"
        if 'configmap "' in message or 'secret "' in message or "references non-existent" in message:
            return "missing-configuration"
    return REASONS[obstacle.reason]


def of(case: Case) -> list[Finding]:
    """All causes that can be seen, the surest first; [] when there is none."""
    found = [problem(rule, message, where) for rule, message, where in _deliberate(case)]
    owners, members = newest.of(case.obj, case.target.resource.kind, case.course)
    events = case.course.all(EVENTS)
    # What went on when the standstill began: retries back off, and their events grow old.
    since = case.course.news_at
    seen = obstacles.find(members, owners, events, since)
    restarted = {(objects.name(pod), name) for pod in members for name in _restarted(pod)}
    found += [_of_obstacle(case, obstacle, restarted) for obstacle in seen]
    found = _without_consequences(found)
    explained = {obstacle.pod for obstacle in seen}
    rest = [pod for pod in members if objects.name(pod) not in explained]
    found += [problem(rule, message, where) for rule, message, where in _less_direct(case, events, rest)]
    if not strategies.surges(case):
        found = [otherwise(each) for each in found]
    return [replace(each, remedy=f"{each.remedy}{_way_back(case, each)}") for each in found]


def otherwise(found: Finding) -> Finding:
    """With what is left to do where no surge is to be done without, or that did not help."""
    words = WHAT_TO_DO.get(found.rule, "")
    told = found.rule in OTHERWISE and found.remedy.startswith(words)
    return replace(found, remedy=OTHERWISE[found.rule] + found.remedy.removeprefix(words)) if told else found


def _restarted(pod: JSON) -> Iterator[str]:
    for status in objects.get(pod, "status", "containerStatuses", default=()):
        if status.get("restartCount"):
            yield str(status["name"])


def _of_obstacle(case: Case, obstacle: Obstacle, restarted: Container[tuple[str, str]]) -> Finding:
    where = f"pod/{obstacle.pod}" if obstacle.pod else case.name, case.name
    # Whether it waits, or runs and isn't ready, depends on the moment.
    killer = _killer(case, obstacle) if (obstacle.pod, obstacle.container) in restarted else ""
    if killer:
        return problem("liveness-kills-slow-starter", killer, where)
    rule = rule_of(obstacle)
    told = held.explain(case, rule, obstacle) if rule in held.RULES else ""
    later = TRIED_AGAIN if rule == "quota-reached" and not any(capacity.full_quotas(case)) else ""
    found = problem(rule, f"{told or _in_short(obstacle)}{later}", where)
    if held.UNUSED in told:
        rescue = f"seatrial rescue --all -n {case.target.namespace}"
        return replace(found, remedy=f"{rescue} says whether it is stale, and frees it with --fix")
    return found


def _without_consequences(found: Sequence[Finding]) -> list[Finding]:
    """That waiting for a volume took too long follows from what keeps it."""
    told = {each.objects[0] for each in found if each.rule in _TELLING}
    return [each for each in found if each.rule != "volume-not-mounted" or each.objects[0] not in told]


def _way_back(case: Case, found: Finding) -> str:
    """How to have the old version again, where the new one is to blame."""
    if found.rule not in _OF_THE_NEW_VERSION or not case.is_another_version or case.target.resource not in UNDOABLE:
        return ""
    command = f"; kubectl rollout undo {case.name} -n {case.target.namespace} goes back"
    if case.target.resource is STATEFUL_SETS:
        pod = found.objects[0].removeprefix("pod/")
        command += f", once kubectl delete pod {pod} -n {case.target.namespace} has made room for it"
    return command


def _in_short(obstacle: Obstacle) -> str:
    """Without what the scheduler says of preemption: that it found no way is said already."""
    return str(obstacle).partition(" preemption: ")[0]


def _killer(case: Case, obstacle: Obstacle) -> str:
    """What to say of a container that does not crash by itself; "" of one that does."""
    for event in case.course.events:
        if event.object == f"pod/{obstacle.pod}" and event.reason == "Unhealthy":
            probe = event.message.partition(" ")[0].lower()
            if probe in ("liveness", "startup"):
                name = obstacle.container
                return (
                    f"pod {obstacle.pod}: the {probe} probe kills container {name} again and again, before it answers"
                )
    return ""


def problem(rule: str, message: str, where: Sequence[str]) -> Finding:
    """The remedy in words is that of the rule; for a rule that warns, too, what is said there."""
    remedy = WHAT_TO_DO.get(rule, "")
    if rule in ("pods-refused", "change-refused", "drain-refused"):
        remedy = next((advice for word, advice in REFUSALS if word in message), remedy)
    return Finding(rule, message, tuple(dict.fromkeys(where)), remedy, severity="problem")


UNDOABLE = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS)


def _deliberate(case: Case) -> Iterator[Seen]:
    """The workload was told not to go on."""
    spec, kind = case.spec, case.target.resource.kind
    if kind == "Deployment" and spec.get("paused"):
        yield "paused", f"{case.name} is paused: it rolls when it is resumed", (case.name,)
    how = (spec.get("updateStrategy") or {}).get("type")
    if how == "OnDelete":
        yield "on-delete", f"{case.name} replaces Pods only when somebody deletes them (OnDelete)", (case.name,)
    partition = int(objects.get(spec, "updateStrategy", "rollingUpdate", "partition", default=0))
    if kind == "StatefulSet" and partition >= case.counts.desired > 0:
        yield "partition", f"{case.name} has a partition of {partition}: Pods below it keep their version", (case.name,)


def _less_direct(case: Case, events: Sequence[JSON], members: Sequence[JSON]) -> Iterator[Seen]:
    """What objects show, though no event tells it. `members`: Pods of which nothing else has been told."""
    yield from waits.refused_set(case)
    yield from _stuck_ordinal(case, events)
    yield from staying(case)
    waiting = list(waits.of_pods(case, members))
    yield from waiting
    told = {where[0] for _, _, where in waiting}
    rest = [pod for pod in members if f"pod/{objects.name(pod)}" not in told]
    yield from _waiting(case, rest)
    yield from _never_ready(case, rest)
    yield from _deadline_too_short(case)
    for message, shown in selection.shared_selector(case):
        yield "shared-selector", message, shown


def _stuck_ordinal(case: Case, events: Sequence[JSON]) -> Iterator[Seen]:
    """A Pod of an old revision that its StatefulSet waits for."""
    if case.target.resource.kind == "StatefulSet":
        blocking = stuck.find(case.obj, case.course.all(PODS), events, case.now)
        if blocking is not None:
            yield "stuck-ordinal", f"{case.name} is {blocking}", (f"pod/{blocking.name}", case.name)


def staying(case: Case) -> Iterator[Seen]:
    """Pods that are being deleted and do not go."""
    for pod in case.course.all(PODS):
        if not objects.is_terminating(pod) or case.course.owner_of(pod) != case.target:
            continue
        name = objects.name(pod)
        if objects.finalizers(pod):
            kept = ", ".join(objects.finalizers(pod))
            yield "finalizer", f"pod {name} can't go: it is kept by {kept}", (f"pod/{name}", case.name)
        elif case.now > times.parse_time(objects.deletion_timestamp(pod) or ""):
            node = pod["spec"].get("nodeName") or ""
            text = f"pod {name} on {node} does not end{_silent(case, node)}"
            yield "pod-does-not-end", text, (f"pod/{name}", f"node/{node}")


def _silent(case: Case, name: str) -> str:
    nodes = (each for each in case.course.all(NODES) if objects.name(each) == name)
    silent = any(not conditions.is_true(each, "Ready") for each in nodes)
    return ": the node does not report any more" if silent else ""


def _waiting(case: Case, members: Sequence[JSON]) -> Iterator[Seen]:
    """The first init container that runs and does not end."""
    for pod, container in _running_inits(members):
        name = objects.name(pod)
        where = f"pod {name}: init container {container['name']}"
        awaited = case.model.of(pod, container).waits_for
        if not awaited:
            yield "init-container-waits", f"{where} does not end", (f"pod/{name}", case.name)
            return
        service = f"service/{awaited}"
        its_own = service in connections.behind_a_service(case)
        why = "which only gets an endpoint when this very Pod is ready" if its_own else "which has no endpoint"
        yield "init-container-waits", f"{where} waits for {service}, {why}", (f"pod/{name}", case.name, service)
        return


def _running_inits(members: Sequence[JSON]) -> Iterator[tuple[JSON, JSON]]:
    """(Pod, init container), sidecars left out."""
    for pod in members:
        statuses = (pod.get("status") or {}).get("initContainerStatuses") or ()
        running = [str(each["name"]) for each in statuses if objects.get(each, "state", "running") is not None]
        for container in pod["spec"].get("initContainers") or ():
            if container["name"] in running and container.get("restartPolicy") != "Always":
                yield pod, container


def _never_ready(case: Case, members: Sequence[JSON]) -> Iterator[Seen]:
    """The first Pod that runs and is not ready."""
    for pod in members:
        name = objects.name(pod)
        if not conditions.is_true(pod, "Ready") and (pod.get("status") or {}).get("phase") == "Running":
            yield "never-ready", f"pod {name} runs, and is not ready", (f"pod/{name}", case.name)
            return


def _deadline_too_short(case: Case) -> Iterator[Seen]:
    least = float(case.spec.get("minReadySeconds") or 0)
    deadline = case.spec.get("progressDeadlineSeconds")
    if deadline is not None and least >= float(deadline):
        text = f"minReadySeconds {least:.0f} is not below progressDeadlineSeconds {deadline}"
        yield "deadline-too-short", text, (case.name,)
