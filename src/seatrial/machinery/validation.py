"""Field errors as k8s.io/apimachinery/pkg/util/validation/field words them (spec: api.md §4)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One cause of an Invalid status.

    `type` is the cause type (FieldValueRequired, FieldValueInvalid, …), `field` the path such as
    `spec.template.spec.containers[0].image`, `body` the message without the field.
    """

    type: str
    field: str
    body: str

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"
