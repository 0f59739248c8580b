"""Strategic merge patch: merge patch with per-field list semantics, `$patch`, `$retainKeys`, `$setElementOrder`.

Follows k8s.io/apimachinery/pkg/util/strategicpatch (spec of the directives:
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md).
Limit, as upstream: one merge key per list, so that ports 53/TCP and 53/UDP collide.
"""

from seatrial.base.types import JSON
from seatrial.machinery.field_schema import FieldSchema
from seatrial.machinery.strategic_diff import Diff
from seatrial.machinery.strategic_merge import Merge, PatchError

PatchMeta = FieldSchema

__all__ = ["PatchError", "PatchMeta", "PreconditionFailed", "apply", "diff", "three_way"]


class PreconditionFailed(ValueError):
    """A three-way patch would change apiVersion, kind or name."""


def apply(doc: JSON, patch: JSON, meta: PatchMeta | None) -> JSON:
    """The object with the patch applied; raises PatchError (`code` is the HTTP status). Without meta lists replace."""
    return Merge().maps(doc, patch, meta)


def diff(original: JSON, modified: JSON, meta: PatchMeta | None) -> JSON:
    """CreateTwoWayMergePatch: the patch that makes `modified` of `original`."""
    return Diff().maps(original, modified, meta)


def three_way(original: JSON, modified: JSON, current: JSON, meta: PatchMeta | None) -> JSON:
    """The patch of `kubectl apply`: what differs from `current`, and what went away since `original`.

    `original` is the last applied configuration ({} if there is none), `current` the live object.
    """
    changes = Diff(deletions=False).maps(current, modified, meta)
    deletions = Diff(changes=False).maps(original, modified, meta)
    patch = Merge(into_patch=True).maps(deletions, changes, meta)
    metadata = patch.get("metadata")
    if "apiVersion" in patch or "kind" in patch or (isinstance(metadata, dict) and "name" in metadata):
        raise PreconditionFailed(f"At least one of apiVersion, kind and name was changed: {patch}")
    return patch
