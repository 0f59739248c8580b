"""What a Job's policies make of its Pods: failures that end it, count or don't; indexes that are enough.

Follows pkg/controller/job/pod_failure_policy.go and success_policy.go (1.32).
"""

from collections.abc import Set
from typing import NamedTuple

from seatrial.base.types import JSON
from seatrial.controllers.job import indexes
from seatrial.machinery import objects


class Verdict(NamedTuple):
    """`action`: of the rule that matches, "" for none. `message`: why the Job fails, for FailJob."""

    action: str
    counts: bool
    message: str = ""


def judge(job: JSON, pod: JSON) -> Verdict:
    """What the podFailurePolicy says of a failed Pod."""
    for number, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        reason = _matches(rule, pod)
        if reason is None:
            continue
        action: str = rule["action"]
        if action == "Ignore":
            return Verdict(action, False)
        if action != "FailJob":
            return Verdict(action, True)
        return Verdict(action, True, f"{reason} matching FailJob rule at index {number}")
    return Verdict("", True)


def _matches(rule: JSON, pod: JSON) -> str | None:
    """What of the Pod matches the rule, in words; None for nothing."""
    who = "/".join(objects.key(pod))
    if rule.get("onExitCodes") is not None:
        container = _exited(rule["onExitCodes"], pod)
        if container is None:
            return None
        code = container["state"]["terminated"]["exitCode"]
        return f"Container {container['name']} for pod {who} failed with exit code {code}"
    for pattern in rule.get("onPodConditions") or ():
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if (condition["type"], condition.get("status")) == (pattern["type"], pattern.get("status")):
                return f"Pod {who} has condition {condition['type']}"
    return None


def _exited(requirement: JSON, pod: JSON) -> JSON | None:
    """The first container that ended with one of the exit codes (In), or with another than these (NotIn)."""
    status = pod.get("status") or {}
    wanted = requirement.get("containerName")
    for container in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
        code = ((container.get("state") or {}).get("terminated") or {}).get("exitCode") or 0
        if code == 0 or wanted not in (None, container["name"]):
            continue
        if (code in (requirement.get("values") or ())) == (requirement["operator"] == "In"):
            return dict(container)
    return None


def success(job: JSON, succeeded: Set[int]) -> str | None:
    """The message if the successPolicy is satisfied."""
    completions = job["spec"].get("completions") or 0
    for number, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        wanted, count = rule.get("succeededIndexes"), rule.get("succeededCount")
        named = indexes.parse(wanted, completions) if wanted is not None else None
        matched = succeeded if named is None else succeeded & named
        enough = len(matched) >= count if count is not None else named is not None and named <= matched
        if enough:
            return f"Matched rules at index {number}"
    return None
