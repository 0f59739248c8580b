"""Probes and lifecycle handlers of containers: defaults and validation.

Follows SetDefaults_Probe, SetDefaults_HTTPGetAction and validateHandler, validateProbe, validateLifecycle of
pkg/apis/core (1.32).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import names, validation
from seatrial.machinery.validation import FieldError

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_DEFAULTS = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
PORT_RANGE = "must be between 1 and 65535, inclusive"
NOT_NEGATIVE = "must be greater than or equal to 0"


def default_handlers(container: JSON) -> None:
    """Defaults of all probes and lifecycle handlers of one container."""
    for name in PROBES:
        probe = container.get(name)
        if probe is not None:
            _default_probe(probe)
    for hook in (container.get("lifecycle") or {}).values():
        if hook:
            _default_http_get(hook.get("httpGet"))


def _default_probe(probe: JSON) -> None:
    for name, value in _PROBE_DEFAULTS.items():
        if not probe.get(name):
            probe[name] = value
    _default_http_get(probe.get("httpGet"))
    grpc = probe.get("grpc")
    if grpc is not None and grpc.get("service") is None:
        grpc["service"] = ""


def _default_http_get(action: JSON | None) -> None:
    if action is None:
        return
    if not action.get("path"):
        action["path"] = "/"
    if not action.get("scheme"):
        action["scheme"] = "HTTP"


def validate_probes(container: Mapping[str, Any], path: str, grace_period: int) -> Iterator[FieldError]:
    """Errors of the three probes, including what only one of them may say."""
    for name in PROBES:
        probe = container.get(name)
        if probe is None:
            continue
        yield from _validate_probe(probe, f"{path}.{name}", grace_period)
        if name != "readinessProbe" and probe.get("successThreshold") not in (None, 1):
            yield validation.invalid(f"{path}.{name}.successThreshold", probe["successThreshold"], "must be 1")
    readiness = container.get("readinessProbe") or {}
    if readiness.get("terminationGracePeriodSeconds") is not None:
        yield validation.invalid(
            f"{path}.readinessProbe.terminationGracePeriodSeconds",
            readiness["terminationGracePeriodSeconds"],
            "must not be set for readinessProbes",
        )


def validate_lifecycle(container: Mapping[str, Any], path: str, grace_period: int) -> Iterator[FieldError]:
    for name in ("postStart", "preStop"):
        hook = (container.get("lifecycle") or {}).get(name)
        if hook is not None:
            yield from _validate_handler(hook, f"{path}.lifecycle.{name}", grace_period)


def _validate_probe(probe: Mapping[str, Any], path: str, grace_period: int) -> Iterator[FieldError]:
    yield from _validate_handler(probe, path, grace_period)
    for name in _PROBE_NUMBERS:
        if (probe.get(name) or 0) < 0:
            yield validation.invalid(f"{path}.{name}", probe[name], NOT_NEGATIVE)
    own_period = probe.get("terminationGracePeriodSeconds")
    if own_period is not None and own_period <= 0:
        yield validation.invalid(f"{path}.terminationGracePeriodSeconds", own_period, "must be greater than 0")


def _validate_handler(handler: Mapping[str, Any], path: str, grace_period: int) -> Iterator[FieldError]:
    found = 0
    for name, validate in _HANDLERS.items():
        action = handler.get(name)
        if action is None:
            continue
        if found:
            yield validation.forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
        else:
            yield from validate(action, f"{path}.{name}", grace_period)
        found += 1
    if not found:
        yield validation.required(path, "must specify a handler type")


def _validate_exec(action: Mapping[str, Any], path: str, _grace_period: int) -> Iterator[FieldError]:
    if not action.get("command"):
        yield validation.required(f"{path}.command")


def _validate_http_get(action: Mapping[str, Any], path: str, _grace_period: int) -> Iterator[FieldError]:
    if not action.get("path"):
        yield validation.required(f"{path}.path")
    yield from _validate_port(action.get("port"), f"{path}.port")
    if action.get("scheme") not in ("HTTP", "HTTPS"):
        yield validation.unsupported(f"{path}.scheme", action.get("scheme") or "", ("HTTP", "HTTPS"))


def _validate_tcp_socket(action: Mapping[str, Any], path: str, _grace_period: int) -> Iterator[FieldError]:
    yield from _validate_port(action.get("port"), f"{path}.port")


def _validate_grpc(action: Mapping[str, Any], path: str, _grace_period: int) -> Iterator[FieldError]:
    yield from _validate_port(action.get("port") or 0, f"{path}.port")


def _validate_sleep(action: Mapping[str, Any], path: str, grace_period: int) -> Iterator[FieldError]:
    seconds = action.get("seconds") or 0
    if not 0 < seconds <= grace_period:
        yield validation.invalid(
            path,
            seconds,
            f"must be greater than 0 and less than terminationGracePeriodSeconds ({grace_period}). "
            "Enable AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep.",
        )


def _validate_port(port: Any, path: str) -> Iterator[FieldError]:
    if isinstance(port, str):
        for message in names.port_name(port):
            yield validation.invalid(path, port, message)
    elif not 1 <= (port or 0) <= 65535:
        yield validation.invalid(path, port or 0, PORT_RANGE)


_HANDLERS = {
    "exec": _validate_exec,
    "httpGet": _validate_http_get,
    "tcpSocket": _validate_tcp_socket,
    "grpc": _validate_grpc,
    "sleep": _validate_sleep,
}
