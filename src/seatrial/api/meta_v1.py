"""metadata: its shape, and the rules that hold for every kind.

Follows k8s.io/apimachinery/pkg/api/validation/objectmeta.go and k8s.io/apiserver/pkg/registry/rest. An update checks
again only what it changes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from seatrial.api import label_selectors
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, validation
from seatrial.machinery.validation import FieldError, GoText, go_quote, go_strings

MAX_GENERATED_BASE = 58
"""A generateName is cut to this length before 5 random characters are added."""
FINALIZER_ORPHAN = "orphan"
FINALIZER_FOREGROUND = "foregroundDeletion"
_STANDARD_FINALIZERS = frozenset(("kubernetes", FINALIZER_ORPHAN, FINALIZER_FOREGROUND))
_KEPT_WHEN_ABSENT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_IMMUTABLE = ("name", "namespace", *_KEPT_WHEN_ABSENT)


class OwnerReference(TypedDict):
    """Who owns an object; at most one of them is its controller."""

    apiVersion: str
    kind: str
    name: str
    uid: str
    controller: NotRequired[bool]
    blockOwnerDeletion: NotRequired[bool]


class ObjectMeta(TypedDict, total=False):
    """What every object has."""

    name: str
    generateName: str
    namespace: str
    uid: str
    resourceVersion: str
    generation: int
    creationTimestamp: str
    deletionTimestamp: str
    deletionGracePeriodSeconds: int
    labels: dict[str, str]
    annotations: dict[str, str]
    ownerReferences: list[OwnerReference]
    finalizers: list[str]
    managedFields: list[JSON]


class LabelSelector(TypedDict, total=False):
    """All of matchLabels and matchExpressions must hold."""

    matchLabels: dict[str, str]
    matchExpressions: list[JSON]


class Condition(TypedDict, total=False):
    """One condition of a status."""

    type: str
    status: str
    reason: str
    message: str
    lastTransitionTime: str
    lastUpdateTime: str
    observedGeneration: int


_NAME_RULES: Mapping[str, Callable[[str], Sequence[str]]] = {
    "subdomain": names.dns1123_subdomain,
    "label": names.dns1123_label,
    "label1035": names.dns1035_label,
    "path_segment": names.path_segment,
}


def generate_name(base: str, suffix: str) -> str:
    """The name made from metadata.generateName and random characters."""
    return base[:MAX_GENERATED_BASE] + suffix


def validate_name(resource: Resource, name: str) -> Sequence[str]:
    """The messages of the kind's rule for names."""
    return _NAME_RULES[resource.name_rule](name)


def validate(obj: JSON, resource: Resource) -> list[FieldError]:
    """The rules for a new object's metadata (ValidateObjectMeta)."""
    metadata = obj.get("metadata") or {}
    errors = [*_name_errors(metadata, resource), *_namespace_errors(metadata, resource)]
    errors += validation.non_negative("metadata.generation", metadata.get("generation"))
    return errors + _common_errors(metadata)


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    """The rules for changing metadata (ValidateObjectMetaUpdate); `fill_from_old` comes first."""
    metadata, before = new.get("metadata") or {}, old.get("metadata") or {}
    errors: list[FieldError] = []
    if before.get("deletionTimestamp"):
        errors += _new_finalizer_errors(metadata.get("finalizers") or [], before.get("finalizers") or [])
    if not metadata.get("resourceVersion"):
        errors.append(validation.invalid("metadata.resourceVersion", "", "must be specified for an update"))
    if (metadata.get("generation") or 0) < (before.get("generation") or 0):
        errors.append(
            validation.invalid("metadata.generation", metadata.get("generation") or 0, "must not be decremented")
        )
    for field in _IMMUTABLE:
        if metadata.get(field) != before.get(field):
            errors.append(validation.immutable(f"metadata.{field}", _shown(field, metadata.get(field))))
    return errors + _common_errors(metadata, before)


def unconditional_update_error() -> FieldError:
    """What an update without resourceVersion gets where the kind doesn't allow it."""
    return validation.invalid("metadata.resourceVersion", GoText("0x0"), "must be specified for an update")


def fill_from_old(new: JSON, old: JSON) -> None:
    """Fields of `new` that clients may leave out of an update are taken from `old` (changes `new`)."""
    metadata, before = new.setdefault("metadata", {}), old.get("metadata") or {}
    for field in _KEPT_WHEN_ABSENT:
        if field not in metadata and field in before:
            metadata[field] = before[field]
    if "generation" in before:
        metadata["generation"] = before["generation"]


def remove_duplicate_owners(obj: JSON) -> bool:
    """Drops equal owner references (changes `obj`); whether there were any, which deserves a warning."""
    metadata = obj.get("metadata") or {}
    references = metadata.get("ownerReferences")
    if not references or len(references) < 2:
        return False
    unique = [each for at, each in enumerate(references) if each not in references[:at]]
    if len(unique) == len(references):
        return False
    metadata["ownerReferences"] = unique
    return True


def duplicate_owners_warning(obj: JSON) -> str:
    """The text of that warning."""
    uids = [reference.get("uid") or "" for reference in obj["metadata"]["ownerReferences"]]
    twice = next((uid for at, uid in enumerate(uids) if uid in uids[:at]), "")
    return (
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, "
        f"and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s): {twice}"
    )


def _shown(field: str, value: Any) -> Any:
    if value is None:
        return "" if field in ("name", "namespace", "uid") else None
    return value


