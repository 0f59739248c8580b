"""Verdicts, in tables: what the evidence is, and what may be done."""

import pytest

from seatrial.rescue import liveness, plan
from seatrial.rescue.diagnose import diagnose
from seatrial.rescue.evidence import Evidence, ImageState, Lock, Watcher
from seatrial.rescue.findings import Verdict
from unit.rescue.evidence_builders import (
    ADDRESS,
    NOW,
    WATCHER,
    event,
    evidence,
    image,
    lease,
    node,
    pod,
    running,
    stamp,
    volume,
)

STALE, IN_USE, CANNOT_TELL, NOT_HELD = Verdict.STALE, Verdict.IN_USE, Verdict.CANNOT_TELL, Verdict.NOT_HELD
OUT = [{"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}]
FOREIGN = Lock("client.9", "made-by-hand", "10.9.9.9:0/1")
ATTACHED = {"metadata": {"name": "csi-1", "uid": "a"}, "spec": {"nodeName": "node-1"}, "status": {"attached": True}}
MULTI = (event("FailedAttachVolume", 'Multi-Attach error for volume "pv" Volume is already used'),)


def judged(given: Evidence) -> tuple[str, Verdict]:
    finding = diagnose(given, NOW)
    return finding.cause, finding.verdict


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        pytest.param(evidence(volume(image())), STALE, id="silent, no session"),
        pytest.param(evidence(volume(image(watchers=(WATCHER,)))), IN_USE, id="silent, with a session: cut off?"),
        pytest.param(
            evidence(volume(image(watchers=(WATCHER,), fenced=frozenset({ADDRESS})))), STALE, id="its session is fenced"
        ),
        pytest.param(
            evidence(volume(image(watchers=(Watcher("10.0.0.1:0/99", "client.8"),)))),
            IN_USE,
            id="another session of the holder's address (the kernel's)",
        ),
        pytest.param(
            evidence(volume(image(watchers=(Watcher("10.0.0.2:0/5", "client.5"),)))),
            STALE,
            id="only the waiting Pod's own node has it open",
        ),
        pytest.param(evidence(volume(image()), silent=False), STALE, id="alive, no Pod, no session: a left-over"),
        pytest.param(evidence(volume(image(), users=[running()]), silent=False), IN_USE, id="alive, a Pod uses it"),
        pytest.param(evidence(volume(image(), users=[running()])), STALE, id="silent, a Pod is listed, no session"),
        pytest.param(
            evidence(volume(image(watchers=(WATCHER,))), powered_off=frozenset({"node-1"})), STALE, id="you say off"
        ),
        pytest.param(
            evidence(
                volume(image(watchers=(WATCHER,))),
                nodes={"node-1": node("node-1", "Unknown", taints=OUT), "node-2": node("node-2")},
            ),
            STALE,
            id="somebody has said that it is off",
        ),
        pytest.param(evidence(volume(image((FOREIGN,)))), STALE, id="no node of ours, no session"),
        pytest.param(
            evidence(volume(image((FOREIGN,), (Watcher(FOREIGN.address, "client.9"),)))), IN_USE, id="no node, session"
        ),
        pytest.param(evidence(volume(ImageState("rbd", "img", problem="no answer"))), CANNOT_TELL, id="no store"),
    ],
)
def test_a_lock_is_stale_only_where_that_is_proven(given: Evidence, verdict: Verdict) -> None:
    finding = diagnose(given, NOW)
    assert finding.verdict is verdict
    assert bool(plan.steps(finding)) == (verdict is STALE)
    assert bool(finding.would_tell) == (verdict is CANNOT_TELL)


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        pytest.param(evidence(volume(attachments=[ATTACHED]), events=MULTI), CANNOT_TELL, id="silent: may be cut off"),
        pytest.param(
            evidence(volume(attachments=[ATTACHED]), events=MULTI, powered_off=frozenset({"node-1"})), STALE, id="off"
        ),
        pytest.param(
            evidence(volume(attachments=[ATTACHED], users=[running()]), events=MULTI, silent=False), IN_USE, id="a Pod"
        ),
        pytest.param(evidence(volume(attachments=[ATTACHED]), events=MULTI, silent=False), STALE, id="alive, unused"),
        pytest.param(
            evidence(volume(image((), (WATCHER,)), attachments=[ATTACHED]), events=MULTI), IN_USE, id="session"
        ),
        pytest.param(evidence(volume(image(()), attachments=[ATTACHED]), events=MULTI), STALE, id="silent, no session"),
    ],
)
def test_an_attachment_to_another_node(given: Evidence, verdict: Verdict) -> None:
    assert judged(given) == ("MultiAttach", verdict)


def deleted(**metadata: object) -> dict[str, object]:
    return {"deletionTimestamp": stamp(60), "deletionGracePeriodSeconds": 30, **metadata}


@pytest.mark.parametrize(
    ("given", "cause", "verdict"),
    [
        pytest.param(evidence(volume(image()), of=running(**deleted())), "DeadNode", STALE, id="no session"),
        pytest.param(
            evidence(volume(image(watchers=(WATCHER,))), of=running(**deleted())), "DeadNode", IN_USE, id="session"
        ),
        pytest.param(evidence(of=running(**deleted())), "DeadNode", CANNOT_TELL, id="nothing to ask"),
        pytest.param(
            evidence(of=running(**deleted()), powered_off=frozenset({"node-1"})), "DeadNode", STALE, id="powered off"
        ),
        pytest.param(evidence(of=running(**deleted()), silent=False), "Ending", NOT_HELD, id="alive: not done yet"),
    ],
)
def test_a_pod_that_does_not_end(given: Evidence, cause: str, verdict: Verdict) -> None:
    assert judged(given) == (cause, verdict)


