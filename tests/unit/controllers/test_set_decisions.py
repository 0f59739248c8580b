"""StatefulSets and DaemonSets: what one look decides, without a cluster."""

from typing import Any

import pytest

from seatrial.api.registry import CONTROLLER_REVISIONS, DAEMON_SETS, STATEFUL_SETS
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.controllers.daemon_set import controller as daemon_set
from seatrial.controllers.daemon_set import pods_of
from seatrial.controllers.daemon_set.view import View as DaemonView
from seatrial.controllers.stateful_set import controller as stateful_set
from seatrial.controllers.stateful_set import identity
from seatrial.controllers.stateful_set.ordering import STUCK_ROLLOUT
from seatrial.controllers.stateful_set.view import View
from seatrial.machinery import objects, times
from seatrial.reconcile.decision import Batch, Create, Decision, Delete, Event, Update
from seatrial.workloads import controller_revisions
from seatrial.workloads.ownership import Claims

NOW = 1_735_689_700.0
EARLIER = times.format_time(NOW - 100)
TEMPLATE: JSON = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}}


def a(resource: Resource, image: str = "app:1", annotations: JSON | None = None, **spec: Any) -> JSON:
    template = {**TEMPLATE, "spec": {"containers": [{"name": "c", "image": image}]}}
    metadata = {"name": "web", "namespace": "default", "uid": "u-web", "generation": 1}
    made: JSON = {
        "metadata": {**metadata, "annotations": annotations or {}},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": objects.copy(template), **spec},
    }
    resource.default(made)
    return made


def revision(owner: JSON, number: int, resource: Resource = STATEFUL_SETS) -> JSON:
    made = controller_revisions.make(owner, resource, f"web-r{number}", number, {})
    made["metadata"] |= {"creationTimestamp": EARLIER, "uid": f"u-r{number}"}
    return made


