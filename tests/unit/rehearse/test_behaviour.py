"""Behaviour files, and what probes and hooks make of a behaviour."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.node.runtimes.simulated import Behaviour
from seatrial.rehearse.behaviour import (
    behaviour_file,
    distribution,
    loads,
    observing,
    probing,
    profiles,
    sampling,
    waiting,
)
from seatrial.rehearse.behaviour.loads import GivenLoad
from seatrial.rehearse.behaviour.profiles import DEFAULT, Profile, Profiles
from seatrial.rehearse.behaviour.sampling import SampledModel


def pod(name: str = "web-1", image: str = "web:1", **container: object) -> JSON:
    return {
        "metadata": {"name": name, "uid": name},
        "spec": {"containers": [{"name": "c", "image": image, **container}]},
    }


def of(profiles: Profiles, image: str = "web:1", seed: int = 0, **container: object) -> Behaviour:
    one = pod(image=image, **container)
    return SampledModel(profiles, seed).of(one, one["spec"]["containers"][0])


def test_a_file_names_images_in_full_or_without_the_tag() -> None:
    given = {"defaults": {"start": 1}, "behaviours": {"web": {"start": 2}, "web:3": {"start": 3}}}
    profiles = behaviour_file.parse(given, "f")
    assert [of(profiles, image).start for image in ("web:1", "web:3", "db:1", "web@sha256:0")] == [2, 3, 1, 2]


def test_what_a_file_says_counts_over_what_was_seen_key_by_key() -> None:
    said = {"defaults": {"exit": 4}, "behaviours": {"web": {"ready": 3}, "web:2": {"start": 1}}}
    seen = {"web": Profile(start=distribution.observed([7]), ready=distribution.observed([9]))}
    profiles = replace(behaviour_file.parse(said, "f"), seen=seen)
    behaviours = [of(profiles, image) for image in ("web:1", "web:2", "db:1")]
    assert [(each.start, each.ready, each.exit) for each in behaviours] == [(7, 3, 4), (1, 3, 4), (2, 0, 4)]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, ["nothing is known of the end of web:1: Pods end 1s after SIGTERM (set it in --behaviour)"]),
        ({"exit": 3}, []),
    ],
)
def test_the_end_of_pods_is_assumed_aloud_though_their_start_was_seen(said: JSON, told: list[str]) -> None:
    seen = {"web": Profile(start=distribution.observed([7]))}
    profiles = replace(behaviour_file.parse({"defaults": said}, "f"), seen=seen)
    pod = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "web:1"}]}}
    assert sampling.assumptions(SampledModel(profiles), [pod]) == told


def test_what_was_seen_is_told_unless_the_file_says_otherwise() -> None:
    seen = {name: Profile(start=distribution.observed([7, 8])) for name in ("web", "db")}
    profiles = replace(behaviour_file.parse({"behaviours": {"web": {"start": 1}}}, "f"), seen=seen)
    pods = [pod(image=image) for image in ("web:2", "db:2")]
    assert observing.assumptions(profiles, pods) == ["db: starts in 8s, as 2 of its containers did"]


def test_of_images_that_the_update_does_not_start_nothing_is_told() -> None:
    profiles = Profiles(seen={"db": Profile(start=distribution.observed([7]))})
    assert observing.assumptions(profiles, [pod(image="web:2")]) == []


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("web:1", "web"),
        ("host:5000/web", "host:5000/web"),
        ("host:5000/web:1", "host:5000/web"),
        ("web@sha256:ab", "web"),
        ("web:1@sha256:ab", "web"),
    ],
)
def test_the_tag_comes_off_and_the_port_stays(image: str, name: str) -> None:
    assert profiles.untagged(image) == name


@pytest.mark.parametrize(
    ("value", "typical", "lowest", "highest"),
    [
        (3, 3, 3, 3),
        ({"fixed": 3}, 3, 3, 3),
        ({"uniform": [2, 6]}, 4, 2, 6),
        ({"lognormal": {"median": 5, "p95": 20}}, 5, 0, 1e9),
        ({"observed": [9, 1, 2]}, 2, 1, 9),
    ],
)
def test_durations_are_drawn_from_what_they_are_said_to_be(
    value: Any, typical: float, lowest: float, highest: float
) -> None:
    found = distribution.parse(value, "x")
    assert found.typical == pytest.approx(typical)
    draws = [found.draw(random.Random(seed)) for seed in range(50)]
    assert all(lowest <= draw <= highest for draw in draws)


def test_the_95th_percentile_of_a_lognormal_is_the_one_asked_for() -> None:
    found, chance = distribution.parse({"lognormal": {"median": 5, "p95": 20}}, "x"), random.Random(1)
    draws = sorted(found.draw(chance) for _ in range(4000))
    assert draws[3800] == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize(
    "content",
    [
        {"behaviour": {}},
        {"behaviours": {"web": {"starts": 1}}},
        {"behaviours": {"web": {"start": -1}}},
        {"behaviours": {"web": {"start": "soon"}}},
        {"behaviours": {"web": {"start": {"uniform": [3, 1]}}}},
        {"behaviours": {"web": {"start": {"lognormal": {"median": 0, "p95": 1}}}}},
        {"behaviours": {"web": {"never_ready": 2}}},
        {"behaviours": {"web": 3}},
        {"behaviours": []},
        [],
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(content: Any) -> None:
    with pytest.raises(ToolError, match=r"behaviour\.yaml"):
        behaviour_file.parse(content, "behaviour.yaml")


def test_the_typical_run_has_only_what_happens_more_often_than_not() -> None:
    rare = behaviour_file.parse({"behaviours": {"web": {"bad_image": 0.2, "crash": {"after": 5, "chance": 0.9}}}}, "f")
    assert (of(rare).bad_image, of(rare).crash) == (False, 5)


def test_failures_come_as_often_as_their_chance_says() -> None:
    rare = behaviour_file.parse({"behaviours": {"web": {"never_ready": 0.25}}}, "f")
    failed = sum(of(rare, seed=seed).ready is None for seed in range(1, 1001))
    assert 200 < failed < 300


@given(seed=st.integers(0, 10_000))
def test_a_container_behaves_the_same_whenever_it_is_asked_about(seed: int) -> None:
    profiles = behaviour_file.parse({"defaults": {"start": {"uniform": [0, 9]}}}, "f")
    one, model = pod(), SampledModel(profiles, seed)
    first = model.of(one, one["spec"]["containers"][0])
    assert first == model.of(one, one["spec"]["containers"][0]) == of(profiles, seed=seed)


def test_an_init_container_ends_by_itself() -> None:
    one = pod()
    one["spec"]["initContainers"] = [{"name": "i", "image": "init:1"}]
    assert SampledModel(Profiles()).of(one, one["spec"]["initContainers"][0]).complete == profiles.INIT_SECONDS


def test_everything_takes_longer_on_a_slow_node() -> None:
    one = pod(readinessProbe={"httpGet": {"path": "/"}, "periodSeconds": 1})
    one["spec"] |= {"nodeName": "node-1", "initContainers": [{"name": "i", "image": "init:1"}]}
    model = SampledModel(behaviour_file.parse({"defaults": {"start": 1, "ready": 2, "crash": 9, "exit": 3}}, "f"))
    model.slowness["node-1"] = 10.0
    slow = model.of(one, one["spec"]["containers"][0])
    assert (slow.start, slow.ready, slow.crash, slow.exit) == (10, 20, 90, 30)
    assert model.of(one, one["spec"]["initContainers"][0]).complete == 10 * profiles.INIT_SECONDS


def test_without_a_probe_a_pod_is_ready_at_once() -> None:
    assert of(Profiles()).ready == 0.0


ASKS = {"httpGet": {"path": "/"}}
PROBE = {"initialDelaySeconds": 5, "periodSeconds": 10, "failureThreshold": 3}


@pytest.mark.parametrize(
    ("answers", "seen"), [(0, 5), (5, 5), (5.1, 15), (15, 15), (16, 25)], ids=lambda value: str(value)
)
def test_a_startup_is_seen_when_the_probe_looks(answers: float, seen: float) -> None:
    assert probing.started({"startupProbe": PROBE}, answers, probing.Agent()) == seen


@pytest.mark.parametrize(
    ("probe", "answers", "seen"),
    [
        (PROBE, 0, 5),
        (PROBE, 5.1, 6),
        (PROBE, 16, 16),
        ({"periodSeconds": 10}, 0, 0.1),
        ({"periodSeconds": 10}, 0.3, 1.1),
        ({"periodSeconds": 2, "successThreshold": 2}, 0.3, 3.1),
    ],
)
def test_readiness_is_looked_at_every_second_until_it_is_seen(probe: JSON, answers: float, seen: float) -> None:
    behaved = probing.seen(Behaviour(ready=answers), {"readinessProbe": probe}, probing.Agent(), seen_ready=False)
    assert behaved.ready == pytest.approx(seen)


@pytest.mark.parametrize(
    ("container", "waited", "answers", "seen"),
    [
        ({"readinessProbe": {"periodSeconds": 10}}, 2, 0, 1),
        ({"readinessProbe": {"periodSeconds": 10}}, 2, 1, 1),
        ({"readinessProbe": {"periodSeconds": 10}}, 2, 1.1, 8),
        ({"readinessProbe": {"periodSeconds": 10}}, 9.5, 0, 0.5),
        ({"readinessProbe": {"periodSeconds": 10}}, 12, 8.1, 18),
        ({"readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 10}}, 2, 0, 8),
        ({"readinessProbe": {"initialDelaySeconds": 9, "periodSeconds": 10}}, 2, 0, 18),
        ({"readinessProbe": {"periodSeconds": 2, "successThreshold": 3}}, 1, 0.5, 5),
        ({"readinessProbe": {"initialDelaySeconds": 1, "periodSeconds": 10}}, 2, 0, 1),
        ({"startupProbe": {"periodSeconds": 5}, "readinessProbe": {"periodSeconds": 10}}, 2, 1, 3),
        ({"startupProbe": {"periodSeconds": 5}}, 2, 4, 8),
    ],
)  # fmt: skip
def test_a_kubelet_looks_once_a_period_from_the_moment_the_pod_is_there(
    container: JSON, waited: float, answers: float, seen: float
) -> None:
    assert probing.readiness(container, answers, probing.Kubelet(waited)) == pytest.approx(seen)


@pytest.mark.parametrize(
    ("probe", "waited", "killed"),
    [({"periodSeconds": 10}, 2, 28), ({"periodSeconds": 5, "failureThreshold": 3}, 2, 13),
     ({"periodSeconds": 10, "initialDelaySeconds": 15}, 2, 38)],
)  # fmt: skip
def test_a_kubelet_kills_what_its_looks_have_found_dead(probe: JSON, waited: float, killed: float) -> None:
    assert probing.given_up({"livenessProbe": probe}, 1000, probing.Kubelet(waited)) == pytest.approx(killed)


@pytest.mark.parametrize(
    ("container", "answers", "killed"),
    [
        ({"livenessProbe": PROBE}, 20, None),
        ({"livenessProbe": PROBE}, 26, 25.0),
        ({"livenessProbe": PROBE, "startupProbe": {"periodSeconds": 10, "failureThreshold": 30}}, 100, None),
        ({"livenessProbe": PROBE, "startupProbe": {"periodSeconds": 1, "failureThreshold": 3}}, 10, 2.1),
        ({"livenessProbe": {**PROBE, **ASKS}}, None, None),
        ({"livenessProbe": {**PROBE, **ASKS}, "readinessProbe": ASKS}, None, 25.0),
        ({}, 1000, None),
    ],
)  # fmt: skip
def test_a_slow_starter_is_killed_when_its_probe_has_failed_too_often(
    container: JSON, answers: float | None, killed: float | None
) -> None:
    seen = probing.seen(Behaviour(ready=answers), container, probing.Agent(), seen_ready=False)
    assert seen.unhealthy == killed


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        ({"sleep": {"seconds": 5}}, 5),
        ({"exec": {"command": ["sh", "-c", "sleep 15; nginx -s quit"]}}, 15),
        ({"exec": {"command": ["/bin/stop"]}}, 0),
        ({}, 0),
    ],
)
def test_a_hook_that_sleeps_delays_the_end(hook: JSON, seconds: float) -> None:
    assert of(Profiles(), lifecycle={"preStop": hook}).exit == DEFAULT.exit.typical + seconds


def test_a_hook_that_sleeps_delays_the_start() -> None:
    behaved = of(Profiles(), lifecycle={"postStart": {"exec": {"command": ["sleep", "10"]}}})
    assert behaved.start == DEFAULT.start.typical + 10


def test_a_load_is_given_per_workload_and_metric() -> None:
    given = {
        "load": {
            "shop": [{"at": 0, "cpu": "500m"}, {"at": "1m", "cpu": 4, "requests": 200}],
            "a/db": [{"memory": "1Gi"}],
        }
    }
    load = GivenLoad(behaviour_file.parse(given, "f").load, began=100.0)
    assert [load("x", "shop", "cpu", at) for at in (0.0, 100.0, 130.0, 500.0)] == [0.5, 0.5, 2.25, 4.0]
    assert load("x", "shop", "requests", 100.0) == 200.0
    assert load("a", "db", "memory", 100.0) == 2**30
    assert load("b", "db", "memory", 100.0) is None
    assert loads.lasts(load.curves) == 60.0


def test_before_the_change_the_load_is_as_at_first() -> None:
    curves = behaviour_file.parse({"load": {"shop": [{"at": 5, "cpu": 1}, {"at": 6, "cpu": 9}]}}, "f").load
    assert GivenLoad(curves)("default", "shop", "cpu", 1e12) == 1.0


def test_the_load_that_an_autoscaler_measured_last_stays() -> None:
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop", "namespace": "a"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}},
        "status": {
            "currentReplicas": 4,
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageValue": "250m"}}}],
        },
    }
    curves, told = loads.observed([scaler])
    assert GivenLoad(curves)("a", "web", "cpu", 0.0) == 1.0
    assert told == [
        "horizontalpodautoscaler/shop: the load is assumed to stay as last measured: cpu 1 in all "
        "(set `load` in --behaviour)"
    ]


@pytest.mark.parametrize(
    ("load", "told"),
    [
        ([1], "takes workloads"),
        ({"shop": {"cpu": 1}}, "takes a list of points"),
        ({"shop": [{"at": "soon", "cpu": 1}]}, "at: takes seconds or a duration"),
        ({"shop": [{"cpu": "many"}]}, "amounts are written like"),
        ({"shop": [{"at": 5, "cpu": 1}, {"at": 3, "cpu": 1}]}, "not in order of time"),
    ],
)
def test_a_load_that_makes_no_sense_is_told(load: Any, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        behaviour_file.parse({"load": load}, "f")


SHOP = {"metadata": {"name": "shop"}, "spec": {"clusterIP": "10.96.0.9"}}
HEADLESS = {"metadata": {"name": "db"}, "spec": {"clusterIP": "None"}}


@pytest.mark.parametrize(
    ("command", "service"),
    [
        ("until wget -q -O- http://shop/version; do sleep 2; done", "shop"),
        ("while ! nc -z shop.default.svc 80; do sleep 1; done", "shop"),
        ("./wait-for-it.sh db:5432 -- echo up", "db"),
        ("until nslookup db; do sleep 2; done", "db"),
        ("until nslookup shop; do sleep 2; done", ""),
        ("curl http://shop/warm-up", ""),
        ("until curl http://workshop/; do sleep 1; done", ""),
        ("until curl http://shop-admin/; do sleep 1; done", ""),
    ],
)
def test_what_a_command_waits_for_is_read_off_it(command: str, service: str) -> None:
    container = {"name": "wait", "image": "busybox", "command": ["sh", "-c", command]}
    assert waiting.awaited(container, [SHOP, HEADLESS]) == service
