"""Pod Security Standards: what a Pod of the level baseline or restricted must not be, in Kubernetes' words. Pure.

Follows k8s.io/pod-security-admission/policy of 1.32, version by version of the standards; the checks of a level come in
order of their ids. Not there: what user namespaces relax, which is behind a feature gate.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.machinery.validation import go_quote

PRIVILEGED, BASELINE, RESTRICTED = LEVELS = ("privileged", "baseline", "restricted")
LATEST = 32
"""The minor version of the standards that `latest` means."""

_CAPABILITIES = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
})  # fmt: skip
_VOLUMES = frozenset({
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
})  # fmt: skip
_SYSCTLS: tuple[tuple[int, frozenset[str]], ...] = (
    (0, frozenset({
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
    })),
    (27, frozenset({"net.ipv4.ip_local_reserved_ports"})),
    (29, frozenset({
        "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
    })),
    (32, frozenset({"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"})),
)  # fmt: skip
"""From which minor version on which may be set."""
_SECCOMP = ("RuntimeDefault", "Localhost")
_APPARMOR_KEY = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD, _SECCOMP_CONTAINER = (
    "seccomp.security.alpha.kubernetes.io/pod",
    "container.seccomp.security.alpha.kubernetes.io/",
)


@dataclass(frozen=True)
class Subject:
    """A Pod, or a Pod's template, and the minor version of the standards that it is held to."""

    metadata: JSON
    spec: JSON
    minor: int

    @property
    def containers(self) -> list[JSON]:
        groups = ("initContainers", "containers", "ephemeralContainers")
        return [each for group in groups for each in self.spec.get(group) or ()]

    @property
    def annotations(self) -> JSON:
        return self.metadata.get("annotations") or {}

    def of_pod(self, *path: str) -> Any:
        return objects.get(self.spec, "securityContext", *path)

    def setters(self, is_bad: Callable[[Any], bool], *path: str) -> list[str]:
        """Who sets something in its security context to what it must not be: the Pod, and containers by name."""
        found = ["pod"] if is_bad(self.of_pod(*path)) else []
        bad = self.names(lambda container: is_bad(_of(container, *path)))
        return [*found, _containers(bad)] if bad else found

    def names(self, is_bad: Callable[[JSON], bool]) -> list[str]:
        return [str(each["name"]) for each in self.containers if is_bad(each)]

    def values(self, is_bad: Callable[[Any], bool], *path: str) -> list[str]:
        """The bad values that `setters` set, in order."""
        every = [self.of_pod(*path), *(_of(each, *path) for each in self.containers)]
        return sorted({str(value) for value in every if is_bad(value)})

    @property
    def is_windows(self) -> bool:
        return self.minor >= 25 and objects.get(self.spec, "os", "name") == "windows"


Violation = Iterator[tuple[str, str]]
"""(what it is, which parts of the Pod do it); nothing where all is well."""


def violations(level: str, minor: int, metadata: JSON, spec: JSON) -> list[tuple[str, str]]:
    """All that the level forbids."""
    checks = {PRIVILEGED: (), BASELINE: _BASELINE, RESTRICTED: _RESTRICTED}[level]
    subject = Subject(metadata, spec, minor)
    return [found for check in checks for found in check(subject)]


def told(found: Sequence[tuple[str, str]]) -> str:
    """In one line: `privileged (container "c" must not …), host namespaces (hostPID=true)`."""
    return ", ".join(f"{reason} ({detail})" if detail else reason for reason, detail in found)


def reasons(found: Sequence[tuple[str, str]]) -> str:
    """Without the details."""
    return ", ".join(reason for reason, _ in found)


def _of(container: JSON, *path: str) -> Any:
    return objects.get(container, "securityContext", *path)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(go_quote, names))


def _containers(names: Sequence[str]) -> str:
    return f"{'container' if len(names) == 1 else 'containers'} {_quoted(names)}"


# --- baseline ---


def _app_armor(subject: Subject) -> Violation:
    def is_bad(kind: Any) -> bool:
        return kind is not None and kind not in _SECCOMP

    marks = [
        f"{key}={go_quote(value)}"
        for key, value in subject.annotations.items()
        if key.startswith(_APPARMOR_KEY) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    ]
    path = ("appArmorProfile", "type")
    setters, values = subject.setters(is_bad, *path), [*subject.values(is_bad, *path), *sorted(marks)]
    if marks:
        setters.append("annotation" if len(marks) == 1 else "annotations")
    if setters:
        reason = "forbidden AppArmor profile" + ("s" if len(values) > 1 else "")
        yield reason, f"{' and '.join(setters)} must not set AppArmor profile type to {_quoted(values)}"