def a_pod(
    owner: JSON, number: int, of: JSON, *, ready: bool = True, waiting: str = "", terminating: bool = False
) -> JSON:
    pod = identity.new_pod(owner, controller_revisions.template_of(of), objects.name(of), number)
    pod["metadata"] |= {"uid": f"u-{number}", "creationTimestamp": EARLIER}
    if terminating:
        pod["metadata"]["deletionTimestamp"] = EARLIER
    since = times.format_time(NOW - 50)
    pod["status"] = {
        "phase": "Running",
        "startTime": EARLIER,
        "conditions": [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": since}],
    }
    if waiting:
        pod["status"]["containerStatuses"] = [{"name": "c", "state": {"waiting": {"reason": waiting}}}]
    return pod


def look(owner: JSON, pods: list[JSON], revisions: list[JSON], current: str = "") -> Decision:
    owner = objects.with_status(owner, {"currentRevision": current or objects.name(revisions[0])})
    view = View(owner, Claims(tuple(pods)), Claims(tuple(revisions)), frozenset(map(objects.name, revisions)))
    return stateful_set.decide(objects_frozen(view), NOW)


def objects_frozen(view: View) -> View:
    """Whoever changes what it was given is found out."""
    claims = Claims(tuple(map(objects.freeze, view.claims.claimed)))
    revisions = Claims(tuple(map(objects.freeze, view.revisions.claimed)))
    return View(objects.freeze(view.stateful_set), claims, revisions, view.taken)


def flat(decision: Decision) -> list[str]:
    told = []
    for action in decision.actions:
        for each in action.actions if isinstance(action, Batch) else (action,):
            if isinstance(each, Create):
                told.append(f"create {objects.name(each.object) or each.object['metadata'].get('generateName')}")
            elif isinstance(each, Delete):
                told.append(f"delete {each.key[1]}")
            elif isinstance(each, Update):
                told.append(f"update {objects.name(each.object)}")
    return told


def old_and_new(**spec: Any) -> tuple[JSON, JSON, JSON]:
    """A set whose template is app:2, and its revisions of app:1 and app:2."""
    before, after = a(STATEFUL_SETS, "app:1", **spec), a(STATEFUL_SETS, "app:2", **spec)
    return after, revision(before, 1), revision(after, 2)


def test_a_new_set_notes_its_template_and_begins_with_the_first_pod() -> None:
    owner = a(STATEFUL_SETS, replicas=3)
    decision = stateful_set.decide(View(objects.freeze(owner), Claims()), NOW)
    made, batch = decision.actions
    assert isinstance(made, Create)
    assert made.resource == CONTROLLER_REVISIONS
    assert isinstance(batch, Batch)
    assert flat(decision) == [f"create {objects.name(made.object)}", "create web-0"]
    assert decision.status is not None
    assert decision.status["status"]["updateRevision"] == objects.name(made.object)


def test_parallel_pods_are_made_all_at_once() -> None:
    owner = a(STATEFUL_SETS, replicas=3, podManagementPolicy="Parallel")
    first = revision(owner, 1)
    assert flat(look(owner, [], [first])) == ["create web-0", "create web-1", "create web-2"]


def test_the_highest_outdated_pod_goes_first_and_alone() -> None:
    owner, old, new = old_and_new(replicas=3)
    pods = [a_pod(owner, 0, old), a_pod(owner, 1, old), a_pod(owner, 2, new)]
    decision = look(owner, pods, [old, new])
    assert flat(decision) == ["delete web-1"]
    assert decision.status is not None
    assert decision.status["status"]["currentReplicas"] == 1


def test_nothing_is_updated_while_a_pod_is_going() -> None:
    owner, old, new = old_and_new(replicas=2)
    pods = [a_pod(owner, 0, old), a_pod(owner, 1, old, terminating=True)]
    assert flat(look(owner, pods, [old, new])) == []


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
def test_surplus_pods_go_from_the_top(policy: str) -> None:
    owner = a(STATEFUL_SETS, replicas=1, podManagementPolicy=policy)
    first = revision(owner, 1)
    pods = [a_pod(owner, number, first) for number in range(4)]
    expected = ["delete web-3", "delete web-2", "delete web-1"]
    assert flat(look(owner, pods, [first])) == (expected if policy == "Parallel" else expected[:1])


def test_no_more_than_one_goes_of_surplus_pods_that_are_unwell() -> None:
    owner = a(STATEFUL_SETS, replicas=1)
    first = revision(owner, 1)
    pods = [a_pod(owner, 0, first), a_pod(owner, 1, first, ready=False), a_pod(owner, 2, first, ready=False)]
    assert flat(look(owner, pods, [first])) == []


BROKEN = {"ready": False, "waiting": "ImagePullBackOff"}


@pytest.mark.parametrize(
    ("annotations", "partition", "expected"),
    [
        ({}, 0, ["delete web-1"]),
        ({STUCK_ROLLOUT: "upstream"}, 0, []),
        ({}, 2, []),
    ],
    ids=["mended", "upstream", "below-the-partition"],
)
def test_a_broken_pod_of_a_revision_that_was_given_up(annotations: JSON, partition: int, expected: list[str]) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    spec = {"replicas": 2, "updateStrategy": rolling, "annotations": annotations}
    good, bad, mended = (a(STATEFUL_SETS, f"app:{number}", **spec) for number in (1, 2, 3))
    revisions = [revision(owner, number) for number, owner in enumerate((good, bad, mended), 1)]
    pods = [a_pod(mended, 0, revisions[0]), a_pod(mended, 1, revisions[1], **BROKEN)]
    assert flat(look(mended, pods, revisions)) == expected


def test_a_pod_that_is_unready_for_a_moment_is_waited_for() -> None:
    """It was ready, it is of the revision where the update began, and its container runs."""
    owner, old, new = old_and_new(replicas=2)
    pods = [a_pod(owner, 0, old, ready=False), a_pod(owner, 1, old)]
    assert flat(look(owner, pods, [old, new])) == []


def test_an_earlier_template_renumbers_its_revision() -> None:
    owner, _, new = old_and_new(replicas=1)
    back, old = a(STATEFUL_SETS, "app:1", replicas=1), revision(a(STATEFUL_SETS, "app:1"), 1)
    decision = look(back, [a_pod(owner, 0, new)], [old, new], "web-r2")
    update = decision.actions[0]
    assert isinstance(update, Update)
    assert (objects.name(update.object), update.object["revision"]) == ("web-r1", 3)
    assert flat(decision)[1:] == ["delete web-0"]


def test_a_name_that_another_template_has_is_a_collision() -> None:
    owner = a(STATEFUL_SETS)
    hashed = controller_revisions.hash_of(owner["spec"]["template"], 0)
    view = View(owner, Claims(), taken=frozenset({f"web-{hashed}"}))
    decision = stateful_set.decide(view, NOW)
    assert decision.status is not None
    assert decision.status["status"]["collisionCount"] == 1
    assert decision.status["status"]["updateRevision"] != f"web-{hashed}"


def test_a_pod_that_lost_its_label_gets_it_back() -> None:
    owner = a(STATEFUL_SETS, replicas=1)
    first = revision(owner, 1)
    pod = a_pod(owner, 0, first)
    del pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"]
    (update,) = look(owner, [pod], [first]).actions
    assert isinstance(update, Update)
    assert objects.labels(update.object)["statefulset.kubernetes.io/pod-name"] == "web-0"


@pytest.mark.parametrize(
    ("phase", "reason", "word"),
    [("Failed", "RecreatingFailedPod", "failed"), ("Succeeded", "RecreatingTerminatedPod", "terminated")],
)
def test_a_pod_that_ended_is_made_again(phase: str, reason: str, word: str) -> None:
    owner = a(STATEFUL_SETS, replicas=1)
    first = revision(owner, 1)
    pod = a_pod(owner, 0, first, ready=False)
    pod["status"]["phase"] = phase
    decision = look(owner, [pod], [first])
    event = decision.actions[0]
    assert isinstance(event, Event)
    assert (event.reason, event.message) == (reason, f"StatefulSet default/web is recreating {word} Pod web-0")
    assert flat(decision) == ["delete web-0"]


def test_a_set_that_is_going_only_counts() -> None:
    owner = a(STATEFUL_SETS, replicas=3)
    owner["metadata"]["deletionTimestamp"] = EARLIER
    decision = look(owner, [], [revision(owner, 1)])
    assert decision.actions == ()
    assert decision.status is not None


def a_node(name: str, *, labels: JSON | None = None, taints: list[JSON] | None = None) -> JSON:
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {"taints": taints or []}}


