"""Who belongs to whom: which objects a controller claims, adopts and releases.

Follows pkg/controller/controller_ref_manager.go (1.32). Before adopting, the controller must be read live (it could
have been deleted and recreated): that is the caller's part, in its gather.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.selectors import Selector


@dataclass(frozen=True, slots=True)
class Claims:
    """`claimed`: ours already. `adopt`: orphans to take. `release`: ours, but no longer selected."""

    claimed: tuple[JSON, ...] = ()
    adopt: tuple[JSON, ...] = ()
    release: tuple[JSON, ...] = ()


def classify(owner: JSON, selector: Selector, owned: Iterable[JSON], orphans: Iterable[JSON]) -> Claims:
    """`owned` have a controllerRef to `owner`, `orphans` have none; both in the owner's namespace."""
    matches: Callable[[JSON], bool] = selector.matches
    leaving = objects.is_terminating(owner)
    claimed: list[JSON] = []
    release: list[JSON] = []
    for obj in owned:
        (claimed if matches(objects.labels(obj)) else release).append(obj)
    if leaving:
        return Claims(tuple(claimed))
    adopt = [obj for obj in orphans if matches(objects.labels(obj)) and not objects.is_terminating(obj)]
    return Claims(tuple(claimed), tuple(adopt), tuple(release))


def may_adopt(owner: JSON, live: JSON | None) -> bool:
    """Whether what the API has is still the owner that the cache has, and stays."""
    return live is not None and objects.uid(live) == objects.uid(owner) and not objects.is_terminating(live)


def adoption_patch(obj: JSON, owner: JSON, resource: ResourceRef) -> JSON:
    """Strategic merge; carries the uid so that a namesake made since is not taken."""
    reference = objects.owner_reference(owner, resource)
    return {"metadata": {"ownerReferences": [reference], "uid": objects.uid(obj)}}


def release_patch(obj: JSON, owner: JSON) -> JSON:
    """Strategic merge: takes the owner's reference out."""
    reference = {"$patch": "delete", "uid": objects.uid(owner)}
    return {"metadata": {"ownerReferences": [reference], "uid": objects.uid(obj)}}
