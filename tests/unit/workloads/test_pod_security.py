"""Pod Security Standards: what each level forbids, in Kubernetes' words."""

from typing import Any

import pytest

from seatrial.base.types import JSON
from seatrial.workloads import pod_security

SOUND: JSON = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "a",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def told(level: str, spec: JSON, minor: int = 32, **annotations: str) -> str:
    return pod_security.told(pod_security.violations(level, minor, {"annotations": annotations}, spec))


def with_context(*names: str, **context: Any) -> JSON:
    return {"containers": [{"name": name, "securityContext": context} for name in names or ("a",)]}


def with_pod(**context: Any) -> JSON:
    return {"securityContext": context, "containers": [{"name": "a"}]}


def test_a_sound_pod_is_taken_at_every_level() -> None:
    assert [told(level, SOUND) for level in pod_security.LEVELS] == ["", "", ""]


def test_a_pod_that_says_nothing_of_security_is_no_restricted_one() -> None:
    assert told("baseline", {"containers": [{"name": "a"}]}) == ""
    assert told("restricted", {"containers": [{"name": "a"}, {"name": "b"}]}) == (
        'allowPrivilegeEscalation != false (containers "a", "b" must set '
        "securityContext.allowPrivilegeEscalation=false), "
        'unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or containers "a", "b" must set securityContext.seccompProfile.type to '
        '"RuntimeDefault" or "Localhost")'
    )


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"hostNetwork": True, "hostPID": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
        (with_context(privileged=True), 'privileged (container "a" must not set securityContext.privileged=true)'),
        (
            with_context("a", "b", capabilities={"add": ["NET_RAW", "CHOWN", "BPF"]}),
            'non-default capabilities (containers "a", "b" must not include "BPF", "NET_RAW" in '
            "securityContext.capabilities.add)",
        ),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, 'hostPath volumes (volume "v")'),
        (
            {"containers": [{"name": "a", "ports": [{"hostPort": 80}, {"hostPort": 443}, {"containerPort": 9}]}]},
            'hostPort (container "a" uses hostPorts 443, 80)',
        ),
        (
            with_context(procMount="Unmasked"),
            'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
        ),
        (
            with_pod(seLinuxOptions={"type": "spc_t", "user": "u", "role": "r"}),
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; '
            "role may not be set)",
        ),
        (
            with_pod(seccompProfile={"type": "Unconfined"}),
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        (with_pod(sysctls=[{"name": "net.core.somaxconn"}]), "forbidden sysctls (net.core.somaxconn)"),
        (
            {"securityContext": {"windowsOptions": {"hostProcess": True}}},
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            with_context(appArmorProfile={"type": "Unconfined"}),
            'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
        ),
    ],
)
def test_baseline_forbids_what_reaches_the_host(spec: JSON, why: str) -> None:
    assert told("baseline", spec) == why
    assert told("privileged", spec) == ""


HOST_AND_NFS = [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "nfs": {}}, {"name": "c", "configMap": {}}]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"volumes": HOST_AND_NFS},
            'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")',
        ),
        (
            {"securityContext": {**SOUND["securityContext"], "runAsUser": 0}},
            "runAsUser=0 (pod must not set runAsUser=0)",
        ),
        (
            {"securityContext": {**SOUND["securityContext"], "runAsNonRoot": False}},
            "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
        ),
    ],
)
def test_restricted_forbids_more(change: JSON, why: str) -> None:
    assert told("restricted", {**SOUND, **change}) == why


def test_a_capability_beyond_ports_is_too_much() -> None:
    context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "NET_BIND_SERVICE"]},
    }
    assert told("restricted", {**SOUND, "containers": [{"name": "a", "securityContext": context}]}) == (
        'unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)'
    )


@pytest.mark.parametrize(
    ("minor", "spec", "taken"),
    [
        (26, with_pod(sysctls=[{"name": "net.ipv4.ip_local_reserved_ports"}]), False),
        (27, with_pod(sysctls=[{"name": "net.ipv4.ip_local_reserved_ports"}]), True),
        (30, with_pod(seLinuxOptions={"type": "container_engine_t"}), False),
        (31, with_pod(seLinuxOptions={"type": "container_engine_t"}), True),
        (18, with_pod(seccompProfile={"type": "Unconfined"}), True),
        (19, with_pod(seccompProfile={"type": "Unconfined"}), False),
    ],
)
def test_the_standards_change_with_their_version(minor: int, spec: JSON, taken: bool) -> None:
    assert (told("baseline", spec, minor) == "") is taken


def test_windows_pods_need_no_linux_settings_since_1_25() -> None:
    windows = {"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": True}, "containers": [{"name": "a"}]}
    assert told("restricted", windows, 25) == ""
    assert told("restricted", windows, 24) != ""


def test_annotations_of_old_count_too() -> None:
    apparmor = {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}
    assert told("baseline", {"containers": [{"name": "a"}]}, **apparmor) == (
        "forbidden AppArmor profile (annotation must not set AppArmor profile type to "
        '"container.apparmor.security.beta.kubernetes.io/a=\\"unconfined\\"")'
    )
    seccomp = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}
    assert told("baseline", {"containers": [{"name": "a"}]}, 18, **seccomp) == (
        'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")'
    )
