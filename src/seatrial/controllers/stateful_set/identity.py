"""What tells a StatefulSet's Pods apart: names, ordinals, labels, host names, claims.

Follows pkg/controller/statefulset/stateful_set_utils.go (1.32).
"""

import re
from functools import lru_cache

from seatrial.api.registry import STATEFUL_SETS
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.workloads import controller_revisions, pods

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"

_NAME = re.compile(r"(.*)-([0-9]+)", re.ASCII)
_MAX_INT32 = 2147483647


def pod_name(stateful_set: JSON, ordinal: int) -> str:
    return f"{objects.name(stateful_set)}-{ordinal}"


@lru_cache(maxsize=65536)
def _parsed(name: str) -> tuple[str, int]:
    """The set's name and the ordinal; ("", -1) for a name that is none of a set's Pods."""
    match = _NAME.fullmatch(name)
    return (match[1], int(match[2])) if match and int(match[2]) <= _MAX_INT32 else ("", -1)


def ordinal_of(pod: JSON) -> int:
    """The number at the end of the name; -1 when there is none."""
    return _parsed(objects.name(pod))[1]


def is_member(stateful_set: JSON, pod: JSON) -> bool:
    """Whether the Pod is called as the set's Pods are."""
    return _parsed(objects.name(pod))[0] == objects.name(stateful_set)


def revision_of(pod: JSON) -> str:
    """The name of the revision that the Pod is of."""
    name: str = objects.labels(pod).get(controller_revisions.POD_LABEL) or ""
    return name


def matches(stateful_set: JSON, pod: JSON) -> bool:
    """Whether the Pod still says who it is, and has the claims of its place."""
    name = objects.name(pod)
    if objects.labels(pod).get(POD_NAME_LABEL) != name or name != pod_name(stateful_set, ordinal_of(pod)):
        return False
    return not stateful_set["spec"].get("volumeClaimTemplates") or _has_claims(stateful_set, pod)


def _has_claims(stateful_set: JSON, pod: JSON) -> bool:
    present = {
        volume["name"]: (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for volume in pod["spec"].get("volumes") or ()
    }
    wanted = claim_names(stateful_set, ordinal_of(pod))
    return all(present.get(template) == name for template, name in wanted.items())


def new_pod(stateful_set: JSON, template: JSON, revision: str, ordinal: int) -> JSON:
    """The Pod of a place, of one revision."""
    pod = pods.from_template(template, stateful_set, STATEFUL_SETS)
    labels = {**pod["metadata"]["labels"], controller_revisions.POD_LABEL: revision}
    metadata = {**pod["metadata"], "name": pod_name(stateful_set, ordinal), "labels": labels}
    return with_identity(stateful_set, {**pod, "metadata": metadata})


def with_identity(stateful_set: JSON, pod: JSON) -> JSON:
    """The Pod with its labels, host name and claims as they should be."""
    ordinal, name = ordinal_of(pod), objects.name(pod)
    labels = {**objects.labels(pod), POD_NAME_LABEL: name, POD_INDEX_LABEL: str(ordinal)}
    spec = {**pod["spec"], "hostname": name}
    if stateful_set["spec"].get("serviceName"):
        spec["subdomain"] = stateful_set["spec"]["serviceName"]
    claims = claim_names(stateful_set, ordinal)
    if claims:
        spec["volumes"] = _volumes(claims, pod["spec"].get("volumes") or [])
    return {**objects.with_metadata(pod, labels=labels), "spec": spec}


def _volumes(claims: dict[str, str], volumes: list[JSON]) -> list[JSON]:
    """A claim takes the place of a template's volume of the same name."""
    claimed: list[JSON] = [
        {"name": template, "persistentVolumeClaim": {"claimName": name}} for template, name in claims.items()
    ]
    return claimed + [volume for volume in volumes if volume["name"] not in claims]


def claim_names(stateful_set: JSON, ordinal: int) -> dict[str, str]:
    """Template → name of the claim of this place."""
    suffix = pod_name(stateful_set, ordinal)
    templates = stateful_set["spec"].get("volumeClaimTemplates") or ()
    return {objects.name(each): f"{objects.name(each)}-{suffix}" for each in templates}


def new_claims(stateful_set: JSON, ordinal: int) -> list[JSON]:
    """The claims of a place; they get the set's matchLabels."""
    names = claim_names(stateful_set, ordinal)
    selected = (stateful_set["spec"].get("selector") or {}).get("matchLabels") or {}
    made = []
    for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
        labels = {**objects.labels(template), **selected}
        metadata = {
            **template["metadata"],
            "name": names[objects.name(template)],
            "namespace": objects.namespace(stateful_set),
            "labels": labels,
        }
        made.append(
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"]}
        )
    return made
