"""Keeps a ServiceAccount `default` in every namespace that is not being deleted.

Mirrors pkg/controller/serviceaccount/serviceaccounts_controller.go.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.api.registry import NAMESPACES, SERVICE_ACCOUNTS
from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Create, Decision

NAME = "default"


@dataclass(frozen=True)
class View:
    """A namespace and its ServiceAccount."""

    namespace: JSON
    service_account: JSON | None


async def gather(key: Key, cache: CacheReader) -> View | None:
    namespace = cache.get(NAMESPACES, key)
    return View(namespace, cache.get(SERVICE_ACCOUNTS, (key[1], NAME))) if namespace is not None else None


def decide(view: View, now: float) -> Decision:
    if view.service_account is not None or objects.get(view.namespace, "status", "phase") == "Terminating":
        return NOTHING
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": objects.name(view.namespace)},
    }
    return Decision((Create(SERVICE_ACCOUNTS, account, because="every namespace has one"),))


def _namespace_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _account_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return (("", objects.namespace(old)),) if new is None and old is not None and objects.name(old) == NAME else ()


CONTROLLER = Controller(
    name="service_account",
    primary=NAMESPACES,
    watches=(Watch(NAMESPACES, _namespace_keys), Watch(SERVICE_ACCOUNTS, _account_keys)),
    gather=gather,
    decide=decide,
    event_source="serviceaccount-controller",
    workers=1,
)
