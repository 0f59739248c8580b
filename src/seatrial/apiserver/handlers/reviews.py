"""What clients ask about themselves: `kubectl auth can-i`, `kubectl auth whoami` (pkg/registry/authorization).

Every authenticated user may do everything, so the answers need no rules.
"""

from collections.abc import Callable

from seatrial.apiserver.discovery import REVIEWS
from seatrial.apiserver.handlers import bodies
from seatrial.apiserver.handlers.call import Answer, Call, Made
from seatrial.base.types import JSON
from seatrial.machinery import status


def _access_review(call: Call, body: JSON) -> JSON:
    spec = body.get("spec") or {}
    return {**body, "spec": spec, "status": {"allowed": True, "reason": "every user of this cluster may do everything"}}


def _rules_review(call: Call, body: JSON) -> JSON:
    every = ["*"]
    return {
        **body,
        "spec": {},
        "status": {
            "resourceRules": [{"verbs": every, "apiGroups": every, "resources": every}],
            "nonResourceRules": [{"verbs": every, "nonResourceURLs": every}],
            "incomplete": False,
        },
    }


def _self_review(call: Call, body: JSON) -> JSON:
    return {**body, "status": {"userInfo": call.user.to_json()}}


ANSWERS: dict[str, Callable[[Call, JSON], JSON]] = {
    "selfsubjectaccessreviews": _access_review,
    "selfsubjectrulesreviews": _rules_review,
    "selfsubjectreviews": _self_review,
}

_PATHS = {f"/apis/{group}/v1/{plural}": (group, kind, ANSWERS[plural]) for plural, (group, kind) in REVIEWS.items()}


def answer(call: Call) -> Answer | None:
    """None when the path is none of these."""
    found = _PATHS.get(call.path)
    if found is None:
        return None
    if call.method != "POST":
        raise status.method_not_allowed()
    group, kind, make = found
    body = bodies.decode_object(call, kind)
    named = {"kind": kind, "apiVersion": f"{group}/v1", "metadata": {"creationTimestamp": None}}
    return Made(201, make(call, {**named, **body}))
