"""Whole rehearsals of manifests: what a user is told."""

from seatrial.base.types import JSON
from seatrial.rehearse import whole
from seatrial.rehearse.change import Apply, Scale
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshot import of_manifests


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
