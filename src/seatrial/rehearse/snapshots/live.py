"""A snapshot of a live cluster. It only ever reads: one list per kind that matters, and no watch.

What may not be read (403) or is not served (404) is left out and told. The lists are taken one after the other, so the
cluster can change in between: what does not fit together then is left out, and that is told, too (consistency.py).
"""

from dataclasses import replace

from seatrial.api import registry
from seatrial.base.env import Env
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Reader
from seatrial.machinery.gvk import ResourceRef
from seatrial.rehearse import webhooks
from seatrial.rehearse.snapshots.snapshot import Snapshot, complete

LEFT_OUT = frozenset({"leases", "podtemplates", "endpoints", "endpointslices"})
"""What decides nothing here, or follows from the rest."""
UNAUTHORIZED = 401
FORBIDDEN, MISSING = (403,), (404, 405)
PAGE = 500


async def read(reader: Reader, env: Env, nodes: str = "", namespace: str = "") -> Snapshot:
    """The cluster as it is now; of kinds that may only be read in one namespace, those of `namespace`.

    Raises ToolError when not even Pods may be read, ConnectionError.
    """
    found: list[JSON] = []
    told: list[str] = []
    in_part: list[str] = []
    for resource in kinds():
        try:
            items, is_part = await _of_kind(reader, resource, namespace)
        except StatusError as error:
            told += _without(resource, error)
            continue
        found += items
        in_part += [resource.plural] if is_part else []
    if in_part:
        told.append(
            f"only namespace {namespace} may be read ({', '.join(in_part)}): what runs in others is not counted"
        )
    snapshot = complete(found, env.now(), nodes)
    return replace(snapshot, assumptions=(*told, *snapshot.assumptions))


def _without(resource: ResourceRef, error: StatusError) -> list[str]:
    """What to tell of a kind that can't be read; raises what makes a rehearsal impossible."""
    if error.code == UNAUTHORIZED:
        raise ToolError("the cluster does not take the credentials of this context (401 Unauthorized): log in again")
    if error.code not in (*FORBIDDEN, *MISSING):
        raise error
    if resource is registry.PODS:
        raise ToolError(f"Pods can't be read, and without them nothing can be rehearsed: {error.message}") from None
    if error.code in MISSING:
        return []
    return [f"{resource.plural} may not be read: {WITHOUT.get(resource.plural, 'rehearsed as if there were none')}"]


WITHOUT = {
    "secrets": "those that Pods use are assumed to exist",
    "configmaps": "those that Pods use are assumed to exist",
    "nodes": "those that Pods run on are assumed",
    "events": "nothing is learned from them",
}


def kinds() -> list[ResourceRef]:
    """What is read: owners before what they own, so that what is missing later is the younger."""
    wanted = [*(each for each in registry.ALL if each.plural not in LEFT_OUT), *webhooks.KINDS]
    return sorted(wanted, key=lambda each: each is registry.PODS)


async def _of_kind(reader: Reader, resource: ResourceRef, namespace: str) -> tuple[list[JSON], bool]:
    """All of a kind; or those of the namespace, and True, for who may read no others."""
    try:
        return await _all(reader, resource), False
    except StatusError as error:
        if error.code not in FORBIDDEN or not resource.namespaced or not namespace:
            raise
    return await _all(reader, resource, namespace), True


async def _all(reader: Reader, resource: ResourceRef, namespace: str = "") -> list[JSON]:
    """Page by page; every object says its kind."""
    items: list[JSON] = []
    token = ""
    while True:
        try:
            page = await reader.list(resource, namespace, limit=PAGE, continue_token=token)
        except StatusError as error:
            if error.code != 410:
                raise
            # The pages' moment is no longer kept: begin again with one whole list.
            page, items = await reader.list(resource, namespace), []
        items += page["items"]
        token = page["metadata"].get("continue") or ""
        if not token:
            return [{**item, "apiVersion": resource.api_version, "kind": resource.kind} for item in items]
