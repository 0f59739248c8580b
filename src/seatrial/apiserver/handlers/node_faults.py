"""POST /seatrial/v1/nodes/NAME/{crash,partition,pause,heal}: faults on demand, for tests, demos and the curious.

Why here: whoever may administer the cluster may break its nodes, so the faults want the API's own listener,
certificate and token, and the kubeconfig is all that a client needs. Why not an object or an annotation: a node that is
cut off must not hear of it through the API, a fault is no wish that a controller reconciles, and nothing of it may stay
in the store. The path is our own, so that no Kubernetes client meets it. The answer is a Status whose message is the
node's condition.
"""

from seatrial.apiserver.handlers.call import Call, Made
from seatrial.apiserver.node_access import InflictFault
from seatrial.machinery import status

PREFIX = "/seatrial/v1/nodes/"


async def answer(inflict: InflictFault, call: Call) -> Made | None:
    """None if the path is another's. Raises NotFound, Conflict, BadRequest, MethodNotAllowed."""
    name, _, fault = call.path.removeprefix(PREFIX).partition("/")
    if not call.path.startswith(PREFIX) or not fault:
        return None
    if call.method != "POST":
        raise status.method_not_allowed()
    return Made(200, {**status.success(code=200), "message": await inflict(name, fault)})
