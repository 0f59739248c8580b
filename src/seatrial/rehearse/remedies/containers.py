"""Remedies that change one container of the template: strategic merge patches, which leave all others as they are."""

import math
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from seatrial.api.registry import LIMIT_RANGES, NODES
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.rehearse.result import Finding, Remedy
from seatrial.rehearse.rules import capacity
from seatrial.rehearse.rules.base import Case

_HANDLERS = ("httpGet", "tcpSocket", "grpc", "exec")
_MUST_SPECIFY = re.compile(r"must specify (.+)")
PATIENCE = 1.5
"""How much longer than it takes an application gets to start."""


def of(case: Case, causes: Sequence[Finding]) -> Iterator[Remedy]:
    """Longer probes, smaller requests, what a quota or a LimitRange wants to be told."""
    for cause in causes:
        if cause.rule == "liveness-kills-slow-starter":
            yield from _startup_probes(case)
        elif cause.rule == "no-room":
            yield from _smaller(case)
        elif cause.rule == "pods-refused" and "failed quota: " in cause.message:
            yield from _asking_as_before(case, cause.message)
        elif cause.rule == "pods-refused" and " per Container is " in cause.message:
            yield from _within_limits(case)


def _patched(case: Case, title: str, container: JSON, changed: JSON) -> Remedy:
    containers = [{"name": container["name"], **changed}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    title = f"{title} for container {container['name']}"
    return Remedy(title, case.name, case.target.namespace, patch, patch_type="strategic")


def _startup_probes(case: Case) -> Iterator[Remedy]:
    """Of containers that answer, only later than a probe waits."""
    fresh = [life.pod for life in case.lives if life.is_new]
    for container in case.containers:
        answers = [case.model.of(pod, container) for pod in fresh]
        ready = max((each.ready or 0.0 for each in answers if each.unhealthy is not None), default=0.0)
        probe = container.get("startupProbe") or container.get("livenessProbe")
        if not ready or not probe:
            continue
        period = int(probe.get("periodSeconds") or 10)
        changed: JSON = {"failureThreshold": math.ceil(PATIENCE * ready / period)}
        if not container.get("startupProbe"):
            asked = {each: probe[each] for each in _HANDLERS if probe.get(each)}
            changed = {**asked, "periodSeconds": period, **changed}
        title = f"a startupProbe that waits {changed['failureThreshold'] * period}s"
        yield _patched(case, title, container, {"startupProbe": changed})


def _smaller(case: Case) -> Iterator[Remedy]:
    """Where the new version asks for more than the old one, or than a node has at all: what a node has left."""
    needs, free = capacity.requests(case.newest_pod_spec), capacity.free(case)
    before = capacity.requests(objects.get(case.before or {}, "spec", "template", "spec", default={}))
    for resource, need in needs.items():
        most = max((capacity.allocatable(node, resource) for node in case.course.all(NODES)), default=0)
        left = max((each[resource] for each in free.values()), default=0)
        if need <= left or need <= min(before.get(resource, need), most):
            continue
        container = max(case.containers, key=lambda each: _asked(each, resource), default=None)
        asked = _asked(container or {}, resource)
        fits = capacity.rounded(resource, asked - (need - left))
        if container and fits > 0:
            amount = quantity.like(fits, "1Mi" if resource == "memory" else "1m")
            changed = {"resources": {"requests": {resource: amount}}}
            yield _patched(case, f"a request of {amount} {resource}", container, changed)


def _asked(container: JSON, resource: str) -> Fraction:
    return quantity.parse(objects.get(container, "resources", "requests", resource, default="0"))


def _asking_as_before(case: Case, message: str) -> Iterator[Remedy]:
    """What a quota wants to be told, where the old version told it: `must specify requests.memory for: shop`."""
    found = _MUST_SPECIFY.search(message)
    missing = [part.partition(" for: ") for part in found[1].split("; ")] if found else []
    for container in case.containers:
        old = _container(case.before, str(container["name"])).get("resources") or {}
        wanted: dict[str, JSON] = {}
        for names, _, whose in missing:
            for name in names.split(",") if container["name"] in whose.split(",") else ():
                kind, _, resource = name.rpartition(".")
                amount = objects.get(old, kind or "requests", resource, default="")
                if amount:
                    wanted.setdefault(kind or "requests", {})[resource] = amount
        if wanted:
            shown = [f"{kind}.{name} {amount}" for kind, each in wanted.items() for name, amount in each.items()]
            yield _patched(case, f"{', '.join(shown)}, as before,", container, {"resources": wanted})


def _container(workload: JSON | None, name: str) -> JSON:
    found = objects.get(workload or {}, "spec", "template", "spec", "containers", default=[])
    return next((each for each in found if each.get("name") == name), {})


def _within_limits(case: Case) -> Iterator[Remedy]:
    """No more than a LimitRange allows one container."""
    limits = [each for obj in case.there(LIMIT_RANGES) for each in obj["spec"].get("limits") or ()]
    most = {
        name: amount for each in limits if each["type"] == "Container" for name, amount in each.get("max", {}).items()
    }
    for container in case.containers:
        given = container.get("resources") or {}
        cut = {
            kind: {
                name: most[name] for name, amount in (given.get(kind) or {}).items() if _exceeds(amount, most.get(name))
            }
            for kind in ("requests", "limits")
        }
        cut = {kind: each for kind, each in cut.items() if each}
        if cut:
            shown = {f"{amount} {name}" for each in cut.values() for name, amount in each.items()}
            yield _patched(case, f"at most {', '.join(sorted(shown))}", container, {"resources": cut})


def _exceeds(amount: str, most: str | None) -> bool:
    return most is not None and quantity.parse(amount) > quantity.parse(most)
