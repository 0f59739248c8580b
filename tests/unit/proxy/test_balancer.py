from collections import Counter
from random import Random

from seatrial.proxy.balancer import Balancer
from seatrial.proxy.decide import Endpoint

A, B, C = (Endpoint(f"10.244.0.{n}", 80, f"uid-{n}") for n in (2, 3, 4))


def balancer(*ready: Endpoint, draining: tuple[Endpoint, ...] = (), affinity: float | None = None) -> Balancer:
    made = Balancer(Random(1), affinity)
    made.update(ready, draining, affinity, ())
    return made


def test_all_ready_endpoints_are_picked_about_equally() -> None:
    one = balancer(A, B, C)
    counts = Counter(one.pick("", 0) for _ in range(3000))
    assert set(counts) == {A, B, C}
    assert max(counts.values()) - min(counts.values()) < 200


def test_an_endpoint_is_tried_once() -> None:
    one = balancer(A, B)
    assert one.pick("", 0, [A]) == B
    assert one.pick("", 0, [A, B]) is None


def test_draining_endpoints_are_used_only_when_none_is_ready() -> None:
    assert {balancer(A, draining=(B,)).pick("", 0) for _ in range(20)} == {A}
    assert balancer(draining=(B,)).pick("", 0) == B


def test_a_withdrawn_pod_is_never_picked_even_when_it_is_the_last() -> None:
    one = balancer(A, draining=(B,))
    one.withdraw({A.pod_uid})
    assert one.pick("", 0) == B
    one.withdraw({A.pod_uid, B.pod_uid})
    assert one.pick("", 0) is None
    assert not one.refuses


def test_a_listener_without_endpoints_refuses() -> None:
    assert balancer().refuses
    assert not balancer(draining=(A,)).refuses


def test_a_pod_can_be_spared_when_another_answers_or_the_table_knows_of_its_end() -> None:
    assert balancer(A, B).can_spare(A.pod_uid)
    assert not balancer(A).can_spare(A.pod_uid)
    assert balancer(draining=(A,)).can_spare(A.pod_uid)


def test_a_client_keeps_its_endpoint_until_it_was_away_too_long() -> None:
    one = balancer(A, B, C, affinity=10)
    first = one.pick("client", 0)
    assert {one.pick("client", now) for now in range(0, 100, 10)} == {first}
    later = {one.pick("client", now) for now in range(1000, 2000, 11)}
    assert later == {A, B, C}


def test_a_client_whose_endpoint_failed_gets_another_and_keeps_that() -> None:
    one = balancer(A, B, C, affinity=10)
    first = one.pick("client", 0)
    assert first is not None
    second = one.pick("client", 1, [first])
    assert second != first
    assert {one.pick("client", 2) for _ in range(20)} == {second}
