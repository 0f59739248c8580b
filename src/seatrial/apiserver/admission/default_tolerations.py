"""DefaultTolerationSeconds: Pods stay five minutes on a node that is not ready or can't be reached.

Follows plugin/pkg/admission/defaulttolerationseconds/admission.go.
"""

from seatrial.apiserver.admission.base import Attributes
from seatrial.base.types import JSON

SECONDS = 300
KEYS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


async def admit(attributes: Attributes) -> None:
    """Add what a Pod does not say itself of these two taints."""
    if not attributes.concerns_pods or attributes.operation == "DELETE":
        return
    spec = attributes.obj["spec"]
    present: list[JSON] = spec.get("tolerations") or []
    missing = [key for key in KEYS if not any(_covers(toleration, key) for toleration in present)]
    if missing:
        spec["tolerations"] = [*present, *(_toleration(key) for key in missing)]


def _covers(toleration: JSON, key: str) -> bool:
    return (toleration.get("key") or key) == key and (toleration.get("effect") or "NoExecute") == "NoExecute"


def _toleration(key: str) -> JSON:
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
