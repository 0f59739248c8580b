"""Nodes, Pods and what they ask for, and what the scheduler makes of them."""

import random
from typing import Any

from seatrial.scheduler import decide, messages, preemption, profile
from seatrial.scheduler.decide import Unschedulable
from seatrial.scheduler.snapshot import Others, PodInfo, Snapshot

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
PORT = [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 80}]}]

WEB, DB = {"app": "web"}, {"app": "db"}


def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: str = "110", **spec: Any) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": name, **spec.pop("labels", {})}
    allocatable = {"cpu": cpu, "memory": memory, "pods": pods}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"allocatable": allocatable}}


def pod(name: str, *, cpu: str = "", labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    requests = {"requests": {"cpu": cpu}} if cpu else {}
    containers = spec.pop("containers", [{"name": "c", "resources": requests}])
    meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "labels": labels or {}}
    return {"metadata": meta, "spec": {"containers": containers, **spec}}


def snapshot(*nodes: dict[str, Any], others: Others | None = None) -> Snapshot:
    made = Snapshot(others)
    for each in nodes:
        made.put_node(each)
    return made


def told(made: Snapshot, each: dict[str, Any], rules: profile.Profile = profile.CURRENT) -> str:
    outcome = decide.decide(made, PodInfo(each), random.Random(1), rules=rules)
    assert isinstance(outcome, Unschedulable)
    found = preemption.find(made, PodInfo(each), outcome, rules, random.Random(1), 0.0)
    assert isinstance(found, str)
    return messages.with_preemption(outcome.message, found) if rules.tells_of_preemption else outcome.message


def places(made: Snapshot, each: dict[str, Any]) -> set[str]:
    """Where the Pod may go."""
    checks = decide.checks_for(made, PodInfo(each), profile.CURRENT)
    return {name.name for name in made.nodes if decide.first_rejection(checks, name) is None}


def term(labels: dict[str, str], key: str = HOST, **more: Any) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": labels}, "topologyKey": key, **more}


def together(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def apart(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def even(key: str = HOST, skew: int = 1, labels: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    selector = {"matchLabels": labels or WEB}
    return {
        "topologyKey": key,
        "maxSkew": skew,
        "labelSelector": selector,
        "whenUnsatisfiable": "DoNotSchedule",
        **more,
    }