NO_SCHEDULE: JSON = {"key": "own", "effect": "NoSchedule"}
NO_EXECUTE: JSON = {"key": "own", "effect": "NoExecute"}
UNREACHABLE: JSON = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


@pytest.mark.parametrize(
    ("node", "fit"),
    [
        (a_node("n"), (True, True)),
        (a_node("n", taints=[NO_SCHEDULE]), (False, True)),
        (a_node("n", taints=[NO_EXECUTE]), (False, False)),
        (a_node("n", taints=[UNREACHABLE]), (True, True)),
        (a_node("n", labels={"disk": "hdd"}), (True, True)),
    ],
    ids=["plain", "no-schedule", "no-execute", "unreachable", "labels"],
)
def test_which_nodes_fit(node: JSON, fit: tuple[bool, bool]) -> None:
    assert pods_of.fits(a(DAEMON_SETS), [node]) == {"n": fit}


def test_a_selector_and_an_affinity_must_both_fit() -> None:
    owner = a(DAEMON_SETS)
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    owner["spec"]["template"]["spec"] |= {"nodeSelector": {"disk": "ssd"}, "affinity": {"nodeAffinity": required}}
    nodes = [a_node("one", labels={"disk": "ssd", "zone": "a"}), a_node("two", labels={"disk": "ssd", "zone": "b"})]
    assert [fit.should_run for fit in pods_of.fits(owner, nodes).values()] == [True, False]
    pod = pods_of.new_pod(owner, "hash", "one")
    (own,) = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert own == {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["one"]}]}
    assert pods_of.node_of(pod) == "one"


def a_daemon_pod(owner: JSON, node: str, *, hashed: str = "new", ready: bool = True, name: str = "") -> JSON:
    pod = pods_of.new_pod(owner, hashed, node)
    pod["metadata"] |= {"name": name or f"web-{node}-{hashed}", "uid": f"u-{node}-{hashed}{name}"}
    pod["metadata"]["creationTimestamp"] = EARLIER
    if hashed == "old":
        pod["metadata"]["labels"][pods_of.GENERATION_LABEL] = "0"
    pod["spec"]["nodeName"] = node
    state = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": EARLIER}
    pod["status"] = {"phase": "Running", "conditions": [state]}
    return pod


def daemon_look(owner: JSON, pods: list[JSON], *nodes: str) -> Decision:
    made = controller_revisions.make(owner, DAEMON_SETS, "web-new", 1, {controller_revisions.POD_LABEL: "new"})
    view = DaemonView(
        objects.freeze(owner),
        Claims(tuple(map(objects.freeze, pods))),
        Claims((objects.freeze(made),)),
        [objects.freeze(a_node(name)) for name in nodes],
    )
    return daemon_set.decide(view, NOW)


def test_missing_pods_are_made_and_doubled_ones_go() -> None:
    owner = a(DAEMON_SETS)
    pods = [a_daemon_pod(owner, "a", name="one"), a_daemon_pod(owner, "a", name="two")]
    assert flat(daemon_look(owner, pods, "a", "b")) == ["create web-", "delete two"]


def test_no_old_pod_goes_while_a_new_one_is_not_there_yet() -> None:
    owner = a(DAEMON_SETS)
    pods = [a_daemon_pod(owner, "a", ready=False), a_daemon_pod(owner, "b", hashed="old")]
    assert flat(daemon_look(owner, pods, "a", "b")) == []


def test_an_old_pod_that_is_of_no_use_goes_at_once() -> None:
    owner = a(DAEMON_SETS)
    pods = [a_daemon_pod(owner, "a", hashed="old", ready=False), a_daemon_pod(owner, "b", hashed="old")]
    assert flat(daemon_look(owner, pods, "a", "b")) == ["delete web-a-old"]


@pytest.mark.parametrize(("ready", "expected"), [(False, []), (True, ["delete web-a-old"])], ids=["waits", "goes"])
def test_a_surge_replaces_a_pod_when_its_successor_is_ready(ready: bool, expected: list[str]) -> None:
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    owner = a(DAEMON_SETS, updateStrategy=surge)
    pods = [a_daemon_pod(owner, "a", hashed="old"), a_daemon_pod(owner, "a", ready=ready)]
    assert flat(daemon_look(owner, pods, "a")) == expected


def test_the_counts_are_of_the_oldest_pod_on_each_node() -> None:
    owner = a(DAEMON_SETS)
    pods = [a_daemon_pod(owner, "a"), a_daemon_pod(owner, "b", ready=False), a_daemon_pod(owner, "gone")]
    decision = daemon_look(owner, pods, "a", "b", "c")
    assert decision.status is not None
    assert decision.status["status"] == {
        "currentNumberScheduled": 2,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 3,
        "numberReady": 1,
        "updatedNumberScheduled": 2,
        "numberAvailable": 1,
        "numberUnavailable": 2,
        "observedGeneration": 1,
    }
