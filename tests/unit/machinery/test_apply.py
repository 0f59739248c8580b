"""Server-side apply and field managers."""

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import schema_set
from seatrial.base.types import JSON
from seatrial.machinery import apply, field_set, last_applied, typed

SCHEMAS = schema_set.load()
DEPLOYMENT = SCHEMAS.field_schema("apps", "v1", "Deployment")
POD = SCHEMAS.field_schema("", "v1", "Pod")
CONFIG_MAP = SCHEMAS.field_schema("", "v1", "ConfigMap")
NOW = 1_767_323_045.0
TIME = "2026-01-02T03:04:05Z"


def deployment(*containers: JSON, **spec: Any) -> JSON:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": list(containers)}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def config_map(**data: str) -> JSON:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "uid": "u"}, "data": data}


def stored(outcome: tuple[JSON, list[JSON]]) -> JSON:
    """What the store would hold after this apply."""
    obj, entries = outcome
    return {**obj, "metadata": {**obj["metadata"], "uid": "u", "managedFields": entries}}


def updated(obj: JSON, manager: str, subresource: str = "", **fields: Any) -> JSON:
    """What the store would hold after an update of top-level fields."""
    new = {**obj, **fields}
    entries = apply.update_managers(obj, new, manager, SCHEMAS.field_schema(*kind(obj)), NOW, subresource)
    return {**new, "metadata": {**new["metadata"], "managedFields": entries}}


def kind(obj: JSON) -> tuple[str, str, str]:
    group, _, version = obj["apiVersion"].rpartition("/")
    return group, version, obj["kind"]


def owners(obj: JSON) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"]["managedFields"]}


def test_an_apply_owns_what_it_says() -> None:
    config = deployment({"name": "c", "image": "nginx", "ports": [{"containerPort": 80}]}, replicas=3)
    merged, entries = apply.apply(None, config, "me", DEPLOYMENT, NOW)
    assert merged == config
    container: JSON = {
        ".": {},
        "f:name": {},
        "f:image": {},
        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
    }
    assert entries == [
        {
            "manager": "me",
            "operation": "Apply",
            "apiVersion": "apps/v1",
            "time": TIME,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:replicas": {},
                    "f:selector": {},
                    "f:template": {
                        "f:metadata": {"f:labels": {"f:app": {}}},
                        "f:spec": {"f:containers": {'k:{"name":"c"}': container}},
                    },
                },
            },
        }
    ]


