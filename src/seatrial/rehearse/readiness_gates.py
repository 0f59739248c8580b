"""Readiness gates: whoever sets them is outside of what is rehearsed, such as the controller of a load balancer.

It is assumed to set each gate as soon as the Pod's containers are ready, and that is told. What the gates are of
Pods that the snapshot has already is known, and stays so.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager

from seatrial.api.registry import PODS
from seatrial.base.env import Env
from seatrial.base.types import JSON, Key
from seatrial.client.base import Client
from seatrial.machinery import conditions, objects, times
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Decision, Patch
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.runner import Runner


def told(given: Iterable[JSON]) -> list[str]:
    """What to tell of the gates of these objects and of their templates."""
    names = ", ".join(sorted(_gates(given)))
    return [f"readiness gate {names} assumed to be set as soon as a Pod's containers are ready"] if names else []


@asynccontextmanager
async def opened(client: Client, env: Env, given: Sequence[JSON]) -> AsyncIterator[None]:
    """Meanwhile the gates of new Pods are set. `given`: all objects that Pods may come of, and the present Pods."""
    if not _gates(given):
        yield
        return
    informers = Informers(client, env)
    runner = Runner(_controller(frozenset(map(objects.uid, given))), informers, client, env)
    runner.start()
    informers.start()
    try:
        yield
    finally:
        await runner.stop()
        await informers.stop()


def _gates(given: Iterable[JSON]) -> set[str]:
    return {str(gate.get("conditionType")) for obj in given for gate in _gates_of(obj)}


def _gates_of(obj: JSON) -> Iterator[JSON]:
    of_pods = ("spec",) if obj.get("kind") == "Pod" else ("spec", "template", "spec")
    yield from objects.dicts(obj, *of_pods, "readinessGates")


def _controller(known: frozenset[str]) -> Controller[JSON]:
    async def gather(key: Key, cache: CacheReader) -> JSON | None:
        pod = cache.get(PODS, key)
        return None if pod is None or objects.uid(pod) in known else pod

    return Controller(name="readiness_gates", primary=PODS, watches=(Watch(PODS, _key),), gather=gather, decide=decide)


def _key(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return (objects.key(new),) if new is not None and new["spec"].get("readinessGates") else ()


def decide(pod: JSON, now: float) -> Decision:
    """Set what nobody has set yet, of a Pod whose containers are ready."""
    gates = [str(gate["conditionType"]) for gate in pod["spec"].get("readinessGates") or ()]
    lacking = [gate for gate in gates if conditions.find(pod, gate) is None]
    if not lacking or not conditions.is_true(pod, "ContainersReady"):
        return Decision()
    since = times.format_time(now)
    opened = [{"type": gate, "status": "True", "lastTransitionTime": since} for gate in lacking]
    body = {"metadata": {"uid": objects.uid(pod)}, "status": {"conditions": opened}}
    patch = Patch(PODS, objects.key(pod), body, "its containers are ready", subresource="status", ignore=("NotFound",))
    return Decision((patch,))
