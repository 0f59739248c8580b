"""The changes that can be rehearsed. Each is a value that is made before the rehearsal, and performed in it once.

`perform` writes through the client, as a person would with kubectl, and returns the workloads whose update it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.api import registry
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.machinery import objects
from seatrial.rehearse import applying
from seatrial.rehearse.target import KINDS, Target


class Change(Protocol):
    """One change. `told`: what it is, for people, as in "apply new.yaml"."""

    @property
    def told(self) -> str: ...

    async def perform(self, client: Client, namespace: str) -> list[Target]:
        """Raises StatusError when the API server refuses it, ToolError when it makes no sense."""
        ...


@dataclass(frozen=True)
class Apply:
    """`kubectl apply -f`: three-way with what was applied last, in order."""

    manifests: Sequence[JSON]
    told: str = "apply"

    async def perform(self, client: Client, namespace: str) -> list[Target]:
        targets = []
        for manifest in self.manifests:
            stored = await applying.apply(client, manifest, namespace)
            resource = registry.for_object(stored)
            if resource in KINDS:
                targets.append(Target(resource, objects.namespace(stored), objects.name(stored)))
        return targets