def test_a_create_owns_everything_below_what_an_empty_object_has() -> None:
    obj = deployment(
        {"name": "c", "image": "nginx", "env": [{"name": "A", "value": "1"}]}, strategy={"type": "Recreate"}
    )
    entries = apply.update_managers(None, obj, "kubectl-create", DEPLOYMENT, NOW)
    assert [entry["operation"] for entry in entries] == ["Update"]
    spec = entries[0]["fieldsV1"]["f:spec"]
    assert entries[0]["fieldsV1"]["f:metadata"] == {"f:labels": {".": {}, "f:app": {}}}
    assert spec["f:strategy"] == {"f:type": {}}
    container = spec["f:template"]["f:spec"]["f:containers"]['k:{"name":"c"}']
    assert container["f:env"] == {".": {}, 'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}}
    assert "." not in spec["f:template"]["f:spec"]["f:containers"]


def test_a_field_left_out_later_is_removed() -> None:
    live = stored(apply.apply(None, deployment({"name": "c", "image": "i"}, replicas=3), "me", DEPLOYMENT, NOW))
    merged, _ = apply.apply(live, deployment({"name": "d", "image": "i"}), "me", DEPLOYMENT, NOW)
    assert "replicas" not in merged["spec"]
    assert merged["spec"]["template"]["spec"]["containers"] == [{"name": "d", "image": "i"}]


def test_a_field_left_out_stays_if_another_manager_owns_it_too() -> None:
    config = deployment({"name": "c", "image": "i"}, replicas=3)
    live = stored(apply.apply(None, config, "me", DEPLOYMENT, NOW))
    live = stored(apply.apply(live, config, "you", DEPLOYMENT, NOW))
    merged, entries = apply.apply(live, deployment({"name": "c"}), "me", DEPLOYMENT, NOW)
    assert merged["spec"]["replicas"] == 3
    assert merged["spec"]["template"]["spec"]["containers"] == [{"name": "c", "image": "i"}]
    assert "f:replicas" not in next(one for one in entries if one["manager"] == "me")["fieldsV1"]["f:spec"]


def test_a_field_that_nobody_applied_stays() -> None:
    live = stored(apply.apply(None, deployment({"name": "c", "image": "i"}), "me", DEPLOYMENT, NOW))
    defaulted = {**live, "spec": {**live["spec"], "progressDeadlineSeconds": 600}}
    merged, _ = apply.apply(defaulted, deployment({"name": "c", "image": "j"}), "me", DEPLOYMENT, NOW)
    assert merged["spec"]["progressDeadlineSeconds"] == 600


def test_changing_what_another_applied_is_a_conflict() -> None:
    live = stored(apply.apply(None, deployment({"name": "c", "image": "i"}, replicas=3), "me", DEPLOYMENT, NOW))
    with pytest.raises(apply.Conflicts) as error:
        apply.apply(live, deployment({"name": "c", "image": "i"}, replicas=5), "you", DEPLOYMENT, NOW)
    assert str(error.value) == 'Apply failed with 1 conflict: conflict with "me": .spec.replicas'
    assert error.value.causes == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "me"', "field": ".spec.replicas"}
    ]


def test_conflicts_are_listed_by_manager() -> None:
    live = stored(apply.apply(None, deployment({"name": "c", "image": "i"}, replicas=3), "me", DEPLOYMENT, NOW))
    live = updated(live, "scaler", "scale", spec={**live["spec"], "replicas": 4, "paused": True})
    with pytest.raises(apply.Conflicts) as error:
        apply.apply(live, deployment({"name": "c", "image": "j"}, replicas=5, paused=False), "you", DEPLOYMENT, NOW)
    assert str(error.value) == (
        'Apply failed with 3 conflicts: conflicts with "me":\n'
        '- .spec.template.spec.containers[name="c"].image\n'
        'conflicts with "scaler" with subresource "scale" using apps/v1:\n'
        "- .spec.paused\n"
        "- .spec.replicas"
    )


def test_force_takes_the_field_over() -> None:
    live = stored(apply.apply(None, config_map(a="1", b="1"), "me", CONFIG_MAP, NOW))
    live = stored(apply.apply(live, config_map(a="2"), "you", CONFIG_MAP, NOW, force=True))
    assert live["data"] == {"a": "2", "b": "1"}
    assert owners(live) == {"me": {"f:data": {"f:b": {}}}, "you": {"f:data": {"f:a": {}}}}


def test_an_equal_value_is_shared_not_fought_for() -> None:
    live = stored(apply.apply(None, config_map(a="1"), "me", CONFIG_MAP, NOW))
    live = stored(apply.apply(live, config_map(a="1"), "you", CONFIG_MAP, NOW + 5))
    assert owners(live) == {"me": {"f:data": {"f:a": {}}}, "you": {"f:data": {"f:a": {}}}}


def test_an_update_takes_fields_and_keeps_one_entry_per_manager() -> None:
    live = stored(apply.apply(None, config_map(a="1", b="1"), "me", CONFIG_MAP, NOW))
    live = updated(live, "edit", data={"a": "2", "b": "1"})
    live = updated(live, "edit", data={"a": "2", "b": "1", "c": "1"})
    assert owners(live) == {"me": {"f:data": {"f:b": {}}}, "edit": {"f:data": {"f:a": {}, "f:c": {}}}}


def test_a_removed_field_is_owned_by_nobody() -> None:
    live = stored(apply.apply(None, config_map(a="1", b="1"), "me", CONFIG_MAP, NOW))
    live = updated(live, "edit", data={"b": "1"})
    assert owners(live) == {"me": {"f:data": {"f:b": {}}}}


