"""What a Service's roll does next."""

from dataclasses import replace
from typing import Any

import pytest

from seatrial.api.registry import DAEMON_SETS, DEPLOYMENTS, REPLICATION_CONTROLLERS, STATEFUL_SETS
from seatrial.api.resource import Resource
from seatrial.rollout.progress import Progress
from seatrial.rollout.service import change, plan, record
from seatrial.rollout.service.change import Target
from seatrial.rollout.service.ending import EXIT_CODES, UNDO_FAILED, Ending, Trouble
from seatrial.rollout.service.plan import End, Evict, Member, Options, Update, View, Wait, Write
from seatrial.rollout.service.record import Record, Stage
from seatrial.rollout.workload import Workload

NOW = 1_000_000_000.0
DONE, ROLLING = Progress("done", done=True), Progress("1 of 3")
OLD: dict[str, Any] = {"spec": {"containers": [{"name": "c", "image": "a:1"}]}}
NEW: dict[str, Any] = {"spec": {"containers": [{"name": "c", "image": "a:2"}]}}
TROUBLE = Trouble("Image", "no such image", "deployment.apps/web")
DATA = {"metadata": {"name": "db-1", "uid": "u"}}


def note(stage: Stage, target: dict[str, Any] = NEW, **fields: Any) -> Record:
    before = {"template": OLD, "strategy": None, "minReadySeconds": None, "paused": None}
    after = {"strategy": None, "minReadySeconds": None, "paused": None}
    identity = change.identity(Target(Workload(DEPLOYMENTS, "web", "default"), target))
    return Record("r", "web", stage, NOW - 60, NOW - 30, identity, before, after, **fields)


def member(
    template: dict[str, Any] = OLD,
    found: Record | None = None,
    progress: Progress = DONE,
    resource: Resource = DEPLOYMENTS,
    name: str = "web",
    spec: dict[str, Any] | None = None,
    **fields: Any,
) -> Member:
    obj = {"metadata": {"name": name}, "spec": {"replicas": 3, "template": template, **(spec or {})}}
    target = Target(Workload(resource, name, "default"), NEW)
    return Member(target, record.put(obj, found), progress, 3, **fields)


def decide(*members: Member, options: Options | None = None, **fields: Any) -> plan.Step:
    return plan.decide(View("web", members, options or Options(), NOW, "new-roll", **fields))


def written(step: plan.Step) -> tuple[str, dict[str, Any], Record | None]:
    """(why, spec, record) of a write."""
    assert isinstance(step, Write), step
    return step.because, step.obj["spec"], record.of(step.obj)


def stage_of(step: plan.Step) -> str:
    _, _, found = written(step)
    return found.stage if found else ""


def test_it_begins_with_the_template_and_what_an_undo_needs() -> None:
    because, spec, found = written(decide(member()))
    assert (because, spec["template"]) == ("begins", NEW)
    assert found is not None
    assert (found.roll, found.stage, found.begun) == ("new-roll", "rolling", NOW)
    assert found.before == {"template": OLD, "strategy": None, "minReadySeconds": None, "paused": None}


def test_histories_show_what_made_each_revision() -> None:
    cause = "kubernetes.io/change-cause"
    begun = decide(member())
    assert isinstance(begun, Write)
    assert begun.obj["metadata"]["annotations"][cause] == "seatrial rollout service web: c a:1 → a:2"
    back = decide(failing(), trouble=TROUBLE)
    assert isinstance(back, Write)
    assert back.obj["metadata"]["annotations"][cause] == "seatrial rollout service web: undone: no such image"


def test_the_second_workload_waits_for_the_first_and_shares_its_roll() -> None:
    first, second = member(NEW, note("rolling"), ROLLING), member(name="web-2")
    assert isinstance(decide(first, second), Wait)
    step = decide(replace(first, obj=member(NEW, note("done")).obj), second)
    _, _, found = written(step)
    assert isinstance(step, Write)
    assert step.workload.name == "web-2"
    assert found is not None
    assert (found.roll, found.begun) == ("r", NOW - 60)


CANARY = Options(canary=1, wait=30)
HELD = {"made": 1, "held": 31.0}


