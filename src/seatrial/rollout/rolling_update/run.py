"""One call of `rolling-update`: finds both controllers, updates, cleans up, and goes on where a former call ended.

Follows pkg/kubectl/cmd/rollingupdate.go (1.5). Differs: --dry-run sends nothing (kubectl marked the old controller
first); a rollback of two names reports the restored controller (kubectl asked for the deleted one, and failed).
"""

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.base.env import Env
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.machinery import objects
from seatrial.rollout.rolling_update import cleanup, manifest, marking, next_controller, plan, resume, validation
from seatrial.rollout.rolling_update.controllers import Controllers, Timing
from seatrial.rollout.rolling_update.update import Gate, Say, Updater
from seatrial.rollout.rolling_update.validation import Request, UsageError

ReadManifest = Callable[[], JSON]
"""Reads the file of the request, when it is needed."""


@dataclass(frozen=True)
class Planned:
    """What --dry-run shows."""

    old: JSON
    new: JSON


@dataclass(frozen=True)
class Renamed:
    """A former call had all but renamed the new controller."""

    controller: JSON


@dataclass(frozen=True)
class Updated:
    """`message` is what happened to the controller named `subject`; `controller` is the one that is left."""

    subject: str
    message: str
    controller: JSON


Outcome = Planned | Renamed | Updated


class RollingUpdate:
    """One call; `run` does it."""

    def __init__(
        self,
        client: Client,
        env: Env,
        namespace: str,
        request: Request,
        timing: Timing,
        read: ReadManifest,
        say: Say,
        gate: Gate | None = None,
    ) -> None:
        self._controllers = Controllers(client, env, namespace, timing)
        self._updater = Updater(self._controllers, env, say, gate)
        self._request, self._read, self._say = request, read, say

    async def run(self) -> Outcome:
        """Raises UsageError, ToolError or StatusError with what is in the way."""
        request = self._request
        validation.check_request(request)
        old = await self._controllers.find(request.old)
        if old is None:
            return await self._without_old()
        if request.keeps_name:
            left = resume.find_renamed(old, await self._controllers.all())
            if left is not None and not request.dry_run:
                await cleanup.forget(self._controllers, left)
            if left is not None and _image(left) == request.image:
                return Renamed(old)
        if request.rollback:
            return await self._roll_back(old)
        old, new = await self._pair(old)
        validation.check_pair(request.filename, old, new)
        if request.dry_run:
            return Planned(old, new)
        return await self._update(old, new)

    async def _update(self, old: JSON, new: JSON) -> Updated:
        old, new = await self._updater.update(old, new)
        if self._request.keeps_name:
            kept = await cleanup.replace_old(self._controllers, old, new, self._say)
            return Updated(objects.name(old), "rolling updated", kept)
        return self._updated_to(await cleanup.delete_old(self._controllers, old, new, self._say))

    def _updated_to(self, new: JSON) -> Updated:
        return Updated(self._request.old, f'rolling updated to "{objects.name(new)}"', new)

    async def _pair(self, old: JSON) -> tuple[JSON, JSON]:
        """The old controller, ready to be replaced, and the new one, which need not exist yet."""
        if not self._request.image:
            return old, manifest.defaulted(self._read(), self._controllers.namespace, plan.replicas(old))
        request, name = self._request, self._new_name(old)
        existing = await self._controllers.find(name)
        if existing is not None:
            validation.check_same_image(existing, request.image)
            self._say(f"Found existing update in progress ({name}), resuming.")
        new = existing or next_controller.from_current(old, name, request)
        key = request.deployment_label_key
        if request.dry_run:
            return next_controller.told_apart(old, key, f"{next_controller.object_hash(old)}-orig"), new
        resuming = existing is None and name == objects.annotations(old).get(resume.NEXT_CONTROLLER_ID)
        return await marking.mark(self._controllers, old, objects.name(new), key, resuming), new

    def _new_name(self, old: JSON) -> str:
        return self._request.new or str(objects.annotations(old).get(resume.NEXT_CONTROLLER_ID, ""))

    async def _roll_back(self, old: JSON) -> Outcome:
        """The two swap their roles; the new controller is the one that goes."""
        request, name = self._request, self._new_name(old)
        new = await self._controllers.find(name)
        if new is None:
            if name and resume.source_name(old) == name and not request.dry_run:
                self._say(f"Continuing update with existing controller {objects.name(old)}.")
                return self._rolled_back(name, await cleanup.finish(self._controllers, objects.name(old)))
            raise UsageError(f"Could not find {name} to rollback.\n")
        validation.check_pair(request.filename, old, new)
        if request.dry_run:
            return Planned(old, new)
        restored, gone = resume.swapped(old, new), new
        size = objects.annotations(restored)[resume.DESIRED_REPLICAS]
        self._say(f'Setting "{objects.name(old)}" replicas to {size}')
        restored = await self._controllers.change(objects.name(old), lambda rc: resume.swapped(rc, gone))
        new, restored = await self._updater.update(new, restored)
        return self._rolled_back(name, await cleanup.delete_old(self._controllers, new, restored, self._say))

    def _rolled_back(self, former: str, restored: JSON) -> Updated:
        if self._request.new:
            return Updated(former, f'rolling updated to "{objects.name(restored)}"', restored)
        return Updated(objects.name(restored), "rolling updated", restored)

    async def _without_old(self) -> Outcome:
        """A former call has deleted the old controller; whatever it left undone is done now."""
        request = self._request
        if request.keeps_name:
            return await self._rename()
        missing = await self._missing()
        if request.rollback:
            raise missing
        new = await self._controllers.find(self._name_in_file(missing) if request.filenames else request.new)
        if new is None or resume.source_name(new) != request.old or request.dry_run:
            raise missing
        name, size = objects.name(new), resume.desired_replicas(new)
        self._say(f"Continuing update with existing controller {name}.")
        if plan.replicas(new) != size:
            self._say(f"Scaling {name} {'up' if plan.replicas(new) < size else 'down'} to {size}")
            await self._controllers.scale(name, size)
        return self._updated_to(await cleanup.finish(self._controllers, name))

    async def _missing(self) -> StatusError:
        """What the server says when it is asked for the old controller."""
        try:
            await self._controllers.get(self._request.old)
        except StatusError as error:
            return error
        raise ToolError(f"somebody has just created {self._request.old}: run the command again")

    def _name_in_file(self, missing: StatusError) -> str:
        """That the old controller is missing is said before anything that is wrong with the file."""
        try:
            return objects.name(self._read())
        except ToolError:
            raise missing from None

    async def _rename(self) -> Outcome:
        old = self._request.old
        found = resume.find_successor(old, await self._controllers.all())
        if found is None:
            raise ToolError(
                f"couldn't find a replication controller with source id == {self._controllers.namespace}/{old}"
            )
        if self._request.dry_run:
            return Planned(found, objects.with_metadata(found, name=old))
        return Renamed(await cleanup.rename(self._controllers, found, old))


def _image(rc: JSON) -> str:
    return str(objects.get(rc, "spec", "template", "spec", "containers", 0, "image", default=""))
