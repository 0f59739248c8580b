"""DaemonSet in extensions/v1beta1: selector and labels from the template, updates on deletion, spec.templateGeneration.

Follows pkg/apis/extensions/v1beta1 (1.15): SetDefaults_DaemonSet and the conversions of DaemonSetSpec.
"""

from seatrial.api import old_version
from seatrial.api.apps_v1.daemon_set import TEMPLATE_GENERATION
from seatrial.api.registry import DAEMON_SETS
from seatrial.base.types import JSON


def default(obj: JSON) -> None:
    spec = old_version.default_from_template(obj)
    strategy: JSON = spec.get("updateStrategy") or {}
    spec["updateStrategy"] = strategy
    old_version.default_fields(strategy, type="OnDelete")
    DAEMON_SETS.default(obj)


def to_stored(obj: JSON) -> JSON:
    return old_version.annotation_from_field(obj, "templateGeneration", TEMPLATE_GENERATION, str)


def from_stored(obj: JSON) -> JSON:
    return old_version.field_from_annotation(obj, TEMPLATE_GENERATION, "templateGeneration", _number)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


RESOURCE = old_version.of(
    DAEMON_SETS,
    "extensions",
    "v1beta1",
    default=default,
    fields_to_stored=to_stored,
    fields_from_stored=from_stored,
    free_selector=True,
)
