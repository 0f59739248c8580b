"""pods/exec and pods/attach: which container, which streams (pkg/registry/core/pod/strategy.go ExecLocation)."""

from functools import partial

from seatrial.apiserver.handlers.call import Answer, Call, Executing
from seatrial.apiserver.handlers.pod_log import choose_container
from seatrial.apiserver.node_access import ExecOptions, FindNode
from seatrial.base.types import JSON
from seatrial.machinery import status


async def prepare(find_node: FindNode, call: Call, pod: JSON, subresource: str) -> Answer:
    """Check all that can be refused, and say how to begin."""
    options = _options(call, choose_container(pod, call.query.get("container", "")))
    if subresource == "exec" and not options.command:
        raise status.bad_request("you must specify at least one command for the container")
    if not (options.stdin or options.stdout or options.stderr):
        raise status.bad_request("you must specify at least 1 of stdin, stdout, stderr")
    _require_running(pod, subresource)
    node_name = pod["spec"].get("nodeName") or ""
    if not node_name:
        raise status.bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    node = find_node(node_name)
    if node is None:
        raise status.service_unavailable(f"node {node_name} has no agent that answers")
    begin = node.exec if subresource == "exec" else node.attach
    return Executing(partial(begin, pod, options), options)


def _options(call: Call, container: str) -> ExecOptions:
    return ExecOptions(
        container,
        command=tuple(call.lists.get("command") or ()),
        stdin=call.flag("stdin"),
        stdout=call.flag("stdout"),
        stderr=call.flag("stderr") and not call.flag("tty"),
        tty=call.flag("tty"),
    )


def _require_running(pod: JSON, subresource: str) -> None:
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        verb = "exec into" if subresource == "exec" else "attach to"
        raise status.bad_request(f"cannot {verb} a container in a completed pod; current phase is {phase}")
