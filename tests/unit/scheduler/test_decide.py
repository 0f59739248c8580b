"""Where Pods go, and what is said when they can't: the texts of kube-scheduler 1.32."""

import random
import time
from typing import Any

import pytest

from seatrial.api.registry import SERVICES
from seatrial.machinery import selectors
from seatrial.scheduler import decide, profile
from seatrial.scheduler.affinity import PodSet
from seatrial.scheduler.decide import Binding, Unschedulable
from seatrial.scheduler.snapshot import PodInfo, Snapshot
from unit.scheduler.builders import PORT, TAINT, node, pod, snapshot, told
from unit.scheduler.storage import Storage


def place(made: Snapshot, each: dict[str, Any]) -> Binding | Unschedulable:
    return decide.decide(made, PodInfo(each), random.Random(1))


def on_nodes(*names: list[str]) -> dict[str, Any]:
    """Affinity with one term, of a requirement for each list."""
    fields = [{"key": "metadata.name", "operator": "In", "values": each} for each in names]
    required = {"nodeSelectorTerms": [{"matchFields": fields}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


WEB = {"metadata": {"name": "web", "namespace": "ns"}, "spec": {"selector": {"app": "web"}}}
SOFT_TAINT = {**TAINT, "effect": "PreferNoSchedule"}
SSD_NODE = node("b", labels={"disk": "ssd"})
MORE_CORES = {
    "requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["8"]}]}]
    }
}


@pytest.mark.parametrize(
    ("nodes", "each", "message"),
    [
        pytest.param(
            [node("a", cpu="1"), node("b", taints=[TAINT])],
            pod("p", cpu="2"),
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {dedicated: gpu}. "
            "preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, "
            "1 Preemption is not helpful for scheduling.",
            id="two reasons",
        ),
        pytest.param(
            [node("a", cpu="1"), node("b", cpu="1")],
            pod("p", cpu="2"),
            "0/2 nodes are available: 2 Insufficient cpu. "
            "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
            id="the same twice",
        ),
        pytest.param(
            [node("a", unschedulable=True)],
            pod("p"),
            "0/1 nodes are available: 1 node(s) were unschedulable. "
            "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
            id="cordoned",
        ),
        pytest.param(
            [node("a")],
            pod("p", nodeSelector={"disk": "ssd"}),
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. "
            "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
            id="selector",
        ),
        pytest.param(
            [node("a", cpu="1", memory="1Gi", pods="0")],
            pod("p", containers=[{"resources": {"requests": {"cpu": "2", "memory": "2Gi", "x.io/gpu": "1"}}}]),
            "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 Insufficient x.io/gpu, "
            "1 Too many pods. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
            id="everything short",
        ),
        pytest.param(
            [node("a", cpu="1")],
            pod("p", cpu="2", preemptionPolicy="Never"),
            "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
            id="never preempts",
        ),
        pytest.param([], pod("p"), "no nodes available to schedule pods", id="no nodes"),
        pytest.param(
            [node("a"), node("b")],
            pod("p", affinity=on_nodes(["a"], ["b"])),
            "0/2 nodes are available: pod affinity terms conflict. "
            "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
            id="terms that name different nodes",
        ),
        pytest.param(
            [{**node("a"), "status": {}}],
            pod("p"),
            "0/1 nodes are available: 1 Too many pods. "
            "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
            id="a node that has told nothing yet",
        ),
    ],
)
def test_a_pod_that_fits_nowhere_is_told_why(nodes: list[Any], each: dict[str, Any], message: str) -> None:
    assert told(snapshot(*nodes), each) == message


@pytest.mark.parametrize(
    ("nodes", "each", "chosen"),
    [
        pytest.param([node("a", taints=[TAINT]), node("b")], pod("p"), "b", id="taint"),
        pytest.param(
            [node("a", unschedulable=True)],
            pod("p", tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]),
            "a",
            id="tolerates the cordon",
        ),
        pytest.param([node("a", cpu="2"), node("b", cpu="16")], pod("p", cpu="1"), "b", id="least allocated"),
        pytest.param([node("a"), SSD_NODE], pod("p", nodeSelector={"disk": "ssd"}), "b", id="selector"),
        pytest.param([node("a"), node("b")], pod("p", nodeName="b"), "b", id="named"),
        pytest.param([node("a", taints=[SOFT_TAINT]), node("b", cpu="2")], pod("p"), "b", id="prefer"),
        pytest.param(
            [node("a", labels={"cores": "1_000"}), node("b", labels={"cores": "12"})],
            pod("p", affinity={"nodeAffinity": MORE_CORES}),
            "b",
            id="more cores",
        ),
    ],
)
def test_a_pod_goes_where_it_may_and_should(nodes: list[Any], each: dict[str, Any], chosen: str) -> None:
    outcome = place(snapshot(*nodes), each)
    assert isinstance(outcome, Binding)
    assert outcome.node == chosen


