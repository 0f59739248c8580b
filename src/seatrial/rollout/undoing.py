"""Going back to an earlier revision, and saying what that brings back and what not.

The plan is pure. last-applied-configuration gets the same changes as the template, so that `kubectl apply` compares
with what runs: without that, fields that came back are nobody's and stay for ever. A file that still has the bad
version brings it back all the same when it is applied. Fields' owners in server-side apply can't be changed back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import JSON_PATCH, Client
from seatrial.machinery import last_applied, objects
from seatrial.rollout import configuration, revision_log
from seatrial.rollout.revision_log import Revision
from seatrial.rollout.workload import Workload
from seatrial.workloads import change_cause, revisions, template_hash

ATTEMPTS = 6
_KEYS = ("name", "mountPath", "containerPort", "key")
_GITOPS = (
    ("labels", "argocd.argoproj.io/instance", "Argo CD"),
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("labels", "helm.toolkit.fluxcd.io/name", "Flux"),
)
_MANAGERS = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
}


@dataclass(frozen=True)
class Plan:
    """`comes_back`, `stays` and `warnings` are lines for people."""

    revision: int
    comes_back: list[str]
    stays: list[str]
    warnings: list[str]
    patch: list[JSON]


def make(obj: JSON, target: Revision, found: Mapping[str, JSON | str | None]) -> Plan:
    """The plan that brings this revision back. `found`: the ConfigMaps and Secrets of its template, as they are."""
    current = obj["spec"]["template"]
    stays = [*_changed_configuration(target, found)]
    if obj["spec"].get("replicas") is not None:
        stays.append(f"replicas: {obj['spec']['replicas']} as now")
    annotations = _annotations(obj, target)
    owner = gitops_owner(obj)
    warnings = [f"{owner} manages this and will bring its own version back: undo it in Git, too"] if owner else []
    if last_applied.of(obj):
        stays.append("the file that was applied last: applied again, it rolls forward again")
    patch: list[JSON] = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": obj["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/spec/template", "value": target.template},
    ]
    if annotations != objects.annotations(obj):
        patch.append({"op": "add", "path": "/metadata/annotations", "value": annotations})
    return Plan(target.number, change_cause.differences(current, target.template), stays, warnings, patch)


def target_of(obj: JSON, log: Sequence[Revision], workload: Workload, number: int) -> Revision:
    """The revision to go back to; 0: the one before. Raises ToolError as kubectl does."""
    if obj["spec"].get("paused"):
        raise ToolError(
            f'you cannot rollback a paused deployment; resume it first with "seatrial rollout resume '
            f'deployment/{workload.name}" and try again'
        )
    if number:
        target = revision_log.find(log, number)
    else:
        others = [each for each in log if not template_hash.equal_ignoring_hash(each.template, obj["spec"]["template"])]
        if not others:
            raise ToolError(f"no rollout history found for {workload.shown}: there is no earlier revision")
        target = others[-1]
    if template_hash.equal_ignoring_hash(target.template, obj["spec"]["template"]):
        raise ToolError(f"{workload.shown} has the template of revision {target.number} already: skipped rollback")
    return target


async def undo(client: Client, workload: Workload, number: int, *, dry_run: bool) -> Plan:
    """Plan and do it; a dry run lets the server check it. Conflicts with other writers are planned anew.

    A conflict may be one with ourselves, when an answer was lost: then all is done.
    """
    target: Revision | None = None
    plan: Plan | None = None
    for attempt in range(ATTEMPTS):
        obj = await workload.get(client)
        if target is None:
            target = target_of(obj, await revision_log.of(client, workload, obj), workload, number)
        elif plan and not dry_run and template_hash.equal_ignoring_hash(target.template, obj["spec"]["template"]):
            return plan
        plan = make(obj, target, await configuration.read(client, target.template, workload.namespace))
        try:
            await client.patch(
                workload.resource, workload.name, workload.namespace, plan.patch, patch_type=JSON_PATCH, dry_run=dry_run
            )
        except StatusError as error:
            if error.code != 409 or attempt == ATTEMPTS - 1:
                raise
            continue
        return plan
    raise AssertionError("the last attempt returns or raises")


def gitops_owner(obj: JSON) -> str:
    """The tool that keeps this object as it is in a repository, or ""."""
    metadata = obj.get("metadata") or {}
    for place, key, tool in _GITOPS:
        if key in (metadata.get(place) or {}):
            suspended = objects.annotations(obj).get("kustomize.toolkit.fluxcd.io/reconcile") == "disabled"
            return "" if tool == "Flux" and suspended else tool
    managers = [_MANAGERS.get(str(entry.get("manager")), "") for entry in metadata.get("managedFields") or ()]
    return next(filter(None, managers), "")


def _changed_configuration(target: Revision, found: Mapping[str, JSON | str | None]) -> list[str]:
    lines = []
    for reference, obj in sorted(found.items()):
        if obj is None:
            lines.append(f"{reference}: there is none any more, and the template uses it")
        elif not isinstance(obj, dict):
            lines.append(f"{reference}: may not be read, so it may have changed")
        elif configuration.changed_at(obj) > target.when:
            lines.append(f"{reference}: changed at {configuration.changed_at(obj)}, after this revision was made")
    return lines


def _annotations(obj: JSON, target: Revision) -> JSON:
    """As the Deployment's rollback: the revision's own (its cause, too); the last-applied one is mended."""
    own = objects.annotations(obj)
    result = dict(own)
    if target.kept.get("spec"):
        result = revisions.rolled_back_annotations(obj, target.kept)
        result.pop(configuration.CHECKSUMS, None)
    applied = last_applied.of(obj)
    if applied:
        mended = mend(objects.get(applied, "spec", "template", default={}), obj["spec"]["template"], target.template)
        whole = {**applied, "spec": {**(applied.get("spec") or {}), "template": mended}}
        result[last_applied.ANNOTATION] = orjson.dumps(whole).decode() + "\n"
    return result


def mend(applied: Any, current: Any, target: Any) -> Any:
    """`applied` with the changes that lead from `current` to `target`, and no others."""
    if current == target:
        return applied
    if isinstance(applied, dict) and isinstance(current, dict) and isinstance(target, dict):
        mended = {name: value for name, value in applied.items() if name in target or name not in current}
        for name, value in target.items():
            if name in applied:
                mended[name] = mend(applied[name], current.get(name), value)
            elif current.get(name) != value:
                mended[name] = value
        return mended
    if isinstance(applied, list) and isinstance(current, list) and isinstance(target, list):
        key = next((key for key in _KEYS if all(_has(key, each) for each in (*applied, *current, *target))), "")
        if key:
            return list(mend(*({each[key]: each for each in side} for side in (applied, current, target))).values())
    return target


def _has(key: str, item: Any) -> bool:
    return isinstance(item, dict) and key in item
