"""Before a Service is rolled: which workloads stand behind it, and what is to become of each.

With a file, its workloads are what is rolled: what they would become is what a server-side apply (a dry run)
answers. Everything else in the file is applied first, as new Pods may need it; the workloads are applied for good when
the roll is done, so that their fields have the owner that they have after `seatrial`'s apply.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.api.registry import SERVICES
from seatrial.base.env import Env
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.client.persisting import persist
from seatrial.machinery import objects
from seatrial.rollout import applying
from seatrial.rollout.service import change, levers, members, record
from seatrial.rollout.service.change import Image, Target
from seatrial.rollout.service.events import Event
from seatrial.rollout.service.plan import Options
from seatrial.rollout.workload import Workload
from seatrial.workloads import service_endpoints

FIRST_READ_SECONDS = 10.0


@dataclass(frozen=True)
class Prepared:
    """`before`: what of a file is applied first; `afterwards`: its workloads, applied when all is rolled."""

    service: JSON
    found: Sequence[tuple[Workload, JSON]]
    targets: Sequence[Target]
    before: Sequence[JSON] = ()
    afterwards: Sequence[JSON] = ()


async def by_images(client: Client, env: Env, name: str, namespace: str, images: Sequence[Image]) -> Prepared:
    """Raises StatusError or ToolError for what can't be."""
    service = await _service(client, env, name, namespace)
    found = await members.find(client, env, service)
    return Prepared(service, found, change.by_images(found, images))


async def by_manifests(client: Client, env: Env, name: str, namespace: str, manifests: Sequence[JSON]) -> Prepared:
    """Raises StatusError or ToolError for what can't be: nothing has been changed then."""
    service = await _service(client, env, name, namespace)
    found = await members.find(client, env, service)
    by_key = {(workload.resource.kind, workload.name): (workload, obj) for workload, obj in found}
    mine = [each for each in manifests if (each["kind"], objects.name(each)) in by_key]
    others = [each for each in manifests if (each["kind"], objects.name(each)) not in by_key]
    _check(service, mine, others)
    chosen = [by_key[each["kind"], objects.name(each)] for each in mine]
    results = await persist(env, lambda: applying.apply(client, mine, namespace, dry_run=True), FIRST_READ_SECONDS)
    targets = [change.by_result(workload, obj, result) for (workload, obj), result in zip(chosen, results, strict=True)]
    for target in targets:
        if not service_endpoints.selects(service, objects.labels(target.template)):
            raise ToolError(
                f"{target.workload.shown}: with this file its Pods would no longer be behind service/{name}"
            )
    return Prepared(service, chosen, targets, others, mine)


def _check(service: JSON, mine: Sequence[JSON], others: Sequence[JSON]) -> None:
    kinds = {resource.kind for resource in members.KINDS}
    for each in others:
        if each["kind"] in kinds:
            shown = f"{each['kind'].lower()}/{objects.name(each)}"
            raise ToolError(f"{shown} does not stand behind service/{objects.name(service)}: apply it by itself")
        if (each["kind"], objects.name(each)) == ("Service", objects.name(service)) and _selects_otherwise(
            each, service
        ):
            raise ToolError(f"the file changes the selector of service/{objects.name(service)}: apply that by itself")
    if not mine:
        raise ToolError(f"the file holds none of the workloads behind service/{objects.name(service)}")
    if any(each["kind"] == "ReplicationController" for each in mine):
        raise ToolError('ReplicationControllers are rolled with --image, or by "seatrial rolling-update -f"')


def _selects_otherwise(manifest: JSON, service: JSON) -> bool:
    selector = objects.get(manifest, "spec", "selector")
    return selector is not None and selector != service["spec"].get("selector")


async def _service(client: Client, env: Env, name: str, namespace: str) -> JSON:
    return await persist(env, lambda: client.get(SERVICES, name, namespace), FIRST_READ_SECONDS)


def refusal(prepared: Prepared, options: Options) -> str:
    """Why this can't be rolled so; "" when it can. A roll that has begun already is not asked again."""
    for (workload, obj), target in zip(prepared.found, prepared.targets, strict=True):
        if record.of(obj) is not None or not change.differences(target, obj):
            continue
        canary, kind = bool(options.canary), workload.resource.kind
        why = levers.refusal(obj, kind, canary=canary, max_unavailable=options.max_unavailable)
        if not why and kind == "ReplicationController":
            why = _too_much(target, obj)
        if why:
            return f"{workload.shown} {why}"
    return ""


def _too_much(target: Target, obj: JSON) -> str:
    current = {each["name"]: each["image"] for each in obj["spec"]["template"]["spec"]["containers"]}
    changed = [each for each in target.template["spec"]["containers"] if current.get(each["name"]) != each["image"]]
    return f"is a ReplicationController: one image at a time can change, not {len(changed)}" if len(changed) > 1 else ""


def events(prepared: Prepared) -> list[Event]:
    """Which workloads stand behind the Service, and what becomes of each."""
    told = []
    for (workload, obj), target in zip(prepared.found, prepared.targets, strict=True):
        changes = change.differences(target, obj)
        unfinished = record.of(obj)
        more = f" (a roll begun before is {unfinished.stage} there)" if unfinished else ""
        text = f"{workload.shown}: {', '.join(changes) or 'stays as it is'}{more}"
        told.append(Event("found", text, {"workload": workload.shown, "changes": changes}))
    return told
