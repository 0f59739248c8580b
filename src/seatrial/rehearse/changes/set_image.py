"""The change that sets images, as `kubectl set image` does; ReplicationControllers are rolled to theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.api.registry import REPLICATION_CONTROLLERS
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.rehearse.changes.change import Stage
from seatrial.rehearse.changes.roll import Roll
from seatrial.rehearse.target import Target

_CONTAINERS = ("containers", "initContainers")


@dataclass(frozen=True)
class SetImage:
    """`kubectl set image`: (container, image) pairs, `*` for all containers, "" for the only one."""

    workload: str
    images: Sequence[tuple[str, str]]

    @property
    def told(self) -> str:
        pairs = (f"{name}={image}" if name else image for name, image in self.images)
        return " ".join(word for word in ("set image", self.workload, *pairs) if word)

    async def perform(self, stage: Stage) -> None:
        found = await stage.workloads(self.workload)
        specs = [await self._pod_spec(stage.client, one) for one in found]
        self._check(specs)
        for one, spec in zip(found, specs, strict=True):
            if one.resource is REPLICATION_CONTROLLERS:
                await self._roll(one).perform(stage)
                continue
            patch = {group: self._chosen(spec, group) for group in _CONTAINERS}
            template = {"spec": {group: each for group, each in patch.items() if each}}
            await stage.client.patch(one.resource, one.name, one.namespace, {"spec": {"template": template}})

    async def _pod_spec(self, client: Client, one: Target) -> JSON:
        obj = await client.get(one.resource, one.name, one.namespace)
        spec: JSON = obj["spec"]["template"]["spec"]
        return spec

    def _check(self, specs: Sequence[JSON]) -> None:
        """Raises ToolError for a container that none of the workloads has, as kubectl does; and for an unclear one."""
        known = {"*", *(name for spec in specs for group in _CONTAINERS for name in _names(spec, group))}
        for name, image in self.images:
            if name and name not in known:
                raise ToolError(f'unable to find container named "{name}"')
            if not name and any(len(_names(spec, "containers")) != 1 for spec in specs):
                raise ToolError(f"name the container, as in CONTAINER={image}: there are several")

    def _chosen(self, spec: JSON, group: str) -> list[JSON]:
        names = _names(spec, group)
        chosen: dict[str, str] = {}
        for wanted, image in self.images:
            everyone = wanted == "*" or (not wanted and group == "containers")
            chosen |= {name: image for name in names if everyone or name == wanted}
        return [{"name": name, "image": image} for name, image in chosen.items()]

    def _roll(self, one: Target) -> Roll:
        if len(self.images) > 1:
            raise ToolError(f"{one.shown} is rolled to one image at a time; got {len(self.images)}")
        container, image = self.images[0]
        return Roll(one.name, image, container.strip("*"))


def _names(spec: JSON, group: str) -> list[str]:
    return [str(each["name"]) for each in spec.get(group) or ()]
