"""Revisions of StatefulSets and DaemonSets: what a ControllerRevision holds, how it is named, which may go.

Follows pkg/controller/history/controller_history.go, and getPatch of both controllers (1.32). A revision's data is the
patch that brings its template back; two revisions are equal when their templates are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.workloads import template_hash

POD_LABEL = "controller-revision-hash"
"""On Pods (and on DaemonSets' revisions): the revision that they are of."""
HASH_LABEL = "controller.kubernetes.io/hash"
"""On StatefulSets' revisions."""

_MAX_PREFIX = 223
_FNV_OFFSET, _FNV_PRIME, _MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF


def data_of(template: Mapping[str, Any]) -> JSON:
    """A strategic merge patch that makes the owner's template this one."""
    return {"spec": {"template": {**template, "$patch": "replace"}}}


def template_of(revision: JSON) -> JSON:
    """The template that a revision holds."""
    template: JSON = revision["data"]["spec"]["template"]
    return {name: value for name, value in template.items() if name != "$patch"}


def has_template(revision: JSON, template: JSON) -> bool:
    """Whether the revision is of this template."""
    return template_hash.canonical(template_of(revision)) == template_hash.canonical(template)


def hash_of(template: JSON, collision_count: int) -> str:
    """FNV-1, 32 bits, of the data and the number of collisions so far, in the alphabet of generated names.

    # differs: upstream hashes Go's encoding of the data; the hash has to be the same only for the same template.
    """
    value = _FNV_OFFSET
    data = orjson.dumps(data_of(orjson.loads(template_hash.canonical(template))), option=orjson.OPT_SORT_KEYS)
    for byte in data + str(collision_count).encode():
        value = ((value * _FNV_PRIME) & _MASK) ^ byte
    return template_hash.safe_encode(str(value))


def name_of(owner_name: str, hashed: str) -> str:
    """`<owner>-<hash>`."""
    return f"{owner_name[:_MAX_PREFIX]}-{hashed}"


def number_of(revision: JSON) -> int:
    return int(revision.get("revision") or 0)


def in_order(revisions: Iterable[JSON]) -> list[JSON]:
    """Lowest revision first, then by age and name."""
    return sorted(revisions, key=lambda each: (number_of(each), objects.creation_timestamp(each), objects.name(each)))


def next_number(ordered: Sequence[JSON]) -> int:
    return number_of(ordered[-1]) + 1 if ordered else 1


def newest_with(ordered: Sequence[JSON], template: JSON) -> JSON | None:
    """The newest revision of this template."""
    return next((each for each in reversed(ordered) if has_template(each, template)), None)


def make(owner: JSON, resource: ResourceRef, name: str, number: int, labels: Mapping[str, str]) -> JSON:
    """A revision of the owner's template; it gets the template's labels with `labels`, and the owner's annotations."""
    template = owner["spec"]["template"]
    metadata: JSON = {
        "name": name,
        "namespace": objects.namespace(owner),
        "labels": {**objects.labels(template), **labels},
        "ownerReferences": [objects.owner_reference(owner, resource)],
    }
    if objects.annotations(owner):
        metadata["annotations"] = dict(objects.annotations(owner))
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data_of(template),
        "revision": number,
    }


def surplus(ordered: Sequence[JSON], limit: int, is_live: Mapping[str, object]) -> list[JSON]:
    """The oldest revisions beyond `limit`, of those that are not live (by name)."""
    history = [each for each in ordered if objects.name(each) not in is_live]
    return history[: max(0, len(history) - limit)]
