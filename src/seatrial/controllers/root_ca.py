"""Keeps a ConfigMap `kube-root-ca.crt` with the cluster's CA in every namespace that is not being deleted.

Mirrors pkg/controller/certificates/rootcacertpublisher/publisher.go. The CA is the cluster's own, so the controller is
made for it, by `controller(ca)`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.api.registry import CONFIG_MAPS, NAMESPACES
from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Create, Decision, Update

NAME = "kube-root-ca.crt"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


@dataclass(frozen=True)
class View:
    """A namespace, its ConfigMap, and the CA in PEM."""

    namespace: JSON
    config_map: JSON | None
    ca: str


def decide(view: View, now: float) -> Decision:
    if objects.get(view.namespace, "status", "phase") == "Terminating":
        return NOTHING
    data = {"ca.crt": view.ca}
    if view.config_map is None:
        meta = {
            "name": NAME,
            "namespace": objects.name(view.namespace),
            "annotations": {"kubernetes.io/description": DESCRIPTION},
        }
        wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        return Decision((Create(CONFIG_MAPS, wanted, because="every namespace has one"),))
    if view.config_map.get("data") == data:
        return NOTHING
    return Decision((Update(CONFIG_MAPS, {**view.config_map, "data": data}, because="it is not the cluster's CA"),))


def _namespace_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _config_map_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    obj = new if new is not None else old
    return (("", objects.namespace(obj)),) if obj is not None and objects.name(obj) == NAME else ()


def controller(ca: str) -> Controller[View]:
    """The control loop that publishes this CA (PEM)."""

    async def gather(key: Key, cache: CacheReader) -> View | None:
        namespace = cache.get(NAMESPACES, key)
        return View(namespace, cache.get(CONFIG_MAPS, (key[1], NAME)), ca) if namespace is not None else None

    return Controller(
        name="root_ca",
        primary=NAMESPACES,
        watches=(Watch(NAMESPACES, _namespace_keys), Watch(CONFIG_MAPS, _config_map_keys)),
        gather=gather,
        decide=decide,
        event_source="root-ca-certificate-publisher",
        workers=1,
    )
