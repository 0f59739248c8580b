"""Whole rehearsals of manifests: what a user is told."""

import re

import pytest

from seatrial.base.types import JSON
from seatrial.rehearse import whole
from seatrial.rehearse.behaviour.behaviour_file import parse
from seatrial.rehearse.changes.change import Apply, Scale
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshots.snapshot import of_manifests


def deployment(replicas: int = 4, image: str = "web:1", **container: object) -> JSON:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": image, **container}]},
            },
        },
    }


def outcome(old: JSON, new: JSON, nodes: str = "3x8cpu,32Gi") -> Result:
    return rehearse(Plan(of_manifests([old], nodes), [Apply([new])]))


def test_an_update_that_fits_completes_and_never_falls_below_its_promise() -> None:
    result = outcome(deployment(), deployment(image="web:2"))
    assert result.completes
    assert result.min_available == result.promised_available == 3
    assert result.max_pods == 7, "one more than the surge allows, while old ones terminate"
    assert result.headline == "COMPLETES in 4s, at least 3 of 4 Pods available"
    assert all(pod.version == "web:2" for pod in result.pods if pod.phases[-1].state == "ready")


def test_an_update_that_no_node_has_room_for_hangs_and_says_so() -> None:
    old, new = (deployment(3, image, resources={"requests": {"cpu": "3"}}) for image in ("web:1", "web:2"))
    result = outcome(old, new, nodes="3x4cpu,8Gi")
    assert result.verdict == "hangs"
    assert "Insufficient cpu" in result.reason
    assert result.decided_by == "standstill"


@pytest.mark.parametrize("deadline", [60, 600])
def test_what_lets_nothing_happen_past_its_deadline_hangs_whatever_may_come_later(deadline: int) -> None:
    """A ReplicaSet tries to make a Pod that was refused up to 1000 s later."""
    quota: JSON = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}}
    quota["spec"] = {"hard": {"pods": "4"}}
    old, new = deployment(), deployment(image="web:2")
    for each in (old, new):
        each["spec"]["progressDeadlineSeconds"] = deadline
    result = whole.run(Plan(of_manifests([quota, old]), [Apply([new])]))
    assert (result.verdict, result.decided_by, result.updated_available) == ("hangs", "standstill", 3)
    assert "exceeded quota: q" in result.reason
    assert result.reason.endswith("; there is room for it by now, and by itself it is tried again within 17 minutes")
    assert "maxSurge 0" in [each.title for each in result.remedies if each.completes]


def test_a_name_that_is_no_image_hangs_in_the_kubelets_words() -> None:
    result = outcome(deployment(), deployment(image="Web:2"))
    assert result.verdict == "hangs"
    assert 'InvalidImageName (Failed to apply default image tag "Web:2": couldn\'t parse image name' in result.reason
    assert [each.rule for each in result.findings if each.severity == "problem"] == ["image-not-found"]


def test_an_image_that_is_never_pulled_has_to_be_on_the_node() -> None:
    new = deployment(image="web:2", imagePullPolicy="Never")
    node: JSON = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node-1"},
        "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"}, "images": [{"names": ["web:1"]}]},
    }
    old = of_manifests([node, deployment()])
    result = rehearse(Plan(old, [Apply([new])]))
    assert result.verdict == "hangs"
    assert 'ErrImageNeverPull (Container image "web:2" is not present with pull policy of Never)' in result.reason
    unknown = outcome(deployment(), new)
    assert unknown.completes
    assert "imagePullPolicy Never: nodes are assumed to have web:2" in unknown.assumptions


def test_who_names_a_node_that_has_no_room_makes_pods_for_ever_and_is_told_why() -> None:
    """Nothing moves then, however many Pods come and fail."""
    old, new = deployment(2), deployment(2, resources={"requests": {"cpu": "64"}})
    new["spec"]["template"]["spec"]["nodeName"] = "node-1"
    for each in (old, new):
        each["spec"]["progressDeadlineSeconds"] = 30
    result = outcome(old, new)
    assert (result.verdict, result.decided_by) == ("hangs", "standstill")
    assert next(each.rule for each in result.findings if each.severity == "problem") == "no-room"
    assert "node node-1 does not take it: Node didn't have enough resource: cpu, requested: 64000" in result.reason


def test_who_only_grows_is_told_what_there_is_room_for_and_many_pods_are_told_of_once() -> None:
    old = of_manifests([deployment(3, resources={"requests": {"cpu": "3"}})], "3x4cpu,8Gi")
    result = whole.run(Plan(old, [Scale("deployment/web", 9)]))
    (cause,) = (each for each in result.findings if each.severity == "problem")
    assert (cause.rule, cause.remedy) == ("no-room", "ask for less, or add a node")
    assert cause.message.endswith("(and 5 more Pods)")
    assert len([name for name in cause.objects if name.startswith("pod/")]) == 6
    assert [(each.title, each.completes) for each in result.remedies] == [("3 replicas", True)]


def test_several_workloads_of_one_change_count_together_from_the_beginning() -> None:
    old, new = ([deployment(4, image), named("api", deployment(2, image))] for image in ("web:1", "web:2"))
    result = rehearse(Plan(of_manifests(old), [Apply(new)]))
    assert result.completes
    assert (result.desired, result.min_available) == (6, 5)
    assert result.availability[0].available == 6


def named(name: str, obj: JSON) -> JSON:
    labels = {"app": name}
    spec = obj["spec"]
    template = {**spec["template"], "metadata": {"labels": labels}}
    made = {**spec, "selector": {"matchLabels": labels}, "template": template}
    return {**obj, "metadata": {"name": name}, "spec": made}


def test_an_update_that_still_moves_when_the_time_is_up_is_undecided() -> None:
    old, new = deployment(6), deployment(6, image="web:2")
    result = rehearse(Plan(of_manifests([old]), [Apply([new])], horizon=3))
    assert result.decided_by == "horizon"
    assert result.headline.startswith("UNDECIDED at ")
    assert "a longer horizon may decide" in result.reason


def test_a_rehearsal_of_a_change_that_changes_nothing_completes_at_once() -> None:
    result = outcome(deployment(), deployment())
    assert result.headline == "COMPLETES at once, at least 4 of 4 Pods available"
    assert result.scale_events == ()


SOMETIMES = parse({"behaviours": {"web:2": {"start": {"uniform": [2, 20]}, "never_ready": 0.1}}}, "x")


def test_a_trial_that_hangs_is_shown_with_all_that_led_there() -> None:
    probed = {"readinessProbe": {"httpGet": {"path": "/", "port": 80}}}
    old, new = deployment(**probed), deployment(image="web:2", **probed)
    result = whole.run(Plan(of_manifests([old]), [Apply([new])], profiles=SOMETIMES), trials=10, processes=1)
    assert result.spread is not None
    assert 0 < result.spread.completed < 10
    assert re.match(r"HANGS in \d of 10 trials, such as seed \d+: pod web-\S+: container c runs but", result.headline)
    assert result.decided_by == "standstill"
    assert result.findings[0].rule == "never-ready"
    assert result.evidence
    assert any(pod.phases[-1].state == "starting" for pod in result.pods)


def test_the_pictures_of_many_trials_end_when_the_run_ended_that_they_show() -> None:
    slow = parse({"behaviours": {"web:2": {"start": {"uniform": [2, 20]}}}}, "x")
    plan = Plan(of_manifests([deployment()]), [Apply([deployment(image="web:2")])], profiles=slow)
    result = whole.run(plan, trials=4, processes=1)
    assert result.shown_seconds == rehearse(plan).duration_seconds != result.duration_seconds
