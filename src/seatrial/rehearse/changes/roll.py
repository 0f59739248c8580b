"""The change that rolls a ReplicationController to another one, from outside, as `kubectl rolling-update` did."""

from dataclasses import dataclass

from seatrial.api.registry import REPLICATION_CONTROLLERS
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.changes import selecting
from seatrial.rehearse.changes.change import Stage
from seatrial.rehearse.target import Target
from seatrial.rollout.rolling_update import next_controller
from seatrial.rollout.rolling_update.controllers import Timing
from seatrial.rollout.rolling_update.run import RollingUpdate
from seatrial.rollout.rolling_update.validation import Request


@dataclass(frozen=True)
class Roll:
    """`kubectl rolling-update OLD -f NEW`, or with an image: how ReplicationControllers are rolled, from outside.

    `container`: whose image it is; "" for the only one. `update_period`: seconds between two steps.
    """

    old: str
    image: str = ""
    container: str = ""
    manifest: JSON | None = None
    update_period: float = 60.0

    @property
    def told(self) -> str:
        return f"rolling-update {self.old} " + (f"to image {self.image}" if self.image else "to another controller")

    async def perform(self, stage: Stage) -> None:
        old = await selecting.named(stage.client, REPLICATION_CONTROLLERS, self.old, stage.namespace)
        request = Request((self.old,), () if self.image else ("new",), self.image, self.container)
        new = self.manifest or next_controller.from_current(old, "", request)
        names = (self.old, objects.name(new))
        stage.concern([Target(REPLICATION_CONTROLLERS, stage.namespace, name) for name in names])
        timing = Timing(update_period=self.update_period)
        roll = RollingUpdate(stage.client, stage.env, stage.namespace, request, timing, lambda: new, lambda line: None)
        await roll.run()
