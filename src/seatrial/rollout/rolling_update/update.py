"""The update itself: one controller grows, the other shrinks, step by step.

Follows pkg/kubectl/rolling_updater.go (Update). It runs in the client: when the client dies, both controllers stay as
they are, and the same call again goes on from there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from seatrial.base.env import Env
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rollout.rolling_update import plan, resume
from seatrial.rollout.rolling_update.controllers import Controllers
from seatrial.rollout.rolling_update.plan import Bounds, Sizes

Say = Callable[[str], None]
Gate = Callable[[JSON], Awaitable[None]]
"""Waits, after each step of the new controller, until the old one may shrink."""

SHORTEST_ROUND_SECONDS = 0.1
"""Of rounds that change nothing: with --update-period=0 they would otherwise spin."""


class TimedOut(ToolError):
    """Nothing has moved for as long as the timeout; what there is stays as it is."""


@dataclass(frozen=True)
class Updater:
    """`say` gets the lines that tell of progress."""

    controllers: Controllers
    env: Env
    say: Say
    gate: Gate | None = None

    async def update(self, old: JSON, new: JSON) -> tuple[JSON, JSON]:
        """From `old` to `new`, which need not exist yet; returns both as they are when all is scaled."""
        new, created = await self._new_controller(old, new)
        limits = plan.bounds(resume.desired_replicas(new))
        old = await self._remember_size(old, created)
        self.say(plan.announcement(old, new, limits))
        return await self._scale(old, new, limits)

    async def _new_controller(self, old: JSON, new: JSON) -> tuple[JSON, bool]:
        """The new controller on the server, and whether it has just been created."""
        identity = resume.source_id(old)
        existing = await self.controllers.find(objects.name(new))
        if existing is None:
            wanted = resume.ready_to_create(new, identity)
            try:
                created = await self.controllers.create(wanted)
                self.say(f"Created {objects.name(created)}")
                return created, True
            except StatusError as error:
                # An answer that was lost: the controller that is there now may be the one that was asked for.
                existing = await self.controllers.find(objects.name(new)) if error.reason == "AlreadyExists" else None
                if existing is None:
                    raise
        resume.check_continues(existing, identity)
        self.say(f"Continuing update with existing controller {objects.name(existing)}.")
        return existing, False

    async def _remember_size(self, old: JSON, created: bool) -> JSON:
        """A size that an earlier update left there does not count when this one has just begun."""
        if resume.ORIGINAL_REPLICAS in objects.annotations(old) and not created:
            return old
        return await self.controllers.change(
            objects.name(old),
            lambda rc: resume.annotated(rc, {resume.ORIGINAL_REPLICAS: str(plan.replicas(rc))}),
        )

    async def _scale(self, old: JSON, new: JSON, limits: Bounds) -> tuple[JSON, JSON]:
        timing = self.controllers.timing
        deadline = self.env.monotonic() + timing.timeout
        while not plan.finished(before := _sizes(old, new), limits):
            new = await self._up(old, new, limits)
            grown = _sizes(old, new) != before
            await asyncio.sleep(timing.update_period if grown else max(timing.update_period, SHORTEST_ROUND_SECONDS))
            if self.gate is not None:
                await self.gate(new)
            old = await self._down(old, new, limits)
            if _sizes(old, new) != before:
                deadline = self.env.monotonic() + timing.timeout
            elif self.env.monotonic() > deadline:
                raise TimedOut("timed out waiting for any update progress to be made")
        return old, new

    async def _up(self, old: JSON, new: JSON, limits: Bounds) -> JSON:
        size = plan.scale_up(_sizes(old, new), limits)
        if size is None:
            return new
        self.say(f"Scaling {objects.name(new)} up to {size}")
        return await self.controllers.scale(objects.name(new), size)

    async def _down(self, old: JSON, new: JSON, limits: Bounds) -> JSON:
        sizes = _sizes(old, new)
        if sizes.old == 0:
            return old
        pods = await self.controllers.pods(new["spec"]["selector"])
        size = plan.scale_down(sizes, limits, sum(map(plan.is_available, pods)))
        if size is None:
            return old
        self.say(f"Scaling {objects.name(old)} down to {size}")
        return await self.controllers.scale(objects.name(old), size)


def _sizes(old: JSON, new: JSON) -> Sizes:
    return Sizes(old=plan.replicas(old), new=plan.replicas(new))