def _capabilities_baseline(subject: Subject) -> Violation:
    yield from _added(subject, "non-default capabilities", _CAPABILITIES)


def _added(subject: Subject, reason: str, allowed: frozenset[str]) -> Violation:
    detail = _adding(subject, allowed)
    if detail:
        yield reason, detail


def _adding(subject: Subject, allowed: frozenset[str]) -> str:
    def added(container: JSON) -> set[str]:
        return set(_of(container, "capabilities", "add") or ()) - allowed

    names = subject.names(lambda container: bool(added(container)))
    every = sorted(set().union(*(added(each) for each in subject.containers)))
    return (
        f"{_containers(names)} must not include {_quoted(every)} in securityContext.capabilities.add" if names else ""
    )


def _host_namespaces(subject: Subject) -> Violation:
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if subject.spec.get(name)]
    if used:
        yield "host namespaces", ", ".join(used)


def _host_path_volumes(subject: Subject) -> Violation:
    names = [str(each["name"]) for each in subject.spec.get("volumes") or () if each.get("hostPath") is not None]
    if names:
        yield "hostPath volumes", f"{'volume' if len(names) == 1 else 'volumes'} {_quoted(names)}"


def _host_ports(subject: Subject) -> Violation:
    def ports(container: JSON) -> set[str]:
        return {str(each["hostPort"]) for each in container.get("ports") or () if each.get("hostPort")}

    names = subject.names(lambda container: bool(ports(container)))
    every = sorted(set().union(*(ports(each) for each in subject.containers)))
    if names:
        verb, noun = "uses" if len(names) == 1 else "use", "hostPort" if len(every) == 1 else "hostPorts"
        yield "hostPort", f"{_containers(names)} {verb} {noun} {', '.join(every)}"


def _privileged(subject: Subject) -> Violation:
    names = subject.names(lambda container: bool(_of(container, "privileged")))
    if names:
        yield "privileged", f"{_containers(names)} must not set securityContext.privileged=true"


def _proc_mount(subject: Subject) -> Violation:
    names = subject.names(lambda container: _of(container, "procMount") not in (None, "Default"))
    kinds = sorted({str(_of(each, "procMount")) for each in subject.containers if str(each["name"]) in names})
    if names:
        yield "procMount", f"{_containers(names)} must not set securityContext.procMount to {_quoted(kinds)}"


def _se_linux(subject: Subject) -> Violation:
    allowed = {"", "container_t", "container_init_t", "container_kvm_t"}
    if subject.minor >= 31:
        allowed.add("container_engine_t")

    def is_bad(options: Any) -> bool:
        given = options or {}
        return bool((given.get("type") or "") not in allowed or given.get("user") or given.get("role"))

    setters = subject.setters(is_bad, "seLinuxOptions")
    if not setters:
        return
    every = [
        subject.of_pod("seLinuxOptions") or {},
        *(_of(each, "seLinuxOptions") or {} for each in subject.containers),
    ]
    types = sorted({str(each.get("type") or "") for each in every} - allowed)
    data = [f"{'type' if len(types) == 1 else 'types'} {_quoted(types)}"] if types else []
    data += [f"{field} may not be set" for field in ("user", "role") if any(each.get(field) for each in every)]
    yield "seLinuxOptions", f"{' and '.join(setters)} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"


def _seccomp_baseline(subject: Subject) -> Violation:
    if subject.minor < 19:
        yield from _seccomp_annotations(subject)
        return
    setters = subject.setters(_is_bad_seccomp, "seccompProfile")
    if setters:
        yield "seccompProfile", _bad_seccomp(subject, setters)


def _is_bad_seccomp(profile: Any) -> bool:
    return profile is not None and profile.get("type") not in _SECCOMP


def _bad_seccomp(subject: Subject, setters: Sequence[str]) -> str:
    every = [subject.of_pod("seccompProfile"), *(_of(each, "seccompProfile") for each in subject.containers)]
    kinds = sorted({str(each.get("type") or "") for each in every if _is_bad_seccomp(each)})
    return f"{' and '.join(setters)} must not set securityContext.seccompProfile.type to {_quoted(kinds)}"


def _seccomp_annotations(subject: Subject) -> Violation:
    keys = [_SECCOMP_POD, *(f"{_SECCOMP_CONTAINER}{each['name']}" for each in subject.containers)]
    given = {key: str(subject.annotations[key]) for key in keys if key in subject.annotations}
    bad = sorted(
        f"{key}={go_quote(value)}"
        for key, value in given.items()
        if value not in ("runtime/default", "docker/default") and not value.startswith("localhost/")
    )
    if bad:
        yield "seccompProfile", f"forbidden {'annotation' if len(bad) == 1 else 'annotations'} {', '.join(bad)}"


