"""Rehearses the remedies of an update that hangs, together with the change: what does not help is not proposed."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from seatrial.base.types import JSON
from seatrial.client.base import MERGE_PATCH, STRATEGIC_MERGE_PATCH
from seatrial.machinery import merge_patch, objects
from seatrial.rehearse import durations
from seatrial.rehearse.changes.change import Apply, Change, DeletePod, Drain, Patch, Wait
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.remedies.strategies import NO_SURGE
from seatrial.rehearse.result import Finding, Remedy, Result, seconds_at
from seatrial.rehearse.rules import causes
from seatrial.rehearse.target import KINDS


def with_remedies(plan: Plan, say: Callable[[str], None]) -> Result:
    """The verdict; where it hangs, with the remedies that help. `say` is told what is being done."""
    result = rehearse(plan)
    if not result.remedies:
        return result
    say("it hangs; rehearsing what may help")
    tried = tuple(_rehearsed(plan, one) for one in result.remedies)
    in_vain = any(one.title == NO_SURGE for one in tried) and not any(one.completes for one in tried)
    findings = tuple(_otherwise(each) for each in result.findings) if in_vain else result.findings
    return replace(result, findings=findings, remedies=_best(tried))


def _otherwise(finding: Finding) -> Finding:
    """What was tried in vain is not advised."""
    return causes.otherwise(finding) if finding.severity == "problem" else finding


def _rehearsed(plan: Plan, remedy: Remedy) -> Remedy:
    done = _changes(remedy)
    if _prepares(remedy):
        changes = [*done, *plan.changes]
    else:
        # A drain that is refused never ends: what helps has to come before it.
        waits = next((i for i, each in enumerate(plan.changes) if isinstance(each, Drain)), len(plan.changes))
        changes = [*plan.changes[:waits], *done, *plan.changes[waits:]]
    outcome = rehearse(replace(plan, changes=changes))
    if not outcome.completes and (written := _in_manifests(plan, remedy)):
        with_it = rehearse(replace(plan, changes=written))
        if with_it.completes:
            return replace(remedy, outcome=f"{told(with_it)}, if the manifest says so from the start", completes=True)
    return replace(remedy, outcome=told(outcome), completes=outcome.completes)


def _in_manifests(plan: Plan, remedy: Remedy) -> list[Change]:
    """The changes with the patch in what they apply; none if it is no such patch."""
    if remedy.action != "patch" or remedy.patch_type != "merge" or remedy.after:
        return []

    def patched(manifest: JSON) -> JSON:
        name = f"{str(manifest.get('kind')).lower()}/{objects.name(manifest)}"
        is_meant = name in remedy.objects and (objects.namespace(manifest) or plan.namespace) == remedy.namespace
        return merge_patch.apply(manifest, remedy.patch) if is_meant else manifest

    written = [
        replace(each, manifests=[patched(manifest) for manifest in each.manifests]) if isinstance(each, Apply) else each
        for each in plan.changes
    ]
    return written if written != list(plan.changes) else []


def _prepares(remedy: Remedy) -> bool:
    """Whether it is to be done before the change: what is not about the workloads and their Pods themselves."""
    kind = remedy.object.partition("/")[0]
    return not remedy.after and kind not in ("pod", *(each.singular for each in KINDS))


def _changes(remedy: Remedy) -> list[Change]:
    if remedy.action == "create":
        return [Apply(remedy.manifests)]
    later: list[Change] = [Wait(remedy.after)] if remedy.after else []
    if remedy.action == "patch":
        kind = STRATEGIC_MERGE_PATCH if remedy.patch_type == "strategic" else MERGE_PATCH
        return [*later, *(Patch(name, remedy.patch, remedy.namespace, kind) for name in remedy.objects)]
    pods = [f"{remedy.namespace}/{name.removeprefix('pod/')}" for name in remedy.objects]
    return [*later, *(DeletePod(pod, force=remedy.action == "force-delete") for pod in pods)]


def told(outcome: Result) -> str:
    """`completes in 1m5s, 0 of 1 available for 14s`."""
    if not outcome.completes:
        return f"hangs as well: {outcome.reason}"
    took = durations.told(outcome.duration_seconds)
    lasting = seconds_at(outcome.availability, outcome.min_available, outcome.duration_seconds)
    low = f"{outcome.min_available} of {outcome.desired} available"
    how_long = f" for {durations.told(lasting)}" if outcome.min_available < outcome.desired else ""
    return f"completes in {took}, {low}{how_long}"


def _best(remedies: Sequence[Remedy]) -> tuple[Remedy, ...]:
    """Those that help; if none does, all of them, so that one sees what was tried."""
    helping = tuple(one for one in remedies if one.completes)
    return helping or tuple(remedies)
