"""PodTemplateSpec, as every workload carries it, and the kind PodTemplate.

Follows ValidatePodTemplateSpec and ValidatePodTemplateSpecForReplicaSet of pkg/apis (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api import label_selectors
from seatrial.api.core_v1 import pod_spec
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import selectors, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError


class PodTemplateSpec(TypedDict, total=False):
    """What new Pods are made of."""

    metadata: JSON
    spec: JSON


class PodTemplate(TypedDict, total=False):
    """A template that stands for itself."""

    apiVersion: str
    kind: str
    metadata: JSON
    template: PodTemplateSpec


def default_template(template: JSON) -> None:
    """Defaults of a template; a Pod's own defaults (default_pod_only) come when the Pod is made."""
    if template.get("metadata") is None:
        template["metadata"] = {}
    spec = template.get("spec")
    if spec is None:
        spec = template["spec"] = {}
    pod_spec.default_pod_spec(spec)


def validate_template(template: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Labels, annotations and spec of a template."""
    spec = template.get("spec") or {}
    yield from validate_metadata(template, path)
    yield from pod_spec.validate_pod_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        yield validation.forbidden(
            f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template"
        )


def validate_metadata(template: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Labels and annotations of a template."""
    metadata = template.get("metadata") or {}
    yield from label_selectors.validate_labels(metadata.get("labels") or {}, f"{path}.labels")
    yield from label_selectors.validate_annotations(metadata.get("annotations") or {}, f"{path}.annotations")


def validate_workload_template(
    template: Mapping[str, Any] | None, selector: selectors.Selector | None, path: str
) -> Iterator[FieldError]:
    """The template of what keeps Pods running for ever: it matches the selector and always restarts."""
    if template is None:
        yield validation.required(path)
        return
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector is not None and not selector.empty and not selector.matches(labels):
        detail = "`selector` does not match template `labels`"
        yield label_selectors.invalid_labels(f"{path}.metadata.labels", labels, detail)
    yield from validate_template(template, path)
    spec = template.get("spec") or {}
    if spec.get("restartPolicy") in ("OnFailure", "Never"):
        yield validation.unsupported(f"{path}.spec.restartPolicy", spec["restartPolicy"], ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        yield validation.forbidden(
            f"{path}.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported"
        )


def container_cells(template: Mapping[str, Any]) -> tuple[str, str]:
    """The CONTAINERS and IMAGES cells of `kubectl get -o wide`."""
    listed: Sequence[JSON] = (template.get("spec") or {}).get("containers") or ()
    return (
        ",".join(container.get("name") or "" for container in listed),
        ",".join(container.get("image") or "" for container in listed),
    )


def _default(obj: JSON) -> None:
    if obj.get("template") is None:
        obj["template"] = {}
    default_template(obj["template"])


def _validate(obj: JSON) -> list[FieldError]:
    return list(validate_template(obj.get("template") or {}, "template"))


def _row(obj: JSON, _now: float) -> tuple[Any, ...]:
    template = obj.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    return (obj["metadata"]["name"], *container_cells(template), label_selectors.labels_text(labels))


COLUMNS = (
    Column("Name", format="name", description="Name must be unique within a namespace."),
    Column("Containers", description="Names of each container in the template."),
    Column("Images", description="Images referenced by each container in the template."),
    Column("Pod Labels", description="The labels for the pod template."),
)

RESOURCE = Resource(
    group="",
    version="v1",
    kind="PodTemplate",
    plural="podtemplates",
    singular="podtemplate",
    default=_default,
    validate=_validate,
    has_generation=True,
    generation_fields=lambda obj: obj.get("template"),
    columns=COLUMNS,
    row=_row,
)
