"""Admission webhooks of the cluster that is rehearsed: whether they can be called, and what is not known of them.

A rehearsal can't ask a webhook: it is assumed to allow, and that is told. What can be known is that it can't be called,
because its Service is not there or has no ready Pod. Then it refuses whatever it is asked about, unless its
failurePolicy is Ignore. Follows k8s.io/apiserver/pkg/admission/plugin/webhook (1.32); matchConditions (CEL) are assumed
to match.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from seatrial.api import schema_set
from seatrial.api.registry import NAMESPACES, PODS, SERVICES
from seatrial.apiserver.admission.base import Attributes
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors, status
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.schema import DecodeError
from seatrial.workloads import pods

GROUP = "admissionregistration.k8s.io"
VALIDATING = ResourceRef(GROUP, "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False)
MUTATING = ResourceRef(GROUP, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False)
POLICIES = ResourceRef(GROUP, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", False)
KINDS = (MUTATING, VALIDATING, POLICIES)
DECIDING = (
    ("", "pods"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
)
"""(group, plural) of what an update writes."""


def is_configuration(obj: JSON) -> bool:
    """Whether it is about admission, of any version of its group."""
    group = str(obj.get("apiVersion")).partition("/")[0]
    return group == GROUP and any(obj.get("kind") == kind.kind for kind in KINDS)


def _is_valid(obj: JSON) -> bool:
    """A configuration with the fields that its kind has; in old versions they were the same."""
    if not is_configuration(obj):
        return False
    try:
        schema_set.load().validator(GROUP, "v1", str(obj["kind"])).decode(objects.copy(obj))
    except DecodeError:
        return False
    return True


class Webhooks:
    """An admission plugin. `known`: kinds of which the objects are known; of others nothing is concluded."""

    def __init__(self, known: frozenset[str] = frozenset()) -> None:
        self._known = known
        self._configurations: dict[tuple[str, str], JSON] = {}

    def put(self, given: Sequence[JSON]) -> None:
        """From now on these are in force."""
        for obj in filter(_is_valid, given):
            self._configurations[str(obj["kind"]), objects.name(obj)] = obj

    @property
    def configurations(self) -> Sequence[JSON]:
        """Those that are in force."""
        return tuple(self._configurations.values())

    async def __call__(self, attributes: Attributes) -> None:
        for configuration in self._configurations.values():
            for hook in configuration.get("webhooks") or ():
                if await _concerns(hook, attributes):
                    await self._call(hook, attributes)

    async def _call(self, hook: JSON, attributes: Attributes) -> None:
        """Raises StatusError where it can't be called and may not be passed over."""
        service = objects.get(hook, "clientConfig", "service")
        if not service or hook.get("failurePolicy") == "Ignore" or "Service" not in self._known:
            return
        why = await _unreachable(service, attributes)
        if why:
            raise status.internal_error(
                f'failed calling webhook "{hook.get("name", "")}": failed to call webhook: '
                f'Post "{_url(service, hook)}": {why}'
            )


async def _unreachable(service: JSON, attributes: Attributes) -> str:
    namespace, name = str(service.get("namespace", "")), str(service.get("name", ""))
    found = await attributes.lookup(SERVICES, namespace, name)
    if found is None:
        return f'service "{name}" not found'
    selector = found["spec"].get("selector")
    if not selector:
        return ""
    chosen = selectors.from_map(selector)
    for pod in await attributes.cluster.select(PODS, namespace):
        if chosen.matches(objects.labels(pod)) and pods.is_ready(pod) and not objects.is_terminating(pod):
            return ""
    return f'no endpoints available for service "{name}"'


def _url(service: JSON, hook: JSON) -> str:
    path = str(service.get("path") or "").lstrip("/")
    host = f"{service.get('name', '')}.{service.get('namespace', '')}.svc:{service.get('port') or 443}"
    return f"https://{host}/{path}?timeout={hook.get('timeoutSeconds') or 10}s"


async def _concerns(hook: JSON, attributes: Attributes) -> bool:
    resource = attributes.resource
    plural = f"{resource.plural}/{attributes.subresource}" if attributes.subresource else resource.plural
    if not any(_covers(rule, attributes.operation, resource.group, plural) for rule in hook.get("rules") or ()):
        return False
    if not selectors.from_label_selector(hook.get("objectSelector") or {}).matches(objects.labels(attributes.obj)):
        return False
    chosen = selectors.from_label_selector(hook.get("namespaceSelector") or {})
    if chosen.empty or not attributes.namespace:
        return True
    namespace = await attributes.lookup(NAMESPACES, "", attributes.namespace)
    return namespace is None or chosen.matches(objects.labels(namespace))


def _covers(rule: JSON, operation: str, group: str, plural: str) -> bool:
    return (
        _any_of(rule, "operations", operation)
        and _any_of(rule, "apiGroups", group)
        and any(_is_of(plural, wanted) for wanted in rule.get("resources") or ())
    )


def _any_of(rule: JSON, field: str, value: str) -> bool:
    return not {"*", value}.isdisjoint(rule.get(field) or ())


def _is_of(plural: str, wanted: Any) -> bool:
    """`pods`, `pods/status`, `pods/*`, `*` (without subresources), `*/*`, `*/scale`."""
    resource, _, subresource = plural.partition("/")
    wanted_resource, slash, wanted_subresource = str(wanted).partition("/")
    if wanted_resource not in ("*", resource):
        return False
    return wanted_subresource in ("*", subresource) if slash else not subresource


def told(given: Sequence[JSON]) -> Iterator[str]:
    """What to say of those that are asked about what an update writes."""
    for obj in filter(is_configuration, given):
        name = f"{obj['kind']} {objects.name(obj)}"
        if not _is_valid(obj):
            yield f"left out: {name}: no API server would have taken it"
            continue
        if obj["kind"] == POLICIES.kind:
            yield f"{name} is not evaluated: assumed to allow everything"
            continue
        for hook in obj.get("webhooks") or ():
            asked = [plural for group, plural in DECIDING if _is_asked(hook, group, plural)]
            if asked:
                yield (
                    f"webhook {hook.get('name', '')} ({name}) can't be asked about {', '.join(asked)}: assumed to "
                    "allow them and to change nothing, as long as it can be called"
                )


def _is_asked(hook: JSON, group: str, plural: str) -> bool:
    return any(_covers(rule, each, group, plural) for rule in hook.get("rules") or () for each in ("CREATE", "UPDATE"))
