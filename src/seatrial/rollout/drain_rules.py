"""Which of a node's Pods `drain` evicts, leaves alone, or refuses: pure (kubectl pkg/drain/filters.go, 1.32)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.base.types import JSON
from seatrial.machinery import objects, times

MIRROR = "kubernetes.io/config.mirror"
_DAEMONS_REFUSED = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
_DAEMONS_IGNORED = "ignoring DaemonSet-managed Pods"
_LOCAL_REFUSED = "Pods with local storage (use --delete-emptydir-data to override)"
_ALONE_REFUSED = "Pods that declare no controller (use --force to override)"
_ALONE_DELETED = "deleting Pods that declare no controller"


@dataclass(frozen=True)
class Rules:
    """The flags. `skip_deleted_seconds`: Pods that have been terminating for longer are not waited for; 0: all are."""

    force: bool = False
    ignore_daemonsets: bool = False
    delete_emptydir_data: bool = False
    skip_deleted_seconds: int = 0


@dataclass(frozen=True)
class Selection:
    """`going`: the Pods to evict. `warnings` and `refused`: what is said of which Pods (namespace/name)."""

    going: tuple[JSON, ...]
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    refused: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def warning(self) -> str:
        """One line, "" if there is nothing to warn of."""
        return "; ".join(f"{text}: {', '.join(names)}" for text, names in self.warnings.items())

    @property
    def errors(self) -> list[str]:
        """A line for each reason why the node can't be drained."""
        return [f"cannot delete {text}: {', '.join(names)}" for text, names in sorted(self.refused.items())]


@dataclass(frozen=True)
class _Verdict:
    goes: bool
    warning: str = ""
    refusal: str = ""


_GOES, _STAYS = _Verdict(True), _Verdict(False)
_Filter = Callable[[JSON, Rules], _Verdict]


def select(
    pods: Iterable[JSON], rules: Rules, missing_daemon_sets: frozenset[tuple[str, str]], now: float
) -> Selection:
    """`missing_daemon_sets`: (namespace, name) of those that Pods name as controllers and that are not there."""
    going, warnings, refused = [], dict[str, list[str]](), dict[str, list[str]]()
    for pod in pods:
        verdict = _verdict(pod, rules, missing_daemon_sets, now)
        name = f"{objects.namespace(pod)}/{objects.name(pod)}"
        if verdict.goes:
            going.append(pod)
        if verdict.warning:
            warnings.setdefault(verdict.warning, []).append(name)
        if verdict.refusal:
            refused.setdefault(verdict.refusal, []).append(name)
    return Selection(tuple(going), warnings, refused)


def _verdict(pod: JSON, rules: Rules, missing: frozenset[tuple[str, str]], now: float) -> _Verdict:
    """The first filter that keeps the Pod decides, else the last one."""
    if _long_deleted(pod, rules, now) or MIRROR in objects.annotations(pod):
        return _STAYS
    for verdict in (_of_daemon(pod, rules, missing), _of_local_data(pod, rules)):
        if not verdict.goes:
            return verdict
    return _of_unmanaged(pod, rules)


def _long_deleted(pod: JSON, rules: Rules, now: float) -> bool:
    deleted = pod["metadata"].get("deletionTimestamp")
    return bool(deleted and rules.skip_deleted_seconds and now - times.parse_time(deleted) > rules.skip_deleted_seconds)


def _has_ended(pod: JSON) -> bool:
    return objects.get(pod, "status", "phase", default="") in ("Succeeded", "Failed")


def _daemon_set(pod: JSON) -> str:
    owner = objects.controller_of(pod) or {}
    return str(owner["name"]) if owner.get("kind") == "DaemonSet" else ""


def _of_daemon(pod: JSON, rules: Rules, missing: frozenset[tuple[str, str]]) -> _Verdict:
    name = _daemon_set(pod)
    if not name or _has_ended(pod):
        return _GOES
    if (objects.namespace(pod), name) in missing:
        return _GOES if rules.force else _Verdict(False, refusal=f'daemonsets.apps "{name}" not found')
    if not rules.ignore_daemonsets:
        return _Verdict(False, refusal=_DAEMONS_REFUSED)
    return _Verdict(False, warning=_DAEMONS_IGNORED)


def _of_local_data(pod: JSON, rules: Rules) -> _Verdict:
    has_data = any("emptyDir" in volume for volume in pod["spec"].get("volumes") or ())
    if has_data and not _has_ended(pod) and not rules.delete_emptydir_data:
        return _Verdict(False, refusal=_LOCAL_REFUSED)
    return _GOES


def _of_unmanaged(pod: JSON, rules: Rules) -> _Verdict:
    if _has_ended(pod) or objects.controller_of(pod) is not None:
        return _GOES
    if rules.force:
        return _Verdict(True, warning=_ALONE_DELETED)
    return _Verdict(False, refusal=_ALONE_REFUSED)


def daemon_sets_of(pods: Iterable[JSON]) -> list[tuple[str, str]]:
    """(namespace, name) of the DaemonSets that control these Pods."""
    return sorted({(objects.namespace(pod), _daemon_set(pod)) for pod in pods if _daemon_set(pod)})
