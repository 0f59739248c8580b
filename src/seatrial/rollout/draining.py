"""Emptying a node: cordon it, evict its Pods as far as their disruption budgets allow, wait until they are gone.

Follows kubectl's drain (pkg/drain/drain.go, pkg/cmd/drain/drain.go, 1.32). Better: an eviction that a budget refuses
says which budget and what it needs; what fails in passing (lost connections, 5xx) is tried again; a dry run asks the
server once for each Pod and tells what is refused, where kubectl asks again for ever.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seatrial.api.registry import DAEMON_SETS, NODES, PODS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client import wait
from seatrial.client.base import MERGE_PATCH, Client
from seatrial.client.retry import PASSING
from seatrial.machinery import go_duration, objects
from seatrial.rollout import drain_rules
from seatrial.rollout.drain_rules import Rules, Selection

RETRY_SECONDS = 5.0
TIMED_OUT = 2
"""The exit code when Pods are still there after the timeout."""

Say = Callable[["Step"], None]


@dataclass(frozen=True)
class Step:
    """`kind`: cordoned, uncordoned, already cordoned, already uncordoned, warning, evicting, deleting, refused,
    evicted, deleted, drained. `subject` is `node/…`, or `namespace/name` of a Pod.
    """

    kind: str
    subject: str = ""
    message: str = ""


@dataclass(frozen=True)
class Options:
    """`grace_seconds` None: each Pod's own. `timeout` 0: for ever. `evict` False: delete, past all budgets."""

    rules: Rules = field(default_factory=Rules)
    pod_selector: str = ""
    grace_seconds: int | None = None
    timeout: float = 0.0
    evict: bool = True
    dry_run: bool = False


async def cordon(client: Client, node: str, say: Say, *, unschedulable: bool, dry_run: bool = False) -> None:
    """Set spec.unschedulable. Raises StatusError if there is no such node."""
    found = await client.get(NODES, node)
    done = "cordoned" if unschedulable else "uncordoned"
    if bool(found["spec"].get("unschedulable")) == unschedulable:
        say(Step(f"already {done}", f"node/{node}"))
        return
    patch = {"spec": {"unschedulable": True if unschedulable else None}}
    await client.patch(NODES, node, "", patch, patch_type=MERGE_PATCH, dry_run=dry_run)
    say(Step(done, f"node/{node}"))


async def drain(client: Client, env: Env, nodes: Sequence[str], options: Options, say: Say) -> None:
    """Cordon all nodes, then empty one after the other.

    Raises ToolError when a node keeps Pods: refused by the rules, or still there after the timeout (TIMED_OUT).
    """
    for node in nodes:
        await cordon(client, node, say, unschedulable=True, dry_run=options.dry_run)
    failures: dict[str, ToolError] = {}
    for node in nodes:
        try:
            await _Drain(client, env, node, options, say).run()
        except ToolError as error:
            failures[node] = error
        else:
            say(Step("drained", f"node/{node}"))
    if failures:
        told = "\n".join(f'unable to drain node "{node}": {error}' for node, error in failures.items())
        raise ToolError(told, max(error.exit_code for error in failures.values()))


@dataclass
class _Drain:
    client: Client
    env: Env
    node: str
    options: Options
    say: Say

    async def run(self) -> None:
        selection = await self._select()
        if selection.errors:
            raise ToolError("\n  ".join(["", *selection.errors]))
        if selection.warning:
            self.say(Step("warning", f"node/{self.node}", selection.warning))
        left = {_name(pod) for pod in selection.going}
        try:
            async with asyncio.timeout(self.options.timeout or None):
                errors = await asyncio.gather(*(self._remove(pod, left) for pod in selection.going))
        except TimeoutError:
            after = go_duration.rounded(self.options.timeout)
            raise ToolError(f"still there after {after}: {', '.join(sorted(left))}", TIMED_OUT) from None
        told = [error for error in errors if error]
        if told:
            raise ToolError("\n  ".join(["", *told]))

    async def _select(self) -> Selection:
        mine, chosen = f"spec.nodeName={self.node}", self.options.pod_selector
        pods = (await self.client.list(PODS, field_selector=mine, label_selector=chosen))["items"]
        missing = [key for key in drain_rules.daemon_sets_of(pods) if not await self._is_there(*key)]
        return drain_rules.select(pods, self.options.rules, frozenset(missing), self.env.now())

    async def _is_there(self, namespace: str, name: str) -> bool:
        try:
            await self.client.get(DAEMON_SETS, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return False
        return True

    async def _remove(self, pod: JSON, left: set[str]) -> str:
        """Returns why it could not be, "" once it is gone."""
        name, verb = _name(pod), "evict" if self.options.evict else "delet"
        self.say(Step(f"{verb}ing", name))
        error = await self._ask_until_granted(pod)
        if error or self.options.dry_run:
            return error
        await wait.wait_for(self.client, PODS, objects.name(pod), objects.namespace(pod), _is_gone(objects.uid(pod)))
        left.discard(name)
        self.say(Step(f"{verb}ed", name))
        return ""

    async def _ask_until_granted(self, pod: JSON) -> str:
        while True:
            try:
                await self._ask(pod)
            except ConnectionError as lost:
                problem = str(lost)
            except StatusError as refusal:
                if refusal.code == 404 or _is_another(refusal):
                    return ""
                problem = _reasons(refusal)
                if refusal.code not in PASSING or (self.options.dry_run and refusal.code == 429):
                    return f"{_name(pod)}: {problem}"
            else:
                return ""
            self.say(Step("refused", _name(pod), f"{problem} (asking again in {RETRY_SECONDS:.0f}s)"))
            await asyncio.sleep(RETRY_SECONDS)

    async def _ask(self, pod: JSON) -> None:
        name, namespace, uid = objects.name(pod), objects.namespace(pod), objects.uid(pod)
        grace, dry_run = self.options.grace_seconds, self.options.dry_run
        if not self.options.evict:
            await self.client.delete(PODS, name, namespace, uid=uid, grace_period_seconds=grace, dry_run=dry_run)
            return
        wanted: JSON = {"preconditions": {"uid": uid}}
        if grace is not None:
            wanted["gracePeriodSeconds"] = grace
        if dry_run:
            wanted["dryRun"] = ["All"]
        metadata = {"name": name, "namespace": namespace}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": wanted}
        await self.client.create_subresource(PODS, name, namespace, "eviction", body)


def _name(pod: JSON) -> str:
    return f"{objects.namespace(pod)}/{objects.name(pod)}"


def _is_gone(uid: str) -> Callable[[JSON | None], bool]:
    return lambda pod: pod is None or objects.uid(pod) != uid


def _is_another(refusal: StatusError) -> bool:
    """The Pod of this name is not the one that was there."""
    return refusal.code == 409 and "uid" in refusal.message.lower()


def _reasons(refusal: StatusError) -> str:
    """With the budget's name and counts, which are in the causes only."""
    more = [str(cause.get("message")) for cause in refusal.causes if cause.get("reason") == "DisruptionBudget"]
    return " ".join([refusal.message, *more])