def _name_errors(metadata: JSON, resource: Resource) -> list[FieldError]:
    rule = _NAME_RULES[resource.name_rule]
    errors: list[FieldError] = []
    base = metadata.get("generateName")
    if base:
        # A prefix may end in a dash: the random characters that follow make it a valid name.
        masked = f"{base[:-2]}a" if len(base) > 1 and base.endswith("-") else base
        errors += validation.each("metadata.generateName", base, rule(masked))
    name = metadata.get("name")
    if not name:
        return [*errors, validation.required("metadata.name", "name or generateName is required")]
    return errors + validation.each("metadata.name", name, rule(name))


def _namespace_errors(metadata: JSON, resource: Resource) -> list[FieldError]:
    namespace = metadata.get("namespace")
    if not resource.namespaced:
        return [validation.forbidden("metadata.namespace", "not allowed on this type")] if namespace else []
    if not namespace:
        return [validation.required("metadata.namespace")]
    return validation.each("metadata.namespace", namespace, names.dns1123_label(namespace))


def _common_errors(metadata: JSON, before: JSON | None = None) -> list[FieldError]:
    """Labels, annotations, owners, finalizers; parts that are as `before` were checked then."""
    errors: list[FieldError] = []
    for field, check in _PARTS:
        value = metadata.get(field)
        if value and (before is None or before.get(field) != value):
            errors += check(value)
    return errors


def _label_errors(labels: Mapping[str, str]) -> list[FieldError]:
    return list(label_selectors.validate_labels(labels, "metadata.labels"))


def _annotation_errors(annotations: Mapping[str, str]) -> list[FieldError]:
    return list(label_selectors.validate_annotations(annotations, "metadata.annotations"))


def _owner_errors(references: Sequence[JSON]) -> list[FieldError]:
    path = "metadata.ownerReferences"
    errors: list[FieldError] = []
    controller = ""
    for reference in references:
        errors += _one_owner_errors(reference, path)
        if not reference.get("controller"):
            continue
        shown = f"{reference.get('kind')}/{reference.get('name')}"
        if controller:
            text = 'Only one reference can have Controller set to true. Found "true" in references for'
            errors.append(validation.invalid(path, _go_owners(references), f"{text} {controller} and {shown}"))
        controller = controller or shown
    return errors


def _one_owner_errors(reference: JSON, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    version = reference.get("apiVersion") or ""
    if not version.rpartition("/")[2]:
        errors.append(validation.invalid(f"{path}.apiVersion", version, "version must not be empty"))
    for field in ("kind", "name", "uid"):
        if not reference.get(field):
            errors.append(validation.invalid(f"{path}.{field}", "", "must not be empty"))
    if version == "v1" and reference.get("kind") == "Event":
        text = "/v1, Kind=Event is disallowed from being an owner"
        errors.append(validation.invalid(path, GoText(_go_owner(reference)), text))
    return errors


def _go_pointer(value: bool | None) -> str:
    """A *bool: upstream prints its address, which no two requests share, so the value is more use."""
    return "(*bool)(nil)" if value is None else str(value).lower()


def _go_owner(reference: JSON) -> str:
    fields = (("APIVersion", "apiVersion"), ("Kind", "kind"), ("Name", "name"), ("UID", "uid"))
    texts = [f"{label}:{go_quote(reference.get(key) or '')}" for label, key in fields]
    texts.append(f"Controller:{_go_pointer(reference.get('controller'))}")
    texts.append(f"BlockOwnerDeletion:{_go_pointer(reference.get('blockOwnerDeletion'))}")
    return f"v1.OwnerReference{{{', '.join(texts)}}}"


def _go_owners(references: Sequence[JSON]) -> GoText:
    return GoText(f"[]v1.OwnerReference{{{', '.join(_go_owner(reference) for reference in references)}}}")


def _finalizer_errors(finalizers: Sequence[str]) -> list[FieldError]:
    path = "metadata.finalizers"
    errors: list[FieldError] = []
    for finalizer in finalizers:
        errors += validation.each(path, finalizer, names.qualified_name(finalizer))
    if FINALIZER_ORPHAN in finalizers and FINALIZER_FOREGROUND in finalizers:
        text = f"finalizer {FINALIZER_ORPHAN} and {FINALIZER_FOREGROUND} cannot be both set"
        errors.append(validation.invalid(path, go_strings(finalizers), text))
    for at, finalizer in enumerate(finalizers):
        errors += finalizer_name_errors(finalizer, f"{path}[{at}]")
    return errors


def finalizer_name_errors(finalizer: str, path: str) -> list[FieldError]:
    """A finalizer without a domain must be one of Kubernetes' own."""
    if "/" in finalizer or finalizer in _STANDARD_FINALIZERS:
        return []
    text = "name is neither a standard finalizer name nor is it fully qualified"
    return [validation.invalid(path, finalizer, text)]


def _new_finalizer_errors(finalizers: Sequence[str], before: Sequence[str]) -> list[FieldError]:
    extra = sorted(set(finalizers) - set(before))
    if not extra:
        return []
    text = "no new finalizers can be added if the object is being deleted, found new finalizers"
    return [validation.forbidden("metadata.finalizers", f"{text} {go_strings(extra)}")]


_PARTS: tuple[tuple[str, Callable[[Any], list[FieldError]]], ...] = (
    ("labels", _label_errors),
    ("annotations", _annotation_errors),
    ("ownerReferences", _owner_errors),
    ("finalizers", _finalizer_errors),
)