@pytest.mark.parametrize(
    ("options", "spec"),
    [
        (Options(), {}),
        (Options(max_unavailable=2), {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}}),
        (
            CANARY,
            {
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "minReadySeconds": 330,
            },
        ),
    ],
    ids=["its own", "more unavailable", "first step"],
)
def test_how_a_deployment_begins(options: Options, spec: dict[str, Any]) -> None:
    _, begun, _ = written(decide(member(), options=options))
    assert begun == {"replicas": 3, "template": NEW, **spec}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (member(NEW, note("canary"), made=0), "0 of 1 Pods made"),
        (member(NEW, note("canary"), made=1, spec={"paused": True}), "1 of 1 Pods made, not all ready"),
        (member(NEW, note("canary"), made=1, held=3.0, spec={"paused": True}), "has to hold for 30 s"),
        (member(NEW, note("canary"), **HELD, unserved=["p"], spec={"paused": True}), "p not in the endpoints"),
    ],
    ids=["none made", "not ready", "not for long", "not served"],
)
def test_a_first_step_has_to_hold(found: Member, says: str) -> None:
    step = decide(found, options=CANARY)
    assert isinstance(step, Wait)
    assert says in step.because


def test_a_deployment_is_paused_at_its_first_step_and_released_when_that_held() -> None:
    made = member(NEW, note("canary"), made=1, spec={"minReadySeconds": 330})
    assert written(decide(made, options=CANARY))[1] == {"replicas": 3, "template": NEW, "paused": True}
    held = member(NEW, note("canary"), **HELD, spec={"paused": True})
    step = decide(held, options=CANARY)
    assert (stage_of(step), written(step)[1]) == ("rolling", {"replicas": 3, "template": NEW})


def test_a_daemon_set_s_first_step_is_made_by_evictions() -> None:
    found = member(NEW, note("canary"), resource=DAEMON_SETS, evictable=[DATA])
    step = decide(found, options=CANARY)
    assert isinstance(step, Evict)
    assert step.pod == DATA


def test_a_stateful_set_s_first_step_is_its_highest_ordinals() -> None:
    _, spec, _ = written(decide(member(resource=STATEFUL_SETS), options=CANARY))
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}


def test_a_replication_controller_is_updated_from_here() -> None:
    rc = Target(Workload(REPLICATION_CONTROLLERS, "web", "default"), NEW)
    found = replace(note("rolling"), target=change.identity(rc))
    step = decide(member(OLD, found, ROLLING, REPLICATION_CONTROLLERS), options=CANARY)
    assert step == Update(Workload(REPLICATION_CONTROLLERS, "web", "default"), NEW, 1, 30)


def test_done_means_that_all_are_endpoints_too() -> None:
    unserved = member(NEW, note("rolling"), DONE, unserved=["web-7"])
    assert decide(unserved) == Wait("web-7 not in the endpoints yet")
    assert stage_of(decide(replace(unserved, unserved=[]))) == "done"


def test_in_the_end_nothing_is_left() -> None:
    step = decide(member(NEW, note("done")))
    assert written(step) == ("nothing is left of the roll", {"replicas": 3, "template": NEW}, None)
    assert isinstance(step, Write)
    assert step.ending == Ending("rolled")
    unseen = member(NEW, observed=False)
    assert decide(unseen, ending=step.ending) == Wait("the controllers let go of the roll")
    assert decide(member(NEW), ending=step.ending) == End(Ending("rolled"))
    assert decide(member(NEW)) == End(Ending("nothing to do"))


def failing(stage: Stage = "rolling", **fields: Any) -> Member:
    return member(NEW, note(stage), ROLLING, **fields)


def test_trouble_takes_this_one_back_and_then_those_before_it() -> None:
    first, second = member(NEW, note("done"), name="web-1"), failing()
    step = decide(first, second, trouble=TROUBLE)
    assert (stage_of(step), written(step)[1]["template"]) == ("undoing", OLD)
    back = member(OLD, note("undoing", reason="Image", message="no such image"))
    step = decide(first, back)
    assert isinstance(step, Write)
    assert (step.workload.name, stage_of(step)) == ("web-1", "undoing")
    all_back = member(OLD, note("undoing", reason="Image", message="no such image"), name="web-1")
    step = decide(all_back, back)
    assert isinstance(step, Write)
    assert step.ending == Ending("undone", "Image", "no such image")
    assert step.ending.exit_code == EXIT_CODES["Image"]


