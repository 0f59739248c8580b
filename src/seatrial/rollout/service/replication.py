"""A ReplicationController behind a Service: the client-side rolling update, run for as long as the roll wants it.

Its own annotations tell how far it is, so that it may be ended at any request and begun again, to either version.
"""

import asyncio

from seatrial.base.env import Env
from seatrial.base.errors import SeatrialError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.machinery import objects
from seatrial.rollout.rolling_update import plan, resume
from seatrial.rollout.rolling_update.controllers import Controllers, Timing
from seatrial.rollout.rolling_update.run import RollingUpdate
from seatrial.rollout.rolling_update.update import Say
from seatrial.rollout.rolling_update.validation import Request
from seatrial.rollout.service.ending import Trouble
from seatrial.rollout.service.plan import Update
from seatrial.workloads import pods

AGAIN_SECONDS = 10.0
TIMING = Timing(update_period=1.0, poll_interval=1.0, timeout=600.0)


class Replication:
    """At most one update at a time, in the background."""

    def __init__(self, client: Client, env: Env, say: Say) -> None:
        self._client, self._env, self._say = client, env, say
        self._task: asyncio.Task[None] | None = None
        self._wanted: Update | None = None
        self._begun = 0.0

    async def ensure(self, wanted: Update) -> None:
        """Let it run to where it is wanted; another one is ended first.

        One that is done and still wanted after a while is begun again: it may have been told an old state.
        """
        now = self._env.monotonic()
        running = self._task is not None and not (self._task.done() and now - self._begun >= AGAIN_SECONDS)
        if running and self._wanted == wanted:
            return
        await self.stop()
        self._wanted, self._begun = wanted, now
        self._task = asyncio.ensure_future(_Advance(self._client, self._env, self._say, wanted).run())

    def trouble(self) -> Trouble | None:
        """Why it ended before it was done; None while it runs, or when it is done."""
        if self._task is None or not self._task.done() or self._wanted is None:
            return None
        error = self._task.exception()
        if error is None:
            return None
        if not isinstance(error, SeatrialError | ConnectionError):
            raise error
        reason = "Deadline" if isinstance(error, ToolError) and "timed out" in str(error) else "Refused"
        return Trouble(reason, str(error).strip(), self._wanted.workload.shown)

    async def stop(self) -> None:
        """End it where it is."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class _Advance:
    """One update, from wherever former ones ended."""

    def __init__(self, client: Client, env: Env, say: Say, wanted: Update) -> None:
        self._client, self._env, self._say, self._wanted = client, env, say, wanted
        self._controllers = Controllers(client, env, wanted.workload.namespace, TIMING)
        self._held = wanted.canary == 0

    async def run(self) -> None:
        while await self._step():
            pass

    async def _step(self) -> bool:
        """One call of rolling-update, or False when nothing is left to do."""
        name = self._wanted.workload.name
        successor = resume.find_successor(name, await self._controllers.all())
        if successor is not None and await self._controllers.find(objects.name(successor)) is None:
            await self._controllers.pause()  # the list was an old one
            return True
        old = await self._controllers.find(name)
        container, image = _changed(self._wanted.template, successor or old)
        if successor is None and not container:
            return False
        if successor is not None and old is not None and container:
            await self._controllers.change(name, _with_size)
            await self._call(Request((name,), rollback=True))
        else:
            await self._call(Request((name,), image=image or _first_image(successor), container=container))
        return True

    async def _call(self, request: Request) -> None:
        namespace = self._wanted.workload.namespace
        call = RollingUpdate(self._client, self._env, namespace, request, TIMING, dict, self._say, self._hold)
        await call.run()

    async def _hold(self, new: JSON) -> None:
        """The first step: all of its Pods have to be ready for so long."""
        if plan.replicas(new) < self._wanted.canary:
            return
        while not self._held:
            since = [pods.ready_since(pod) for pod in await self._controllers.pods(new["spec"]["selector"])]
            known = [at for at in since if at is not None]
            self._held = len(known) == len(since) >= self._wanted.canary and (
                self._env.now() - max(known) >= self._wanted.wait
            )
            if not self._held:
                await self._controllers.pause()


def _changed(template: JSON, rc: JSON | None) -> tuple[str, str]:
    """(container, image) of the one container that has to change; ("", "") for none. Raises ToolError for more."""
    wanted = {each["name"]: each["image"] for each in template["spec"]["containers"]}
    current = objects.get(rc, "spec", "template", "spec", "containers", default=[])
    changed = [str(each["name"]) for each in current if wanted.get(each["name"]) != each["image"]]
    if len(changed) > 1:
        raise ToolError(f"a ReplicationController can change one image at a time, not {len(changed)}")
    return (changed[0], str(wanted[changed[0]])) if changed else ("", "")


def _first_image(rc: JSON | None) -> str:
    return str(objects.get(rc, "spec", "template", "spec", "containers", 0, "image", default=""))


def _with_size(rc: JSON) -> JSON:
    """For a rollback; an update that died early may not have written the size down."""
    if resume.ORIGINAL_REPLICAS in objects.annotations(rc):
        return rc
    return resume.annotated(rc, {resume.ORIGINAL_REPLICAS: str(plan.replicas(rc))})