def _sysctls(subject: Subject) -> Violation:
    allowed = frozenset().union(*(names for since, names in _SYSCTLS if subject.minor >= since))
    bad = [str(each["name"]) for each in subject.of_pod("sysctls") or () if each["name"] not in allowed]
    if bad:
        yield "forbidden sysctls", ", ".join(bad)


def _windows_host_process(subject: Subject) -> Violation:
    setters = subject.setters(lambda value: value is True, "windowsOptions", "hostProcess")
    if setters:
        yield "hostProcess", f"{' and '.join(setters)} must not set securityContext.windowsOptions.hostProcess=true"


# --- restricted ---


def _privilege_escalation(subject: Subject) -> Violation:
    if subject.minor < 8 or subject.is_windows:
        return
    names = subject.names(lambda container: _of(container, "allowPrivilegeEscalation") is not False)
    if names:
        detail = f"{_containers(names)} must set securityContext.allowPrivilegeEscalation=false"
        yield "allowPrivilegeEscalation != false", detail


def _capabilities_restricted(subject: Subject) -> Violation:
    if subject.minor < 22 or subject.is_windows:
        return
    names = subject.names(lambda container: "ALL" not in (_of(container, "capabilities", "drop") or ()))
    details = [f'{_containers(names)} must set securityContext.capabilities.drop=["ALL"]'] if names else []
    adding = _adding(subject, frozenset({"NET_BIND_SERVICE"}))
    details += [adding] if adding else []
    if details:
        yield "unrestricted capabilities", "; ".join(details)


def _restricted_volumes(subject: Subject) -> Violation:
    bad = [each for each in subject.spec.get("volumes") or () if _VOLUMES.isdisjoint(each)]
    if not bad:
        return
    kinds = sorted({next((name for name in each if name != "name"), "unknown") for each in bad})
    one = len(bad) == 1
    yield (
        "restricted volume types",
        f"{'volume' if one else 'volumes'} {_quoted(str(each['name']) for each in bad)} {'uses' if one else 'use'} "
        f"{'restricted volume type' if len(kinds) == 1 else 'restricted volume types'} {_quoted(kinds)}",
    )


def _run_as_non_root(subject: Subject) -> Violation:
    setters = subject.setters(lambda value: value is False, "runAsNonRoot")
    if setters:
        yield "runAsNonRoot != true", f"{' and '.join(setters)} must not set securityContext.runAsNonRoot=false"
        return
    names = subject.names(lambda container: _of(container, "runAsNonRoot") is None)
    if names and not subject.of_pod("runAsNonRoot"):
        yield "runAsNonRoot != true", f"pod or {_containers(names)} must set securityContext.runAsNonRoot=true"


def _run_as_user(subject: Subject) -> Violation:
    setters = subject.setters(lambda value: value == 0 and value is not False, "runAsUser")
    if subject.minor >= 23 and setters:
        yield "runAsUser=0", f"{' and '.join(setters)} must not set runAsUser=0"


def _seccomp_restricted(subject: Subject) -> Violation:
    if subject.minor < 19 or subject.is_windows:
        return
    setters = subject.setters(_is_bad_seccomp, "seccompProfile")
    if setters:
        yield "seccompProfile", _bad_seccomp(subject, setters)
        return
    names = subject.names(lambda container: _of(container, "seccompProfile") is None)
    if names and subject.of_pod("seccompProfile") is None:
        yield (
            "seccompProfile",
            f"pod or {_containers(names)} must set securityContext.seccompProfile.type to "
            '"RuntimeDefault" or "Localhost"',
        )


_BASELINE: tuple[Callable[[Subject], Violation], ...] = (
    _app_armor,
    _capabilities_baseline,
    _host_namespaces,
    _host_path_volumes,
    _host_ports,
    _privileged,
    _proc_mount,
    _se_linux,
    _seccomp_baseline,
    _sysctls,
    _windows_host_process,
)
_STRICTER = {_capabilities_baseline, _host_path_volumes, _seccomp_baseline}
"""Checks of baseline that one of restricted includes."""
_RESTRICTED: tuple[Callable[[Subject], Violation], ...] = (
    *(check for check in _BASELINE if check not in _STRICTER),
    _privilege_escalation,
    _capabilities_restricted,
    _restricted_volumes,
    _run_as_non_root,
    _run_as_user,
    _seccomp_restricted,
)