def test_trouble_on_the_way_back_is_for_a_person() -> None:
    back = member(OLD, note("undoing", reason="Image", message="no such image"), ROLLING)
    assert isinstance(decide(back), Wait)
    step = decide(back, trouble=Trouble("Quota", "no room"))
    assert isinstance(step, End)
    assert (step.ending.outcome, step.ending.exit_code) == ("undo failed", UNDO_FAILED)
    assert "no such image; and deployment.apps/web can't go back: no room" in step.ending.message


def test_a_pod_that_holds_the_way_back_up_is_evicted() -> None:
    back = member(OLD, note("undoing"), ROLLING, STATEFUL_SETS, evictable=[DATA])
    assert isinstance(decide(back), Evict)


def test_trouble_with_on_failure_pause_stays_where_it_is_until_somebody_goes_on() -> None:
    options = Options(on_failure="pause")
    step = decide(failing(), options=options, trouble=TROUBLE)
    assert (stage_of(step), written(step)[1]["paused"]) == ("paused", True)
    paused = member(NEW, note("paused"), ROLLING, spec={"paused": True})
    assert decide(paused, options=options, trouble=TROUBLE) == End(Ending("paused", "Image", "no such image"))
    step = decide(paused, options=options)
    assert (stage_of(step), written(step)[1].get("paused")) == ("rolling", None)


def test_trouble_with_on_failure_keep_leaves_it_to_kubernetes() -> None:
    step = decide(failing(spec={"minReadySeconds": 330}), options=Options(on_failure="keep"), trouble=TROUBLE)
    assert written(step) == ("nothing is left of the roll", {"replicas": 3, "template": NEW}, None)
    assert isinstance(step, Write)
    assert step.ending == Ending("kept", "Image", "no such image")


def test_a_workload_that_may_not_be_changed_takes_those_before_it_back() -> None:
    step = decide(member(NEW, note("done"), name="web-1"), member(), trouble=TROUBLE)
    assert isinstance(step, Write)
    assert (step.workload.name, stage_of(step)) == ("web-1", "undoing")


def test_a_template_of_somebody_else_is_left_alone() -> None:
    theirs = {"spec": {"containers": [{"name": "c", "image": "theirs"}]}}
    for stage in ("rolling", "canary", "undoing"):
        step = decide(member(theirs, note(stage), ROLLING, spec={"paused": True, "minReadySeconds": 330}))
        left = {"replicas": 3, "template": theirs}
        assert written(step)[1] == (left if stage != "undoing" else {**left, "paused": True, "minReadySeconds": 330})
        assert isinstance(step, Write)
        assert step.ending is not None
        assert (step.ending.outcome, step.ending.reason) == ("kept", "Changed")


def test_a_roll_to_something_else_takes_over_and_goes_back_to_what_was_before_both() -> None:
    other = {"spec": {"containers": [{"name": "c", "image": "a:other"}]}}
    for stage in ("rolling", "canary", "paused", "undoing", "done"):
        _, spec, found = written(decide(member(other, note(stage, other), ROLLING)))
        assert spec["template"] == NEW
        assert found is not None
        assert (found.before["template"], found.begun) == (OLD, NOW)


def test_a_workload_that_is_gone_ends_it() -> None:
    gone = replace(member(), obj=None)
    step = decide(gone, member(NEW, note("done"), name="web-2"))
    assert isinstance(step, Write)
    assert record.of(step.obj) is None
    assert isinstance(decide(gone, ending=step.ending), End)
    assert step.ending is not None
    assert step.ending.reason == "Changed"


def test_a_record_survives_the_object_and_noise_is_none() -> None:
    found = note("canary", reason="Image")
    assert record.of(record.put({"metadata": {}}, found)) == found
    for noise in ("", "{", "[]", '{"roll": "r"}', "null"):
        assert record.of({"metadata": {"annotations": {record.ANNOTATION: noise}}}) is None
    assert record.put(record.put({"metadata": {"name": "x"}}, found), None) == {"metadata": {"name": "x"}}
