"""core/v1 ServiceAccount (pkg/registry/core/serviceaccount, printServiceAccount in pkg/printers)."""

from collections.abc import Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, table
from seatrial.machinery.table import Column


class ServiceAccount(TypedDict, total=False):
    """Who a Pod is when it talks to the API."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    secrets: list[JSON]
    imagePullSecrets: list[JSON]
    automountServiceAccountToken: bool


COLUMNS = (
    table.NAME,
    Column(
        "Secrets",
        description=(
            "Secrets is a list of the secrets in the same namespace that pods running using this ServiceAccount are "
            "allowed to use. Pods are only limited to this list if this service account has a "
            '"kubernetes.io/enforce-mountable-secrets" annotation set to "true". The '
            '"kubernetes.io/enforce-mountable-secrets" annotation is deprecated since v1.32. Prefer separate '
            "namespaces to isolate access to mounted secrets. This field should not be used to find auto-generated "
            "service account token secrets for use outside of pods. Instead, tokens can be requested directly using "
            "the TokenRequest API, or service account token secrets can be manually created. More info: "
            "https://kubernetes.io/docs/concepts/configuration/secret"
        ),
    ),
    table.AGE,
)


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get serviceaccounts`."""
    return objects.name(obj), len(obj.get("secrets") or ()), table.created_age(obj, now)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    singular="serviceaccount",
    short_names=("sa",),
    returns_deleted=True,
    columns=COLUMNS,
    row=row,
)
