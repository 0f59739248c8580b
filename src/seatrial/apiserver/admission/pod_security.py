"""PodSecurity: a namespace's labels say which Pods it takes, and of which it warns.

Follows k8s.io/pod-security-admission/admission and api/helpers.go of 1.32, with the defaults of a kube-apiserver that
has no configuration: privileged, and nobody is exempt. # differs: nothing is audited, as there is no audit log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.api.registry import NAMESPACES, PODS
from seatrial.apiserver.admission.base import Attributes
from seatrial.base.types import JSON
from seatrial.machinery import objects, status, validation
from seatrial.machinery.validation import FieldError, go_quote
from seatrial.workloads import pod_security
from seatrial.workloads.pod_security import LEVELS, PRIVILEGED, RESTRICTED

PREFIX = "pod-security.kubernetes.io/"
_MODES = ("enforce", "audit", "warn")
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")
_WITH_TEMPLATE = frozenset({
    ("", "replicationcontrollers"), ("", "podtemplates"), ("apps", "replicasets"), ("apps", "deployments"),
    ("apps", "statefulsets"), ("apps", "daemonsets"), ("batch", "jobs"), ("batch", "cronjobs"),
})  # fmt: skip


@dataclass(frozen=True)
class Held:
    """What Pods are held to. `version`: `latest` or `v1.25`."""

    level: str = PRIVILEGED
    version: str = "latest"

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"

    @property
    def minor(self) -> int:
        """Of the release whose checks hold: 25 for `v1.25`."""
        found = _VERSION.fullmatch(self.version)
        return min(int(found[1]), pod_security.LATEST) if found else pod_security.LATEST

    def violations(self, metadata: JSON, spec: JSON) -> list[tuple[str, str]]:
        """(what is violated, the details) of a Pod with this metadata and spec."""
        return pod_security.violations(self.level, self.minor, metadata, spec)


def policy(labels: Mapping[str, str]) -> tuple[dict[str, Held], list[FieldError]]:
    """What the labels of a namespace ask for: mode → level; and what is wrong with them.

    A wrong level means restricted where Pods are refused by it, privileged elsewhere.
    """
    held, errors = dict.fromkeys(_MODES, Held()), []
    for mode in _MODES:
        level, version = labels.get(f"{PREFIX}{mode}"), labels.get(f"{PREFIX}{mode}-version")
        if level is not None and level not in LEVELS:
            told = "must be one of privileged, baseline, restricted"
            errors.append(validation.invalid(f"metadata.labels[{PREFIX}{mode}]", level, told))
            level = RESTRICTED if mode == "enforce" else PRIVILEGED
        if version is not None and version != "latest" and not _VERSION.fullmatch(version):
            told = 'must be "latest" or "v1.x"'
            errors.append(validation.invalid(f"metadata.labels[{PREFIX}{mode}-version]", version, told))
            version = None
        held[mode] = Held(level or PRIVILEGED, version or "latest")
    enforced = labels.get(f"{PREFIX}enforce")
    if enforced in LEVELS and enforced != PRIVILEGED and f"{PREFIX}warn" not in labels:
        pinned = labels.get(f"{PREFIX}warn-version") is not None
        held["warn"] = Held(enforced, held["warn"].version if pinned else held["enforce"].version)
    return held, errors


async def validate(attributes: Attributes) -> None:
    """Refuse a Pod that its namespace does not take, and labels that make no sense; warn of what would be refused."""
    if attributes.operation == "DELETE" or attributes.subresource not in ("", "ephemeralcontainers"):
        return
    if attributes.resource is NAMESPACES:
        await _validate_namespace(attributes)
    elif attributes.resource is PODS:
        await _validate_pod(attributes)
    elif (attributes.resource.group, attributes.resource.plural) in _WITH_TEMPLATE:
        held = await _policy_of(attributes)
        if held["warn"].level != PRIVILEGED:
            _warn(attributes, held["warn"], *_template(attributes.obj))


async def _validate_pod(attributes: Attributes) -> None:
    held = await _policy_of(attributes)
    if all(each.level == PRIVILEGED for each in held.values()):
        return
    obj, old = attributes.obj, attributes.old
    if attributes.operation == "UPDATE" and old is not None and not _is_significant(obj, old):
        return
    found = held["enforce"].violations(obj["metadata"], obj["spec"])
    if found:
        text = f"violates PodSecurity {go_quote(str(held['enforce']))}: {pod_security.told(found)}"
        raise attributes.forbidden(text)
    _warn(attributes, held["warn"], obj["metadata"], obj["spec"])


async def _policy_of(attributes: Attributes) -> dict[str, Held]:
    namespace = await attributes.lookup(NAMESPACES, "", attributes.namespace)
    return policy(objects.labels(namespace or {"metadata": {}}))[0]


def _warn(attributes: Attributes, held: Held, metadata: JSON, spec: JSON) -> None:
    found = held.violations(metadata, spec)
    if found:
        attributes.warn(f"would violate PodSecurity {go_quote(str(held))}: {pod_security.told(found)}")


def _template(obj: JSON) -> tuple[JSON, JSON]:
    spec = obj.get("spec") or {}
    template = obj.get("template") or spec.get("template") or objects.get(spec, "jobTemplate", "spec", "template")
    return (template or {}).get("metadata") or {}, (template or {}).get("spec") or {}


def _is_significant(new: JSON, old: JSON) -> bool:
    """Images and containers; nothing else of a Pod that counts can be changed."""
    groups = ("initContainers", "containers", "ephemeralContainers")

    def images(pod: JSON) -> list[list[tuple[str, str]]]:
        spec = pod["spec"]
        return [[(each["name"], each.get("image") or "") for each in spec.get(group) or ()] for group in groups]

    return images(new) != images(old)


async def _validate_namespace(attributes: Attributes) -> None:
    held, errors = policy(objects.labels(attributes.obj))
    before, errors_before = policy(objects.labels(attributes.old)) if attributes.old else ({}, [])
    if errors and list(map(str, errors)) != list(map(str, errors_before)):
        raise status.invalid(attributes.resource, objects.name(attributes.obj), errors)
    if attributes.old is None or held["enforce"] == before["enforce"]:
        return
    same_version = held["enforce"].version == before["enforce"].version
    relaxed = LEVELS.index(held["enforce"].level) <= LEVELS.index(before["enforce"].level)
    if held["enforce"].level != PRIVILEGED and not (same_version and relaxed):
        await _warn_of_existing(attributes, held["enforce"])


async def _warn_of_existing(attributes: Attributes, held: Held) -> None:
    """Pods that exist are left alone; the warning groups them by what is wrong with them."""
    name = objects.name(attributes.obj)
    groups: dict[str, list[str]] = {}
    for pod in await attributes.cluster.select(PODS, name):
        found = held.violations(pod["metadata"], pod["spec"])
        if found:
            groups.setdefault(pod_security.reasons(found), []).append(objects.name(pod))
    if groups:
        level = go_quote(str(held))
        attributes.warn(
            f"existing pods in namespace {go_quote(name)} violate the new PodSecurity enforce level {level}"
        )
    for line in sorted(f"{min(names)}{_others(len(names) - 1)}: {why}" for why, names in groups.items()):
        attributes.warn(line)


def _others(number: int) -> str:
    if not number:
        return ""
    return " (and 1 other pod)" if number == 1 else f" (and {number} other pods)"