def test_a_pod_for_a_named_node_is_told_of_the_others_together() -> None:
    affinity = on_nodes(["b"])
    made = snapshot(node("a"), node("b", cpu="1"), node("c"))
    assert told(made, pod("p", cpu="2", affinity=affinity)) == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: "
        "0/3 nodes are available: 1 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )
    assert told(made, pod("p", cpu="2", affinity=affinity), profile.OF_1_20) == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity."
    )
    assert place(made, pod("q", affinity=affinity)) == Binding("b", 1, 1)


def test_pods_of_one_service_spread_over_hosts_and_zones() -> None:
    zone = "topology.kubernetes.io/zone"
    made = snapshot(*(node(f"n{i}", labels={zone: f"z{i % 2}"}) for i in range(4)), others=Storage({SERVICES: [WEB]}))
    for number in range(8):
        each = pod(f"p{number}", labels={"app": "web"})
        outcome = place(made, each)
        assert isinstance(outcome, Binding)
        made.put_pod(PodInfo(each), outcome.node)
    assert [len(info.pods) for info in made.nodes] == [2, 2, 2, 2]


def test_a_host_port_is_taken_once_and_free_again_when_its_pod_goes() -> None:
    made = snapshot(node("a"))
    made.put_pod(PodInfo(pod("one", containers=PORT)), "a")
    outcome = place(made, pod("two", containers=PORT))
    assert isinstance(outcome, Unschedulable)
    assert outcome.rejected_by == ("NodePorts",)
    assert "1 node(s) didn't have free ports for the requested pod ports" in outcome.message
    made.drop_pod("uid-one")
    assert isinstance(place(made, pod("two", containers=PORT)), Binding)


def test_requests_count_init_containers_sidecars_and_overhead() -> None:
    def asks(cpu: str, **more: Any) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu}}, **more}

    each = pod(
        "p",
        containers=[asks("1"), asks("500m")],
        initContainers=[asks("250m", restartPolicy="Always"), asks("3")],
        overhead={"cpu": "100m"},
    )
    assert PodInfo(each).requests == {"cpu": 3350}


def test_counts_per_selector_follow_pods_that_come_and_go() -> None:
    made = snapshot(node("a"), node("b"))
    web = PodSet(frozenset({"ns"}), selectors.parse("app=web"))
    made.put_pod(PodInfo(pod("one", labels={"app": "web"})), "a")
    assert made.counts(web) == {"a": 1}
    made.put_pod(PodInfo(pod("two", labels={"app": "web"})), "b")
    made.put_pod(PodInfo(pod("other", labels={"app": "db"})), "b")
    assert made.counts(web) == {"a": 1, "b": 1}
    made.drop_pod("uid-one")
    assert {name: count for name, count in made.counts(web).items() if count} == {"b": 1}


def test_equal_chance_gives_equal_choices() -> None:
    def choices(seed: int) -> list[str]:
        chance = random.Random(seed)
        made = snapshot(*(node(f"n{i}") for i in range(10)))
        outcomes = [decide.decide(made, PodInfo(pod(f"p{i}")), chance) for i in range(20)]
        return [outcome.node for outcome in outcomes if isinstance(outcome, Binding)]

    assert choices(1) == choices(1) != choices(2)


def test_beyond_a_hundred_nodes_only_some_are_looked_at_and_the_next_search_goes_on_there() -> None:
    made = snapshot(*(node(f"n{i:03}") for i in range(400)))
    first = place(made, pod("p"))
    assert isinstance(first, Binding)
    assert first.evaluated == first.feasible == 188
    assert made.next_start == 188
    assert decide.enough_feasible(100) == 100
    assert decide.enough_feasible(10_000) == 500


def test_a_thousand_pods_on_a_hundred_nodes_are_placed_in_well_under_a_second() -> None:
    nodes = (node(f"n{i:03}", cpu="64", memory="256Gi") for i in range(100))
    made = snapshot(*nodes, others=Storage({SERVICES: [WEB]}))
    chance = random.Random(0)
    began = time.process_time()
    for number in range(1000):
        info = PodInfo(pod(f"p{number}", cpu="100m", labels={"app": "web"}))
        outcome = decide.decide(made, info, chance)
        assert isinstance(outcome, Binding)
        made.put_pod(info, outcome.node)
    taken = time.process_time() - began
    print(f"{taken:.3f} s")
    assert {len(info.pods) for info in made.nodes} == {10}
    assert taken < 5  # a guard against quadratic work, not a benchmark
