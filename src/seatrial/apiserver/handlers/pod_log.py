"""GET pods/log: which container is meant, and the options (pkg/registry/core/pod/strategy.go LogLocation)."""

from collections.abc import AsyncIterator

from seatrial.apiserver.handlers.call import Answer, Call, Streaming
from seatrial.apiserver.node_access import FindNode, LogOptions
from seatrial.base.env import Env
from seatrial.base.types import JSON
from seatrial.machinery import status, times, validation
from seatrial.machinery.validation import FieldError

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


async def read(find_node: FindNode, env: Env, call: Call, pod: JSON) -> Answer:
    """The log as far as the query asks for it."""
    options = _options(call, env, choose_container(pod, call.query.get("container", "")))
    node = find_node(pod["spec"].get("nodeName") or "")
    if node is None:
        # The kubelet can't be asked as long as the Pod is bound to none: upstream answers with an empty log.
        return Streaming("text/plain", _nothing())
    chunks = node.logs(pod, options)
    return Streaming("text/plain", await _begun(chunks))


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks, after the first has come: until then a refusal can still become the answer's status."""
    try:
        first = await anext(chunks)
    except StopAsyncIteration:
        return _nothing()
    return _resumed(first, chunks)


async def _resumed(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in chunks:
        yield chunk


def choose_container(pod: JSON, asked: str) -> str:
    """The container meant; BadRequest when that isn't clear, or there is none of that name."""
    spec = pod["spec"]
    name = pod["metadata"]["name"]
    containers = [container["name"] for container in spec["containers"]]
    others = [
        container["name"] for field in ("initContainers", "ephemeralContainers") for container in spec.get(field) or ()
    ]
    if asked:
        if asked not in containers and asked not in others:
            raise status.bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(containers) == 1:
        return str(containers[0])
    preferred = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    if preferred in containers:
        return str(preferred)
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(containers)}]"
    init = [container["name"] for container in spec.get("initContainers") or ()]
    if init:
        text += f" or one of the init containers: [{' '.join(init)}]"
    raise status.bad_request(text)


def _options(call: Call, env: Env, container: str) -> LogOptions:
    since_seconds, tail, limit = (call.integer(name) for name in ("sinceSeconds", "tailLines", "limitBytes"))
    since_time = call.query.get("sinceTime", "")
    errors: list[FieldError] = []
    if tail is not None and tail < 0:
        errors.append(validation.invalid("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        errors.append(validation.invalid("limitBytes", limit, "must be greater than 0"))
    if since_seconds is not None and since_time:
        errors.append(validation.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif since_seconds is not None and since_seconds < 1:
        errors.append(validation.invalid("sinceSeconds", since_seconds, "must be greater than 0"))
    if errors:
        raise status.invalid_kind("", "PodLogOptions", call.path.split("/")[-2], errors)
    return LogOptions(
        container,
        follow=call.flag("follow"),
        previous=call.flag("previous"),
        since=_since(env, since_seconds, since_time),
        timestamps=call.flag("timestamps"),
        tail_lines=tail,
        limit_bytes=limit,
    )


def _since(env: Env, seconds: int | None, moment: str) -> float | None:
    if seconds is not None:
        return env.now() - seconds
    if not moment:
        return None
    try:
        return times.parse_time(moment)
    except ValueError:
        raise status.bad_request(f'parsing time "{moment}": it is not RFC 3339') from None
