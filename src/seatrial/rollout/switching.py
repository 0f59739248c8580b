"""pause, resume and restart, as kubectl does them (polymorphichelpers: objectpauser.go, objectrestarter.go).

restart can ask first whether a ConfigMap or Secret that the template uses has changed: against checksums that it left
in an annotation the last time, and the first time by when they were written.
"""

import json
from collections.abc import Mapping

from seatrial.base.env import Env
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.base import MERGE_PATCH, Client
from seatrial.machinery import objects, times
from seatrial.rollout import configuration, revision_log
from seatrial.rollout.workload import Workload
from seatrial.workloads import revisions

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_RESTARTED = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


async def pause(client: Client, workload: Workload, *, paused: bool) -> None:
    """Set spec.paused. Raises ToolError when there is nothing to do."""
    kind, verb = workload.resource.kind, "pausing" if paused else "resuming"
    if kind != "Deployment":
        raise ToolError(f"{workload.quoted} {verb} is not supported")
    obj = await workload.get(client)
    if bool(obj["spec"].get("paused")) == paused:
        raise ToolError(f"{workload.quoted} is {'already' if paused else 'not'} paused")
    await _patch(client, workload, {"spec": {"paused": True if paused else None}})


async def restart(client: Client, env: Env, workload: Workload) -> None:
    """New Pods of the same template. Raises ToolError for a kind that does not roll, or a paused Deployment."""
    await _restart(client, env, workload, await workload.get(client), {})


async def restart_if_changed(client: Client, env: Env, workload: Workload) -> list[str]:
    """Restart if a ConfigMap or Secret that is used changed; returns those that did."""
    obj = await workload.get(client)
    found = await configuration.read(client, obj["spec"]["template"], workload.namespace)
    sums = configuration.checksums(found)
    recorded = _recorded(obj)
    if recorded is None:
        log = await revision_log.of(client, workload, obj)
        since = objects.get(obj, "spec", "template", "metadata", "annotations", RESTARTED_AT, default="")
        changed = _written_since(found, max(since, log[-1].when if log else objects.creation_timestamp(obj)))
    else:
        changed = [name for name, value in sums.items() if recorded.get(name, value) != value]
    annotations = {configuration.CHECKSUMS: json.dumps(sums, sort_keys=True)}
    if changed:
        annotations[revisions.CHANGE_CAUSE] = f"changed: {', '.join(changed)}"
        await _restart(client, env, workload, obj, annotations)
    elif recorded != sums:
        await _patch(client, workload, {"metadata": {"annotations": annotations}})
    return changed


def _recorded(obj: JSON) -> dict[str, str] | None:
    try:
        value = json.loads(objects.annotations(obj).get(configuration.CHECKSUMS) or "null")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _written_since(found: Mapping[str, JSON | str | None], since: str) -> list[str]:
    return [name for name, obj in found.items() if isinstance(obj, dict) and configuration.changed_at(obj) > since]


async def _restart(client: Client, env: Env, workload: Workload, obj: JSON, annotations: dict[str, str]) -> None:
    if workload.resource.kind not in _RESTARTED:
        raise ToolError(f"{workload.quoted} restarting is not supported")
    if obj["spec"].get("paused"):
        raise ToolError(f"{workload.quoted} can't restart paused deployment (run rollout resume first)")
    now = times.format_time(env.now())
    if objects.get(obj, "spec", "template", "metadata", "annotations", RESTARTED_AT) == now:
        raise ToolError(
            f"{workload.quoted} if restart has already been triggered within the past second, please wait before "
            "attempting to trigger another"
        )
    patch: JSON = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}}}
    if annotations:
        patch["metadata"] = {"annotations": annotations}
    await _patch(client, workload, patch)


async def _patch(client: Client, workload: Workload, patch: JSON) -> None:
    await client.patch(workload.resource, workload.name, workload.namespace, patch, patch_type=MERGE_PATCH)
