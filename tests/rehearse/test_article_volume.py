"""The article's story, before it happens: an image that is locked while the new Pod waits for it elsewhere."""

from seatrial.base.types import JSON
from seatrial.rehearse import whole
from seatrial.rehearse.changes.change import Apply
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.faults import Fault
from seatrial.rehearse.rehearsal import Plan
from seatrial.rehearse.snapshots.snapshot import of_manifests
from simulation.test_persistent_volumes import claim, volume
from simulation.worlds import deployment


def index_api(image: str = "index-api:1") -> JSON:
    made = deployment("index-api", 1, image)
    spec = made["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "index-api-pv", "persistentVolumeClaim": {"claimName": "data"}}]
    return made


def plan(**given: object) -> Plan:
    beginning = of_manifests([volume("index-api-pv"), claim("data"), index_api()], "2x4cpu,8Gi")
    return Plan(beginning, [SetImage("deployment/index-api", [("c", "index-api:2")])], **given)  # type: ignore[arg-type]


def test_the_verdict_names_the_image_and_who_has_it_locked() -> None:
    result = whole.run(plan())
    assert result.headline.startswith(
        "HANGS at 0/1 after 0.1s: the new Pod can't mount claim data: image mioss/index-api-image is locked by node-"
    )
    assert result.reason.endswith("whose Pod is only removed after the new one is ready")
    assert result.findings[0].rule == "volume-locked"
    assert "rwo-volume-with-surge" in [each.rule for each in result.warnings]


def test_what_helps_was_rehearsed() -> None:
    first = whole.run(plan()).remedies[0]
    assert first.title == "maxSurge 0"
    assert first.completes
    assert first.outcome.startswith("completes in ")
    assert "0 of 1 available for" in first.outcome
    assert first.command.startswith("kubectl patch deployment/index-api -n default --type=merge -p '{")


def test_a_lock_that_a_crash_left_behind_is_not_mended_by_the_strategy() -> None:
    result = whole.run(plan(faults=[Fault("lock-left-behind", "mioss/index-api-image")]))
    assert not result.completes
    assert not any(each.completes for each in result.remedies)


def test_applying_the_whole_story_at_once_is_no_update_of_anything_yet() -> None:
    result = whole.run(
        Plan(of_manifests([], "2x4cpu,8Gi"), [Apply([volume("index-api-pv"), claim("data"), index_api()])])
    )
    assert result.completes
    assert result.min_available == 0
