"""Which workloads a word means: deployment/web, sts/db, ds/agent, rc/old, or service/api for all behind it."""

from collections.abc import Iterable, Sequence

from seatrial.api import registry
from seatrial.api.registry import REPLICA_SETS, SERVICES
from seatrial.api.resource import Resource
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Reader
from seatrial.machinery import objects, selectors
from seatrial.rehearse.target import KINDS, Target

MOST_NAMES = 10
"""How many names a message lists."""


class NotThere(ToolError):
    """There is nothing of this name (`name` "": nothing at all) among these kinds."""

    def __init__(self, message: str, resources: Sequence[Resource], name: str = "") -> None:
        super().__init__(message)
        self.resources, self.name = resources, name

    def explained(self, told: Iterable[str]) -> ToolError:
        """With what was told of such objects when the beginning was read: they may be there, and were left out."""
        heads = tuple(
            head
            for each in self.resources
            for head in (f"left out: {each.kind} {self.name}".rstrip(), f"{each.plural} may not be read")
        )
        return ToolError("; ".join([str(self), *(line for line in told if line.startswith(heads))]))


async def workloads(reader: Reader, word: str, namespace: str) -> list[Target]:
    """The workloads; several for a Service; "" is the only one there is. Raises ToolError when there is none."""
    word = word or await only(reader, namespace)
    kind, slash, name = word.partition("/")
    resource = registry.for_word(kind)
    if not slash or not name:
        raise ToolError(f"name a workload, as in deployment/web; got {word!r}")
    if resource is SERVICES:
        return await _behind(reader, name, namespace)
    if resource is None or resource not in KINDS:
        raise ToolError(f"{kind} is no kind that can be rolled: a deployment, statefulset, daemonset, rc or service is")
    await named(reader, resource, name, namespace)
    return [Target(resource, namespace, name)]


async def named(reader: Reader, resource: Resource, name: str, namespace: str = "") -> JSON:
    """The object of this name. Raises ToolError that says which there are, if it is not there."""
    try:
        return await reader.get(resource, name, namespace)
    except StatusError as error:
        if error.code != 404:
            raise
    there = [objects.name(each) for each in (await reader.list(resource, namespace))["items"]]
    where = f" in namespace {namespace}" if namespace else ""
    listed = f"; there are {_first(there)}" if there else ""
    raise NotThere(f"there is no {resource.singular}/{name}{where}{listed}", [resource], name)


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more}"


async def _behind(reader: Reader, name: str, namespace: str) -> list[Target]:
    service = await named(reader, SERVICES, name, namespace)
    selector = service["spec"].get("selector")
    if not selector:
        raise ToolError(f"service/{name} selects no Pods by itself: name the workload")
    found = []
    for resource in KINDS:
        for obj in (await reader.list(resource, namespace))["items"]:
            labels = objects.get(obj, "spec", "template", "metadata", "labels", default={})
            if objects.controller_of(obj) is None and selectors.from_map(selector).matches(labels):
                found.append(Target(resource, namespace, objects.name(obj)))
    if not found:
        raise NotThere(f"there is no workload behind service/{name}", KINDS)
    return found


async def owners(reader: Reader, pods: Sequence[JSON]) -> list[Target]:
    """The workloads that these Pods belong to, each once, in the order of the Pods."""
    found: dict[Target, None] = {}
    for namespace, kind, name in dict.fromkeys(_references(pods)):
        if kind == "ReplicaSet":
            owner = objects.controller_of(await reader.get(REPLICA_SETS, name, namespace))
            if owner is not None:
                kind, name = str(owner["kind"]), str(owner["name"])
        resource = next((each for each in KINDS if each.kind == kind), None)
        if resource is not None:
            found[Target(resource, namespace, name)] = None
    return list(found)


def _references(pods: Iterable[JSON]) -> Iterable[tuple[str, str, str]]:
    for pod in pods:
        owner = objects.controller_of(pod)
        if owner is not None:
            yield objects.namespace(pod), str(owner["kind"]), str(owner["name"])


async def only(reader: Reader, namespace: str) -> str:
    """The one workload of a namespace, for commands that name none. Raises ToolError when there are more, or none."""
    found = []
    for resource in KINDS:
        for obj in (await reader.list(resource, namespace))["items"]:
            if objects.controller_of(obj) is None:
                found.append(f"{resource.singular}/{objects.name(obj)}")
    if not found:
        raise NotThere(f"there is no workload in namespace {namespace} (another is chosen with -n)", KINDS)
    if len(found) > 1:
        raise ToolError(f"name the workload: there are {_first(found)} in namespace {namespace}")
    return found[0]
