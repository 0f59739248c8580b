"""The kinds that roll, as commands name them: deployment/web, sts/db, ds/agent (kubectl's resource builder).

Only Deployments, StatefulSets and DaemonSets of apps/v1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.api.registry import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Reader
from seatrial.machinery.gvk import ResourceRef

_NAMES: dict[str, ResourceRef] = {
    **dict.fromkeys(("deployment", "deployments", "deploy"), DEPLOYMENTS),
    **dict.fromkeys(("statefulset", "statefulsets", "sts"), STATEFUL_SETS),
    **dict.fromkeys(("daemonset", "daemonsets", "ds"), DAEMON_SETS),
}


@dataclass(frozen=True)
class Workload:
    """One workload by name."""

    resource: ResourceRef
    name: str
    namespace: str

    @property
    def shown(self) -> str:
        """`deployment.apps/web`, `replicationcontroller/web`."""
        return f"{self.resource.kind.lower()}{self._group}/{self.name}"

    @property
    def quoted(self) -> str:
        """`deployments.apps "web"`."""
        return f'{self.resource.plural}{self._group} "{self.name}"'

    @property
    def _group(self) -> str:
        return f".{self.resource.group}" if self.resource.group else ""

    async def get(self, reader: Reader) -> JSON:
        """The object. Raises StatusError when there is none."""
        return await reader.get(self.resource, self.name, self.namespace)


def parse(words: Sequence[str], namespace: str) -> Workload:
    """`KIND/NAME` or `KIND NAME`. Raises ToolError as kubectl does."""
    if not words:
        raise ToolError("required resource not specified")
    kind, slash, name = words[0].partition("/")
    if not slash and len(words) == 2:
        name = words[1]
    if not name or "/" in name or len(words) > (1 if slash else 2):
        raise ToolError("name one workload, as in deployment/web")
    kind = kind.lower()
    resource = _NAMES.get(kind.removesuffix(".apps") if kind.endswith(".apps") else kind.removesuffix(".v1.apps"))
    if resource is None:
        raise ToolError(f'the server doesn\'t have a rollout for "{kind}": a deployment, statefulset or daemonset has')
    return Workload(resource, name, namespace)
