"""What is assumed to exist where nothing of its kind is known."""

from seatrial.base.types import JSON
from seatrial.rehearse.snapshots import assuming

NAMED = {"serviceAccountName": "shop", "priorityClassName": "high", "runtimeClassName": "kata"}


def workload(**spec: object) -> JSON:
    return {"kind": "Deployment", "metadata": {"name": "web", "namespace": "a"}, "spec": {"template": {"spec": spec}}}


def test_accounts_and_classes_that_pods_name_are_made_up_and_told() -> None:
    made, told = assuming.missing([workload(**NAMED)])
    assert [(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in made] == [
        ("PriorityClass", "", "high"),
        ("RuntimeClass", "", "kata"),
        ("ServiceAccount", "a", "shop"),
    ]
    assert told == [
        "no ServiceAccount is known: shop assumed to exist",
        "no PriorityClass is known: high (0) assumed to exist",
        "no RuntimeClass is known: kata assumed to exist",
    ]


def test_a_class_has_the_priority_that_pods_have_of_it() -> None:
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"priorityClassName": "high", "priority": 700}}
    made, _ = assuming.missing([workload(priorityClassName="high"), pod])
    assert [obj["value"] for obj in made] == [700]


def test_where_a_kind_is_known_what_is_missing_is_missing() -> None:
    other = {"kind": "ServiceAccount", "metadata": {"name": "other", "namespace": "a"}}
    assert assuming.missing([workload(serviceAccountName="shop"), other]) == ([], [])


def test_what_every_cluster_has_needs_no_assumption() -> None:
    spec = {"serviceAccountName": "default", "priorityClassName": "system-node-critical"}
    assert assuming.missing([workload(**spec)]) == ([], [])
