"""NamespaceLifecycle: nothing is created in a namespace that isn't there or is on its way out; some can't be deleted.

Follows k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go.
"""

from seatrial.api.registry import NAMESPACES
from seatrial.apiserver.admission.base import Attributes
from seatrial.machinery import objects, status

IMMORTAL = ("default", "kube-system", "kube-public")


async def admit(attributes: Attributes) -> None:
    """Raises StatusError: 404 without the namespace, 403 when it is being deleted, or may not be."""
    if attributes.operation == "DELETE":
        _admit_delete(attributes)
    elif attributes.operation == "CREATE" and attributes.resource.namespaced:
        await _admit_create(attributes)


def _admit_delete(attributes: Attributes) -> None:
    if attributes.resource is NAMESPACES and objects.name(attributes.obj) in IMMORTAL:
        raise attributes.forbidden("this namespace may not be deleted")


async def _admit_create(attributes: Attributes) -> None:
    name = attributes.namespace
    namespace = await attributes.lookup(NAMESPACES, "", name)
    if namespace is None:
        raise status.not_found(NAMESPACES, name)
    if (namespace.get("status") or {}).get("phase") != "Terminating":
        return
    cause = status.cause("NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace")
    why = f"unable to create new content in namespace {name} because it is being terminated"
    raise attributes.forbidden(why, (cause,))
