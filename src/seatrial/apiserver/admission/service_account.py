"""ServiceAccount: a Pod that names no service account runs as `default` of its namespace.

Follows plugin/pkg/admission/serviceaccount/admission.go. `admit` only fills the name in; `admit_existing` also insists
that the account is there, and gives the controller that makes `default` a moment, as upstream does; a Pod without pull
secrets gets the account's.
# differs: no kube-api-access token volume is mounted.
"""

import asyncio

from seatrial.api.registry import SERVICE_ACCOUNTS
from seatrial.apiserver.admission.base import Attributes
from seatrial.base.types import JSON

DEFAULT = "default"
ATTEMPTS = 50
PAUSE_SECONDS = 0.03


async def admit(attributes: Attributes) -> None:
    """Fill in the name of a new Pod's account."""
    if not attributes.is_new_pod:
        return
    spec = attributes.obj["spec"]
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
    spec["serviceAccountName"] = account
    spec["serviceAccount"] = account


async def admit_existing(attributes: Attributes) -> None:
    """As `admit`; raises 403 when there is no such account."""
    if not attributes.is_new_pod:
        return
    await admit(attributes)
    spec = attributes.obj["spec"]
    account = spec["serviceAccountName"]
    found = await _find(attributes, account)
    if found is None:
        where = f"{attributes.namespace}/{account}"
        raise attributes.forbidden(f'error looking up service account {where}: serviceaccount "{account}" not found')
    if found.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(secret) for secret in found["imagePullSecrets"]]


async def _find(attributes: Attributes, account: str) -> JSON | None:
    for attempt in range(ATTEMPTS if account == DEFAULT else 1):
        if attempt:
            await asyncio.sleep(PAUSE_SECONDS)
        found = await attributes.lookup(SERVICE_ACCOUNTS, attributes.namespace, account)
        if found is not None:
            return found
    return None
