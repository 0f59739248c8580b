"""Makes an old controller's Pods tellable from the new one's, before an update by image.

Follows pkg/kubectl/rolling_updater.go (AddDeploymentKeyToReplicationController). May be killed at any step and run
again: what a former run labelled is labelled anew, and Pods that slipped through are found by their generateName.
"""

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rollout.rolling_update import next_controller, resume
from seatrial.rollout.rolling_update.controllers import Controllers


async def mark(controllers: Controllers, old: JSON, next_name: str, key: str, resuming: bool) -> JSON:
    """The old controller, with the name of the next one, selecting its Pods by `key` as well.

    `resuming`: a former run may have ended before it deleted the Pods that slipped through.
    """
    name, pointer = objects.name(old), {resume.NEXT_CONTROLLER_ID: next_name}
    if key in (old["spec"].get("selector") or {}):
        marked = await controllers.change(name, lambda rc: resume.annotated(rc, pointer))
        if resuming:
            await _delete_slipped(controllers, marked, key)
        return marked
    value = f"{next_controller.object_hash(old)}-orig"
    selector = dict(old["spec"].get("selector") or {})
    await controllers.change(
        name, lambda rc: next_controller.with_template_label(resume.annotated(rc, pointer), key, value)
    )
    await _label_pods(controllers, selector, key, value)
    marked = await controllers.change(name, lambda rc: next_controller.with_selector(rc, key, value))
    for pod in await controllers.pods(selector):
        if objects.labels(pod).get(key) != value:
            await controllers.delete_pod(pod)
    return marked


async def _label_pods(controllers: Controllers, selector: JSON, key: str, value: str) -> None:
    for pod in await controllers.pods(selector):
        if not objects.is_terminating(pod):
            await controllers.change_pod(
                objects.name(pod), lambda one: objects.with_metadata(one, labels={**objects.labels(one), key: value})
            )


async def _delete_slipped(controllers: Controllers, old: JSON, key: str) -> None:
    """Pods that the controller made from its template of before, and that nobody owns now."""
    selector = {name: value for name, value in old["spec"]["selector"].items() if name != key}
    for pod in await controllers.pods(selector):
        made_by_old = pod["metadata"].get("generateName") == f"{objects.name(old)}-"
        if made_by_old and key not in objects.labels(pod) and objects.controller_of(pod) is None:
            await controllers.delete_pod(pod)