def test_an_update_that_changes_nothing_leaves_the_entries_alone() -> None:
    live = stored(apply.apply(None, config_map(a="1"), "me", CONFIG_MAP, NOW))
    same = {**live, "metadata": {**live["metadata"], "resourceVersion": "9", "generation": 2}}
    assert apply.update_managers(live, same, "edit", CONFIG_MAP, NOW + 9) == live["metadata"]["managedFields"]


def test_one_empty_entry_strips_the_managers_for_good() -> None:
    live = stored(apply.apply(None, config_map(a="1"), "me", CONFIG_MAP, NOW))
    stripped = {**live, "metadata": {**live["metadata"], "managedFields": [{}]}}
    assert apply.update_managers(live, stripped, "edit", CONFIG_MAP, NOW) == []
    bare = apply_without_managers(live)
    assert apply.update_managers(bare, {**bare, "data": {"a": "2"}}, "edit", CONFIG_MAP, NOW) == []


def apply_without_managers(obj: JSON) -> JSON:
    return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name != "managedFields"}}


def test_the_first_apply_to_an_untracked_object_names_what_was_there() -> None:
    live = config_map(a="1", b="1")
    with pytest.raises(apply.Conflicts, match='conflict with "before-first-apply" using v1'):
        apply.apply(live, config_map(a="2"), "me", CONFIG_MAP, NOW)
    merged = stored(apply.apply(live, config_map(a="1"), "me", CONFIG_MAP, NOW))
    assert owners(merged) == {
        "before-first-apply": {"f:data": {".": {}, "f:a": {}, "f:b": {}}},
        "me": {"f:data": {"f:a": {}}},
    }


def test_the_eleventh_updater_folds_the_oldest_into_ancient_changes() -> None:
    obj = config_map()
    obj["metadata"]["managedFields"] = []
    live: JSON | None = None
    for number in range(12):
        data = {f"k{index:02}": "1" for index in range(number + 1)}
        new = {**obj, "data": data}
        entries = apply.update_managers(live, new, f"m{number:02}", CONFIG_MAP, NOW + number)
        live = {**new, "metadata": {**new["metadata"], "managedFields": entries}}
    assert live is not None
    assert list(owners(live)) == ["ancient-changes", *(f"m{number:02}" for number in range(3, 12))]
    assert owners(live)["ancient-changes"] == {"f:data": {".": {}, "f:k00": {}, "f:k01": {}, "f:k02": {}}}


def test_kubectl_takes_over_what_it_applied_on_the_client_side() -> None:
    applied = config_map(a="1")
    note = {last_applied.ANNOTATION: orjson.dumps(applied).decode()}
    live = {**applied, "metadata": {**applied["metadata"], "annotations": note}}
    entries = apply.update_managers(None, live, "kubectl-client-side-apply", CONFIG_MAP, NOW)
    live = {**live, "metadata": {**live["metadata"], "managedFields": entries}}
    with pytest.raises(apply.Conflicts):
        apply.apply(live, config_map(a="2"), "me", CONFIG_MAP, NOW)
    merged, _ = apply.apply(live, config_map(a="2"), "kubectl", CONFIG_MAP, NOW)
    assert merged["data"] == {"a": "2"}
    assert orjson.loads(merged["metadata"]["annotations"][last_applied.ANNOTATION])["data"] == {"a": "2"}


