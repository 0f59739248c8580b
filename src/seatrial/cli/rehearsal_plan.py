"""What the options of `seatrial rehearse` ask for: where it starts, what changes, and what goes wrong meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.base.env import SystemEnv
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.cli import manifest_files, target
from seatrial.client import kubeconfig
from seatrial.client.base import Client
from seatrial.cluster.config import DEFAULT_RELEASE
from seatrial.machinery import objects
from seatrial.rehearse import faults
from seatrial.rehearse.behaviour import behaviour_file
from seatrial.rehearse.behaviour.profiles import Profiles
from seatrial.rehearse.changes.change import Apply, Change, Concern, DeletePod, Drain, Restart, Scale, Undo
from seatrial.rehearse.changes.roll import Roll
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.rehearsal import Plan
from seatrial.rehearse.snapshots import dump, live, nodes, snapshot
from seatrial.rehearse.snapshots.snapshot import Snapshot

Given = Mapping[str, Any]
"""The options by the names that they have in commands/rehearse.py."""


def of(given: Given) -> Plan:
    """Reads the files that are named, or the live cluster. Raises ToolError for what makes no sense together."""
    beginning, namespace = _beginning(given)
    return Plan(
        beginning,
        _changes(given, namespace),
        namespace,
        profiles=behaviour_file.read(given["behaviour"]) if given["behaviour"] else Profiles(),
        faults=[faults.parse(text) for text in given["faults"]],
        horizon=given["horizon"],
        release=given["release"] or DEFAULT_RELEASE,
        seed=given["seed"],
    )


def _beginning(given: Given) -> tuple[Snapshot, str]:
    """The snapshot, and the namespace of what names none."""
    sources = [bool(given["dumps"]), bool(given["old"]), bool(given["context"] or given["kubeconfig"])]
    if sum(sources) > 1:
        raise ToolError("start from one thing: --from, --old, or a cluster (--context, --kubeconfig)")
    if given["dumps"]:
        return dump.read(given["dumps"], given["nodes"]), given["namespace"] or "default"
    if given["old"]:
        namespace = given["namespace"] or "default"
        return snapshot.of_manifests(manifest_files.read(given["old"]), given["nodes"], namespace), namespace
    return _live(given)


def _live(given: Given) -> tuple[Snapshot, str]:
    if given["nodes"] and not given["context"] and not given["kubeconfig"]:
        return snapshot.empty(given["nodes"]), given["namespace"] or "default"
    if not given["context"] and not given["kubeconfig"]:
        _check_configured()

    async def read(client: Client, namespace: str) -> tuple[Snapshot, str]:
        return await live.read(client, SystemEnv(), given["nodes"], namespace), namespace

    try:
        return target.run(read, given["kubeconfig"], given["context"], given["namespace"], "seatrial-rehearse")
    except ConnectionError as error:
        raise ToolError(str(error)) from None


def _check_configured() -> None:
    try:
        kubeconfig.load()
    except ToolError as error:
        raise ToolError(
            f"{error}; or start without one: from a dump (--from), from manifests (--old), or from nothing, on nodes "
            f"as in --nodes {nodes.DEFAULT_NODES}"
        ) from None


def _changes(given: Given, namespace: str) -> list[Change]:
    applied, own = list(_from_files(given, namespace)), list(_to_workload(given))
    around: list[Change] = [Drain(node, given["force"], given["delete_emptydir_data"]) for node in given["drains"]]
    around += [DeletePod(pod) for pod in given["deleted"]]
    if not (applied or own or around):
        about = f"{given['workload']}: " if given["workload"] else ""
        raise ToolError(
            f"{about}say what changes: -f FILE, --image, --restart, --undo, --scale, --drain or --delete-pod"
        )
    if given["workload"] and not own:
        own = [Concern(given["workload"])]
    return [*applied, *own, *around]


def _from_files(given: Given, namespace: str) -> Iterator[Change]:
    files, old = given["new"], given["old_rc"]
    if old:
        found = manifest_files.read(files)
        if len(found) != 1:
            raise ToolError(
                f"--rolling-update {old} takes one new ReplicationController from -f; got {len(found)} objects"
            )
        yield Roll(old, manifest=found[0])
    elif files:
        found = manifest_files.read(files)
        if not found:
            raise ToolError(f"there are no objects in {', '.join(files)}")
        _check_namespaces(found, given["namespace"])
        yield Apply(snapshot.placed(found, namespace), f"apply {', '.join(files)}")


def _check_namespaces(manifests: Sequence[JSON], wanted: str) -> None:
    """kubectl applies nothing into another namespace than the one that it is told, either."""
    for each in manifests:
        if wanted and objects.namespace(each) not in ("", wanted):
            named = f"{each['kind']} {objects.name(each)}"
            raise ToolError(f"{named} is for namespace {objects.namespace(each)}, and -n says {wanted}")


def _to_workload(given: Given) -> Iterator[Change]:
    word: str = given["workload"]
    if given["images"]:
        yield SetImage(word, [_image(text) for text in given["images"]])
    if given["restart"]:
        yield Restart(word)
    if given["undo"] is not None:
        yield Undo(word, given["undo"])
    if given["scale"] is not None:
        yield Scale(word, given["scale"])


def _image(text: str) -> tuple[str, str]:
    """(container, image); the container is "" where only an image is given."""
    container, equals, image = text.partition("=")
    found = (container, image) if equals else ("", text)
    if not found[1]:
        raise ToolError(f"--image takes CONTAINER=IMAGE, or an image alone; got {text!r}")
    return found
