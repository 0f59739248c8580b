"""Which objects of a kind a list, a watch or a deletion of many is about: labels and fields."""

from dataclasses import dataclass
from functools import lru_cache

from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors
from seatrial.machinery.selectors import ALL_FIELDS, EVERYTHING, FieldSelector, Selector
from seatrial.store.base import Where

ROUTED_FIELDS = ("spec.nodeName", "metadata.name", "involvedObject.uid", "involvedObject.name")
"""Fields whose selectable value is, in every kind that has them, the plain string at this path: a watch that pins one
is told only of objects with that value, so that a change of a Pod costs nothing to the nodes it is not on."""


@dataclass(frozen=True)
class Selection:
    """Everything that both selectors match."""

    labels: Selector = EVERYTHING
    fields: FieldSelector = ALL_FIELDS

    @property
    def everything(self) -> bool:
        return self.labels.empty and self.fields.empty

    def check(self, resource: Resource) -> None:
        """Raise 400 for a field that objects of this kind can't be selected by."""
        if not self.fields.empty:
            self.fields.require_known(_known_fields(resource).__contains__)

    def matches(self, resource: Resource, obj: JSON) -> bool:
        if not self.labels.empty and not self.labels.matches(objects.labels(obj)):
            return False
        return self.fields.empty or self.fields.matches(selectors.field_values(obj, resource.selectable_fields(obj)))

    @property
    def name(self) -> str:
        """The only name that can match ("" if any can)."""
        return self.fields.exact("metadata.name") or ""

    @property
    def where(self) -> Where | None:
        """What the store may narrow a watch to."""
        for field in ROUTED_FIELDS:
            value = self.fields.exact(field)
            if value is not None:
                return Where(tuple(field.split(".")), value)
        return None


ALL = Selection()


def parse(label_selector: str = "", field_selector: str = "") -> Selection:
    """From the query parameters; raises 400 with Kubernetes' texts."""
    if not label_selector and not field_selector:
        return ALL
    return Selection(selectors.parse(label_selector), selectors.parse_fields(field_selector))


@lru_cache(maxsize=256)
def _known_fields(resource: Resource) -> frozenset[str]:
    return frozenset(selectors.field_values({}, resource.selectable_fields({"metadata": {}})))