@pytest.mark.parametrize(
    ("config", "code", "text"),
    [
        (deployment({"name": "c"}, foo=1), 500, ".spec.foo: field not declared in schema"),
        (
            deployment({"name": "c"}, {"name": "c"}),
            500,
            '.spec.template.spec.containers: duplicate entries for key [name="c"]',
        ),
        (deployment({"name": "c"}, replicas="x"), 500, ".spec.replicas: expected numeric (int or float), got string"),
        (
            deployment({"name": "c"}, paused="x"),
            500,
            '.spec.paused: expected boolean, got &value.valueUnstructured{Value:"x"}',
        ),
        (deployment({"name": "c"}, selector=[1]), 500, ".spec.selector: expected map, got &{[1]}"),
    ],
)
def test_a_configuration_that_is_none_of_its_kind_is_refused(config: JSON, code: int, text: str) -> None:
    with pytest.raises(apply.ApplyError) as error:
        apply.apply(None, config, "me", DEPLOYMENT, NOW)
    assert error.value.code == code
    assert str(error.value) == f"failed to create typed patch object (/web; apps/v1, Kind=Deployment): {text}"


def test_managed_fields_cannot_be_applied() -> None:
    config = deployment({"name": "c"})
    config["metadata"]["managedFields"] = [{}]
    with pytest.raises(apply.ApplyError, match="managedFields must be nil"):
        apply.apply(None, config, "me", DEPLOYMENT, NOW)


def test_fields_that_the_endpoint_resets_are_owned_by_nobody() -> None:
    config = {**deployment({"name": "c"}), "status": {"replicas": 1}}
    _, entries = apply.apply(None, config, "me", DEPLOYMENT, NOW, ignored=("status",))
    assert "f:status" not in entries[0]["fieldsV1"]


def test_lists_keep_the_servers_elements_beside_their_neighbours() -> None:
    live = {"spec": {"containers": [{"name": name} for name in "abcd"]}}
    config = {"spec": {"containers": [{"name": name} for name in "dxb"]}}
    merged = typed.merge(POD, live, config)
    assert "".join(one["name"] for one in merged["spec"]["containers"]) == "acdxb"


NAMES = st.sampled_from("abc")
OBJECTS = st.builds(
    lambda data, labels: {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", **({"labels": labels} if labels else {})},
        **({"data": data} if data else {}),
    },
    st.dictionaries(NAMES, NAMES, max_size=3),
    st.dictionaries(NAMES, NAMES, max_size=3),
)


@given(OBJECTS, OBJECTS)
def test_applying_the_same_again_changes_nothing(live: JSON, config: JSON) -> None:
    first = stored(apply.apply(None, live, "other", CONFIG_MAP, NOW))
    once = stored(apply.apply(first, config, "me", CONFIG_MAP, NOW, force=True))
    before = deepcopy(once)
    assert stored(apply.apply(once, config, "me", CONFIG_MAP, NOW + 60)) == once
    assert once == before


@given(OBJECTS, OBJECTS)
def test_what_an_apply_added_the_next_can_take_back(live: JSON, config: JSON) -> None:
    first = stored(apply.apply(None, live, "other", CONFIG_MAP, NOW))
    once = stored(apply.apply(first, live | {"metadata": {"name": "c"}}, "me", CONFIG_MAP, NOW, force=True))
    nothing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    merged, _ = apply.apply(once, nothing, "me", CONFIG_MAP, NOW)
    assert merged.get("data") == live.get("data")


SETS = st.builds(lambda obj: typed.to_set(CONFIG_MAP, obj), OBJECTS)


@given(SETS, SETS)
def test_sets_split_into_what_is_shared_and_what_is_not(left: JSON, right: JSON) -> None:
    shared, rest = field_set.intersection(left, right), field_set.difference(left, right)
    assert set(field_set.members(shared)) | set(field_set.members(rest)) == set(field_set.members(left))
    assert not set(field_set.members(shared)) & set(field_set.members(rest))
    assert set(field_set.members(field_set.union(left, right))) == {
        *field_set.members(left),
        *field_set.members(right),
    }


def test_what_is_known_of_a_created_object_is_what_would_be_found_out() -> None:
    schema = schema_set.load().field_schema("", "v1", "Pod")
    container = {"name": "c", "image": "nginx", "ports": [{"containerPort": 80, "protocol": "TCP"}], "resources": {}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "labels": {"x": "y"}},
        "spec": {"containers": [container]},
    }
    for _ in range(2):
        assert typed.compare_created(schema, pod) == typed.compare(schema, {}, pod)