def ended(owner: str, finalizer: str) -> dict[str, object]:
    made = running("done", "node-2", **deleted(finalizers=[finalizer], ownerReferences=[]))
    made["status"] = {"phase": "Succeeded"}
    return made


def test_a_finalizer_is_stale_only_if_who_removes_it_is_gone() -> None:
    assert judged(evidence(of=ended("Job", "batch.kubernetes.io/job-tracking"))) == ("Finalizer", STALE)
    finding = diagnose(evidence(of=ended("", "example.com/audit")), NOW)
    assert finding.verdict is CANNOT_TELL
    assert "kubectl patch pod done -n default" in finding.remedy


def unbound(**fields: object) -> Evidence:
    claim = {
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **fields},
        "status": {"phase": "Pending"},
    }
    waiting = pod(node="")
    return evidence(volume(claim=claim, volume=None), of=waiting, events=())


def scheduled(status: str, message: str) -> Evidence:
    waiting = pod(node="")
    condition = {"type": "PodScheduled", "status": status, "reason": "Unschedulable", "message": message}
    waiting["status"] = {"phase": "Pending", "conditions": [condition]}
    return evidence(of=waiting, events=())


def waiting_for(reason: str, message: str) -> Evidence:
    made = pod()
    made["status"]["containerStatuses"] = [{"name": "c", "state": {"waiting": {"reason": reason, "message": message}}}]
    return evidence(of=made, events=())


@pytest.mark.parametrize(
    ("given", "cause", "says"),
    [
        pytest.param(
            unbound(), "UnboundClaim", "no PersistentVolume fits (1Gi with ReadWriteOnce, no class)", id="claim"
        ),
        pytest.param(unbound(storageClassName="fast"), "NoStorageClass", "StorageClass fast, which", id="class"),
        pytest.param(scheduled("False", "0/3 nodes"), "Unschedulable", "no node takes it: 0/3 nodes", id="scheduler"),
        pytest.param(waiting_for("ImagePullBackOff", "no such tag"), "Image", "no such tag", id="image"),
        pytest.param(
            waiting_for("CreateContainerConfigError", 'configmap "c" not found'), "Configuration", "configmap", id="map"
        ),
        pytest.param(evidence(volume(claim=None), events=()), "NoClaim", "does not exist", id="no claim"),
    ],
)
def test_plain_causes_in_a_sentence(given: Evidence, cause: str, says: str) -> None:
    finding = diagnose(given, NOW)
    assert (finding.cause, finding.verdict) == (cause, NOT_HELD)
    assert says in finding.because
    assert finding.remedy
    assert plan.steps(finding) == ()


def test_the_holder_is_fenced_before_anything_is_taken_from_it() -> None:
    finding = diagnose(evidence(volume(image())), NOW)
    assert [type(step).__name__ for step in plan.steps(finding)] == ["Fence", "Fence", "RemoveLock", "RestartPod"]
    assert [step.address for step in plan.steps(finding)[:2]] == [ADDRESS, "10.0.0.1:0/0"]  # type: ignore[union-attr]


def test_a_node_that_shares_its_address_is_not_fenced_as_a_whole() -> None:
    nodes = {name: node(name, "Unknown", address="10.0.0.1") for name in ("node-1", "node-2")}
    finding = diagnose(evidence(volume(image()), nodes=nodes), NOW)
    assert str(plan.steps(finding)[0]) == f"fence {ADDRESS} of node node-1 at the image store"
    assert [type(step).__name__ for step in plan.steps(finding)] == ["Fence", "RemoveLock", "RestartPod"]


def test_what_was_fenced_is_not_fenced_again() -> None:
    fenced = frozenset({ADDRESS, "10.0.0.1:0/0"})
    finding = diagnose(evidence(volume(image(fenced=fenced))), NOW)
    assert [type(step).__name__ for step in plan.steps(finding)] == ["RemoveLock", "RestartPod"]


def test_a_dead_nodes_pod_is_removed_last() -> None:
    finding = diagnose(evidence(volume(image()), of=running(**deleted())), NOW)
    names = [type(step).__name__ for step in plan.steps(finding)]
    assert names == ["Fence", "Fence", "TaintNode", "RemoveLock", "RemovePod"]


@pytest.mark.parametrize(
    ("id", "address", "name"),
    [
        pytest.param("kubelet_lock_magic_node1", "10.8.8.8:0/1", "node1", id="by host name"),
        pytest.param("kubelet_lock_magic_node10", "10.8.8.8:0/1", "node10", id="node1 is no part of node10"),
        pytest.param("kubelet_lock_magic_iz25beglnhtz", "10.0.0.1:0/186", "node1", id="by address: the article's"),
        pytest.param("kubelet_lock_magic_other", "v1:10.8.8.8:0/1", "", id="nobody's"),
    ],
)
def test_whose_lock_it_is(id: str, address: str, name: str) -> None:
    nodes = {"node1": node("node1", address="10.0.0.1"), "node10": node("node10", address="10.0.0.10")}
    assert liveness.node_of_lock(id, address, evidence(nodes=nodes)) == name


def test_a_node_is_alive_only_if_lease_and_condition_agree() -> None:
    for ready, ago, life in (("True", 5, "alive"), ("True", 60, "silent"), ("Unknown", 5, "silent")):
        given = evidence(nodes={"n": node("n", ready)}, leases={"n": lease(ago)})
        assert liveness.of("n", given, NOW).life.value == life
    assert liveness.of("n", evidence(nodes={}), NOW).life.value == "gone"


def test_a_healthy_pod_hangs_nowhere() -> None:
    finding = diagnose(evidence(of=running(), events=()), NOW)
    assert finding.verdict is Verdict.WELL
