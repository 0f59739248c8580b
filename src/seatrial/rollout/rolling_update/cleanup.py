"""What comes after the last step: the old controller goes, and the new one may get its name.

Each function may be killed at any request and run again. A controller can't be renamed: the new one is deleted
without its Pods and created again. A finalizer keeps the deleted object, and with it all that is needed to create its
successor, until the successor is there; kubectl lost it when it died in between.
"""

from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rollout.rolling_update import resume
from seatrial.rollout.rolling_update.controllers import Controllers
from seatrial.rollout.rolling_update.update import Say

ORPHANING = "orphan"
RENAME_SECONDS = 60.0


async def delete_old(controllers: Controllers, old: JSON, new: JSON, say: Say) -> JSON:
    """The old controller goes; returns the new one, with nothing left on it of the update."""
    await controllers.wait_desired(objects.name(new))
    say(f"Update succeeded. Deleting {objects.name(old)}")
    await controllers.delete(old)
    return await finish(controllers, objects.name(new))


async def replace_old(controllers: Controllers, old: JSON, new: JSON, say: Say) -> JSON:
    """The old controller goes, and the new one gets its name."""
    settled = await controllers.wait_desired(objects.name(new))
    say(f"Update succeeded. Deleting old controller: {objects.name(old)}")
    await controllers.delete(old)
    say(f"Renaming {objects.name(new)} to {objects.name(old)}")
    return await rename(controllers, settled, objects.name(old))


async def finish(controllers: Controllers, name: str) -> JSON:
    """Take the marks of an unfinished update off the new controller."""
    return await controllers.change(name, lambda rc: resume.without(rc, resume.SOURCE_ID, resume.DESIRED_REPLICAS))


async def rename(controllers: Controllers, rc: JSON, name: str) -> JSON:
    """Delete `rc`, leave its Pods, create it again as `name`."""
    if not objects.is_terminating(rc):
        rc = await controllers.change(objects.name(rc), _renaming)
        await controllers.delete(rc, "Orphan")
    await controllers.wait_for(objects.name(rc), _let_go, RENAME_SECONDS)
    created = await _create(controllers, resume.renamed(rc, name))
    await forget(controllers, rc)
    return created


def _renaming(rc: JSON) -> JSON:
    return objects.with_metadata(
        rc, finalizers=[*(f for f in objects.finalizers(rc) if f != resume.RENAMING), resume.RENAMING]
    )


def _let_go(rc: JSON | None) -> bool:
    """Whether no Pod belongs to the controller any more."""
    return rc is None or (objects.is_terminating(rc) and ORPHANING not in objects.finalizers(rc))


async def _create(controllers: Controllers, rc: JSON) -> JSON:
    """One that is there already was created by a run that then died; the old controller is waited out."""
    existing = await controllers.find(objects.name(rc))
    if existing is not None and existing["spec"].get("selector") == rc["spec"].get("selector"):
        return existing
    try:
        return await controllers.create(rc)
    except StatusError as error:
        found = await controllers.find(objects.name(rc)) if error.reason == "AlreadyExists" else None
        if found is None or found["spec"].get("selector") != rc["spec"].get("selector"):
            raise
        return found


async def forget(controllers: Controllers, rc: JSON) -> None:
    """Let the deleted object go, now that its successor is there."""
    try:
        await controllers.change(objects.name(rc), _not_renaming)
    except StatusError as error:
        if error.code != 404:
            raise


def _not_renaming(rc: JSON) -> JSON:
    kept = [finalizer for finalizer in objects.finalizers(rc) if finalizer != resume.RENAMING]
    return objects.with_metadata(rc, finalizers=kept or None)
