"""Pods together and apart, evenly spread: which nodes are left, what is said of the others, which node is best."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.registry import SERVICES
from seatrial.scheduler import decide, profile, topology_spread
from seatrial.scheduler.decide import Binding, Unschedulable
from seatrial.scheduler.pod_affinity import preferred_neighbours
from seatrial.scheduler.snapshot import PodInfo, Snapshot
from unit.scheduler.builders import DB, WEB, ZONE, apart, even, node, places, pod, snapshot, term, together, told
from unit.scheduler.storage import Storage

NOT_TOGETHER = "node(s) didn't match pod affinity rules"
NOT_APART = "node(s) didn't match pod anti-affinity rules"
OTHERS = "node(s) didn't satisfy existing pods anti-affinity rules"
UNEVEN = "node(s) didn't match pod topology spread constraints"


def rather(kind: str, weight: int, each: dict[str, Any]) -> dict[str, Any]:
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": each}]}}


def zones() -> Snapshot:
    """a and b in zone 1, c in zone 2, d in none."""
    made = snapshot(
        node("a", labels={ZONE: "1"}), node("b", labels={ZONE: "1"}), node("c", labels={ZONE: "2"}), node("d")
    )
    made.put_namespace("ns", {"team": "blue"})
    made.put_namespace("elsewhere", {"team": "red"})
    return made


def there(made: Snapshot, name: str, where: str, **more: Any) -> None:
    each = pod(name, **more)
    made.put_pod(PodInfo(each), where)


@pytest.mark.parametrize(
    ("each", "allowed"),
    [
        pytest.param(pod("p", affinity=together(term(WEB))), {"a"}, id="same host"),
        pytest.param(pod("p", affinity=together(term(WEB, ZONE))), {"a", "b"}, id="same zone"),
        pytest.param(pod("p", affinity=apart(term(WEB))), {"b", "c", "d"}, id="another host"),
        pytest.param(pod("p", affinity=apart(term(WEB, ZONE))), {"c", "d"}, id="another zone"),
        pytest.param(pod("p", affinity=together(term(WEB), term(DB))), set(), id="no Pod is meant by both terms"),
        pytest.param(pod("p", affinity=together(term({"app": "no"}))), set(), id="nobody to be together with"),
        pytest.param(
            pod("p", labels={"app": "no"}, affinity=together(term({"app": "no"}, ZONE))),
            {"a", "b", "c"},
            id="the first of its kind may go where the label is",
        ),
        pytest.param(pod("p", labels=DB), {"a", "c", "d"}, id="one that keeps others off"),
        pytest.param(
            pod("p", affinity=together(term({"app": "red"}, namespaces=["elsewhere"]))), {"c"}, id="named namespace"
        ),
        pytest.param(
            pod("p", affinity=together(term({"app": "red"}, namespaceSelector={"matchLabels": {"team": "red"}}))),
            {"c"},
            id="namespace by labels",
        ),
        pytest.param(
            pod("p", affinity=together(term({"app": "red"}, namespaceSelector={}))), {"c"}, id="all namespaces"
        ),
        pytest.param(pod("p", affinity=together(term({"app": "red"}))), set(), id="not its namespace"),
    ],
)
def test_required_affinity_leaves_these_nodes(each: dict[str, Any], allowed: set[str]) -> None:
    made = zones()
    there(made, "web", "a", labels=WEB)
    there(made, "lonely", "b", labels={"app": "lonely"}, affinity=apart(term(DB)))
    red = pod("red", labels={"app": "red"})
    red["metadata"]["namespace"] = "elsewhere"
    made.put_pod(PodInfo(red), "c")
    assert places(made, each) == allowed


def test_every_kind_of_affinity_has_its_own_words() -> None:
    made = snapshot(node("a"), node("b"), node("c"))
    there(made, "web", "a", labels=WEB)
    there(made, "both", "b", labels={**WEB, "n": "1"}, affinity=apart(term({"app": "new"})))
    there(made, "far", "c", labels=DB)
    each = pod("p", labels={"app": "new"}, affinity={**together(term(WEB)), **apart(term(DB))})
    there(made, "too", "a", labels=DB)
    assert told(made, each) == (
        f"0/3 nodes are available: 1 {NOT_TOGETHER}, 1 {NOT_APART}, 1 {OTHERS}. preemption: 0/3 nodes are available: "
        "1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod."
    )
    assert told(made, pod("q", affinity=apart(term({"app": "db"}), term(WEB))), profile.OF_1_20) == (
        "0/3 nodes are available: 3 node(s) didn't match pod affinity/anti-affinity, 3 " + NOT_APART + "."
    )


def test_affinity_forgets_pods_that_go() -> None:
    made = zones()
    there(made, "web", "a", labels=WEB, affinity=apart(term(WEB)))
    assert "a" not in places(made, pod("p", labels=WEB))
    made.drop_pod("uid-web")
    assert places(made, pod("p", labels=WEB, affinity=apart(term(WEB)))) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("constraints", "allowed"),
    [
        pytest.param([even()], {"b", "c", "d"}, id="hosts"),
        pytest.param([even(ZONE)], {"c"}, id="zones; a node without the label is out"),
        pytest.param([even(ZONE, skew=2)], {"a", "b", "c"}, id="skew 2"),
        pytest.param([even(ZONE, skew=2, minDomains=3)], {"a", "b", "c"}, id="too few domains: the emptiest has none"),
        pytest.param([even(ZONE, skew=1, minDomains=3)], {"c"}, id="minDomains"),
        pytest.param([even(labels={"app": "other"})], {"a", "b", "c", "d"}, id="nobody is counted, nor itself"),
        pytest.param([even(whenUnsatisfiable="ScheduleAnyway")], {"a", "b", "c", "d"}, id="only a wish"),
        pytest.param([even(matchLabelKeys=["hash"])], {"a", "b", "c", "d"}, id="only its own revision counts"),
        pytest.param(
            [{**even(), "labelSelector": {}}], {"a", "b", "c", "d"}, id="a selector of everything counts none"
        ),
    ],
)
def test_spreading_leaves_these_nodes(constraints: list[dict[str, Any]], allowed: set[str]) -> None:
    made = zones()
    there(made, "one", "a", labels={**WEB, "hash": "old"})
    each = pod("p", labels={**WEB, "hash": "new"}, topologySpreadConstraints=constraints)
    assert places(made, each) == allowed


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        pytest.param({}, {"a"}, id="only nodes that it may use count"),
        pytest.param({"nodeAffinityPolicy": "Ignore"}, set(), id="all nodes count"),
        pytest.param({"nodeTaintsPolicy": "Honor"}, {"a"}, id="tainted nodes don't count"),
    ],
)
def test_policies_say_which_nodes_count(policy: dict[str, Any], allowed: set[str]) -> None:
    made = snapshot(node("a", labels={"disk": "ssd"}), node("b"))
    there(made, "one", "a", labels=WEB)
    each = pod("p", labels=WEB, nodeSelector={"disk": "ssd"}, topologySpreadConstraints=[even(**policy)])
    assert places(made, each) == allowed


def test_the_words_for_uneven_and_for_a_missing_label() -> None:
    made = snapshot(node("a", labels={ZONE: "1"}), node("b", labels={ZONE: "2"}, cpu="0"), node("c"))
    there(made, "one", "a", labels=WEB)
    each = pod("p", cpu="1", labels=WEB, topologySpreadConstraints=[even(ZONE)])
    assert told(made, each).startswith(
        f"0/3 nodes are available: 1 Insufficient cpu, 1 {UNEVEN}, 1 {UNEVEN} (missing required label). "
    )


@pytest.mark.parametrize(
    ("each", "chosen"),
    [
        pytest.param(pod("p", affinity=rather("podAffinity", 10, term(WEB))), {"a"}, id="rather together"),
        pytest.param(pod("p", affinity=rather("podAntiAffinity", 10, term(WEB, ZONE))), {"c"}, id="rather apart"),
        pytest.param(pod("p", labels={"app": "friend"}), {"b"}, id="somebody would like its company"),
        pytest.param(
            pod("p", labels=WEB, topologySpreadConstraints=[even(ZONE, whenUnsatisfiable="ScheduleAnyway")]),
            {"c"},
            id="rather even",
        ),
    ],
)
def test_wishes_decide_between_nodes(each: dict[str, Any], chosen: set[str]) -> None:
    made = snapshot(node("a", labels={ZONE: "1"}), node("b", labels={ZONE: "1"}), node("c", labels={ZONE: "2"}))
    there(made, "web", "a", labels=WEB)
    there(made, "host", "b", affinity=rather("podAffinity", 5, term({"app": "friend"})))
    there(made, "even", "c")
    found = {decide.decide(made, PodInfo(each), random.Random(seed)) for seed in range(8)}
    assert {outcome.node for outcome in found if isinstance(outcome, Binding)} == chosen


def test_wishes_are_scaled_to_a_hundred_as_floating_point_has_it() -> None:
    """float64(100) * (29/100) is a little less than 29."""
    made = snapshot(node("a"), node("b"), node("c"))
    there(made, "some", "b", affinity=rather("podAffinity", 29, term(DB)))
    there(made, "most", "c", affinity=rather("podAffinity", 100, term(DB)))
    assert preferred_neighbours(PodInfo(pod("p", labels=DB)), made.nodes, made) == [0, 28, 100]


def test_a_node_without_the_label_is_not_in_the_domain_of_an_empty_value() -> None:
    made = snapshot(node("a", labels={"rack": ""}), node("b"))
    there(made, "friend", "a", affinity=rather("podAffinity", 5, term(DB, "rack")))
    assert preferred_neighbours(PodInfo(pod("p", labels=DB)), made.nodes, made) == [100, 0]


def test_by_default_nodes_without_a_zone_are_one_domain_more() -> None:
    """Three Pods on a: 3 * ln(3 + 2) + 2 by host, 3 * ln(2 + 2) + 4 by zone; c has no zone: 0 * ln(5) + 2."""
    service = {"metadata": {"name": "web", "namespace": "ns"}, "spec": {"selector": WEB}}
    nodes = node("a", labels={ZONE: "1"}), node("b", labels={ZONE: "1"}), node("c")
    made = snapshot(*nodes, others=Storage({SERVICES: [service]}))
    for number in range(3):
        there(made, f"web-{number}", "a", labels=WEB)
    spreading = topology_spread.spreading(profile.DEFAULT_SPREADING, needs_all_keys=False)
    each = PodInfo(pod("p", labels=WEB))
    assert spreading(each, made.nodes, made) == [13, 46, 100]


@given(st.integers(1, 3), st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(1, 24))
def test_whatever_comes_the_skew_is_kept(skew: int, hosts_per_zone: list[int], number: int) -> None:
    made = snapshot(
        *(
            node(f"n{zone}-{host}", labels={ZONE: str(zone)})
            for zone, hosts in enumerate(hosts_per_zone)
            for host in range(hosts)
        )
    )
    counts = dict.fromkeys(map(str, range(len(hosts_per_zone))), 0)
    for index in range(number):
        each = pod(f"p{index}", labels=WEB, topologySpreadConstraints=[even(ZONE, skew)])
        outcome = decide.decide(made, PodInfo(each), random.Random(index))
        assert isinstance(outcome, Binding)
        made.put_pod(PodInfo(each), outcome.node)
        found = made.get(outcome.node)
        assert found is not None
        counts[found.labels[ZONE]] += 1
        assert max(counts.values()) - min(counts.values()) <= skew


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30))
def test_one_per_host_whoever_goes_and_comes(steps: list[tuple[int, bool]]) -> None:
    made = snapshot(*(node(f"n{i}") for i in range(3)))
    placed: dict[int, str] = {}
    for number, come in steps:
        each = pod(f"p{number}", labels=WEB, affinity=apart(term(WEB)))
        if not come:
            made.drop_pod(f"uid-p{number}")
            placed.pop(number, None)
        elif number not in placed:
            outcome = decide.decide(made, PodInfo(each), random.Random(number))
            assert isinstance(outcome, Unschedulable) == (len(placed) == 3)
            if isinstance(outcome, Binding):
                made.put_pod(PodInfo(each), outcome.node)
                placed[number] = outcome.node
    assert len(set(placed.values())) == len(placed)
