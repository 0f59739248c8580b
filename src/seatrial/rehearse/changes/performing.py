"""Performs the changes of a rehearsal, one after the other, up to the first that the API server refuses."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from seatrial.base.errors import StatusError
from seatrial.rehearse.changes.change import Change, Refused, Stage
from seatrial.rehearse.course import Course
from seatrial.rehearse.ending import Refusal
from seatrial.rehearse.result import Step
from seatrial.rehearse.webhooks import Webhooks
from seatrial.rehearse.world import World
from seatrial.rollout.rolling_update.update import TimedOut

REFUSALS = (400, 403, 404, 409, 422, 500)
"""Codes with which an API server refuses a change for good; other failures are the rehearsal's own."""


@dataclass
class Performance:
    """`webhooks`: where those that the changes bring are put in force.

    `current`: the change that is being performed, "" when all are done; `refusals`: object → since when and
    why, of its steps that are refused now and tried again; `refusal`: why it was refused for good;
    `gave_up`: when and why whoever performs it went no further.
    """

    changes: Sequence[Change]
    webhooks: Webhooks
    current: str = ""
    refusal: Refusal | None = None
    refusals: dict[str, Step] = field(default_factory=dict)
    gave_up: Step | None = None

    async def run(self, world: World, namespace: str, course: Course) -> None:
        """Returns when all are done, or one was refused. Raises ToolError and StatusError for what makes no sense."""

        def refused(name: str, why: str) -> None:
            first = self.refusals.pop(name, None)
            if why:
                at = first.time_seconds if first else round(world.now - course.began, 3)
                self.refusals[name] = Step(at, name, why)

        stage = Stage(world.client, world.cluster.env, namespace, course.watch, refused, self.webhooks)
        for change in self.changes:
            self.current = change.told
            self.refusals.clear()
            try:
                await change.perform(stage)
            except TimedOut as error:
                self.gave_up = Step(round(world.now - course.began, 3), change.told, f"gives up: {error}")
                return
            except StatusError as error:
                if error.code not in REFUSALS:
                    raise
                self.refusal = Refusal(error.message)
                return
            except ConnectionError as error:
                self.refusal = Refusal(str(error))
                return
            except Refused as error:
                self.refusal = error.refusal
                return
        self.current = ""
