"""The new controller of an update by image, and what tells its Pods from the old one's. Pure.

Follows pkg/kubectl/rolling_updater.go (CreateNewControllerFromCurrentController). The hash is over the whole object,
resourceVersion included, so that the same update done twice gives two names.
"""

import hashlib
import json

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rollout.rolling_update import resume
from seatrial.rollout.rolling_update.validation import Request, UsageError


def object_hash(rc: JSON) -> str:
    """MD5 of the object's JSON, in hexadecimal."""
    encoded = json.dumps(rc, separators=(",", ":"), ensure_ascii=False) + "\n"
    return hashlib.md5(encoded.encode(), usedforsecurity=False).hexdigest()


def from_current(old: JSON, name: str, request: Request) -> JSON:
    """A copy of `old` with the image replaced, under `name` or else a name with its hash."""
    copied = objects.copy(old)
    policy = _pull_policy(copied, request)
    container = _container(copied, request.container)
    container["image"] = request.image
    if policy:
        container["imagePullPolicy"] = policy
    digest, key = object_hash(copied), request.deployment_label_key
    bare = resume.without(copied, *resume.ALL)["metadata"]
    metadata = {field: bare[field] for field in ("namespace", "labels", "annotations") if bare.get(field)}
    spec = copied["spec"]
    spec["selector"] = {**(spec.get("selector") or {}), key: digest}
    template = spec["template"]
    template["metadata"] = {**(template.get("metadata") or {}), "labels": {**objects.labels(template), key: digest}}
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": name or f"{objects.name(old)}-{digest}", **metadata},
        "spec": spec,
    }


def _pull_policy(old: JSON, request: Request) -> str:
    current = objects.get(old, "spec", "template", "spec", "containers", 0, "image")
    if current != request.image:
        return ""
    if not request.image_pull_policy:
        raise UsageError(
            "--image-pull-policy (Always|Never|IfNotPresent) must be provided when --image is the same as existing "
            "container image"
        )
    return request.image_pull_policy


def _container(rc: JSON, wanted: str) -> JSON:
    containers: list[JSON] = objects.get(rc, "spec", "template", "spec", "containers", default=[])
    if wanted:
        for container in containers:
            if container["name"] == wanted:
                return container
        raise ToolError(f"container {wanted} not found in pod")
    if len(containers) > 1:
        raise ToolError("must specify container to update when updating a multi-container pod")
    if not containers:
        raise ToolError(f"pod has no containers! ({objects.name(rc)})")
    return containers[0]


def with_template_label(rc: JSON, key: str, value: str) -> JSON:
    """The controller whose new Pods carry this label."""
    template = rc["spec"]["template"]
    metadata = {**(template.get("metadata") or {}), "labels": {**objects.labels(template), key: value}}
    return {**rc, "spec": {**rc["spec"], "template": {**template, "metadata": metadata}}}


def with_selector(rc: JSON, key: str, value: str) -> JSON:
    """The controller that selects Pods by this label as well."""
    return {**rc, "spec": {**rc["spec"], "selector": {**(rc["spec"].get("selector") or {}), key: value}}}


def told_apart(old: JSON, key: str, value: str) -> JSON:
    """What the old controller is once its Pods carry the key."""
    if key in (old["spec"].get("selector") or {}):
        return old
    return with_selector(with_template_label(old, key, value), key, value)
