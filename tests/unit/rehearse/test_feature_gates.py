"""A cluster's objects tell which of its feature gates are on; where they don't, Kubernetes' default is told."""

from seatrial.base.types import JSON
from seatrial.rehearse.snapshots import feature_gates
from seatrial.rehearse.snapshots.snapshot import Snapshot


def a_set(**rolling: int) -> JSON:
    return {"kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"updateStrategy": {"rollingUpdate": rolling}}}


TWO = a_set(maxUnavailable=2)


def test_a_set_that_kept_the_field_shows_that_the_gate_is_on() -> None:
    dumped = Snapshot([TWO])
    assert feature_gates.counts_max_unavailable(dumped)
    assert not list(feature_gates.told(dumped, [TWO]))


def test_without_such_a_set_the_gate_is_off_and_that_is_told_where_it_matters() -> None:
    for snapshot, coming in ((Snapshot([a_set()]), [TWO]), (Snapshot(manifests=[TWO]), [])):
        assert not feature_gates.counts_max_unavailable(snapshot)
        (told,) = feature_gates.told(snapshot, coming)
        assert told.startswith("maxUnavailable of statefulset/db is ignored")
    assert not list(feature_gates.told(Snapshot([a_set()]), [a_set(partition=1)]))


def test_our_own_clusters_have_it_on() -> None:
    assert feature_gates.counts_max_unavailable(Snapshot(is_of_seatrial=True))
