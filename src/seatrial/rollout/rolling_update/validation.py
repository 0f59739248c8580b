"""What is wrong with a request for a rolling update, in kubectl's words. Pure.

Follows pkg/kubectl/cmd/rollingupdate.go (1.5): the first failing check speaks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects


class UsageError(ToolError):
    """The command was used wrongly; whoever prints it adds where to find help."""


@dataclass(frozen=True)
class Request:
    """The arguments. `new` is the second one, `filename` how messages name the new controller's file."""

    names: Sequence[str]
    filenames: Sequence[str] = ()
    image: str = ""
    container: str = ""
    image_pull_policy: str = ""
    deployment_label_key: str = "deployment"
    rollback: bool = False
    dry_run: bool = False

    @property
    def old(self) -> str:
        return self.names[0]

    @property
    def new(self) -> str:
        return self.names[1] if len(self.names) > 1 else ""

    @property
    def filename(self) -> str:
        return self.filenames[0] if self.filenames else ""

    @property
    def keeps_name(self) -> bool:
        """Whether the new controller gets the old one's name in the end."""
        return len(self.names) == 1 and not self.filenames and not self.rollback


def check_request(request: Request) -> None:
    """Raises UsageError for what can't be right whatever the cluster holds."""
    given = bool(request.filenames), bool(request.image)
    if not request.deployment_label_key:
        raise UsageError("--deployment-label-key can not be empty")
    if len(request.filenames) > 1:
        raise UsageError("May only specify a single filename for new controller")
    if not request.rollback and not any(given):
        raise UsageError("Must specify --filename or --image for new controller")
    if not request.rollback and all(given):
        raise UsageError("--filename and --image can not both be specified")
    if request.rollback and any(given):
        raise UsageError("Don't specify --filename or --image on rollback")
    if not request.names:
        raise UsageError("Must specify the controller to update")


def check_pair(filename: str, old: JSON, new: JSON) -> None:
    """Raises UsageError unless each of the two selects Pods that the other doesn't."""
    if objects.name(old) == objects.name(new):
        raise UsageError(
            f"{filename} cannot have the same name as the existing ReplicationController {objects.name(old)}"
        )
    ours, theirs = old["spec"].get("selector") or {}, new["spec"].get("selector") or {}
    if not any(key in theirs and theirs[key] != value for key, value in ours.items()):
        raise UsageError(
            f"{filename} must specify a matching key with non-equal value in Selector for {objects.name(old)}"
        )


def check_same_image(existing: JSON, image: str) -> None:
    """Raises UsageError when the update in progress is one to another image. Looks at the first container."""
    running = str(objects.get(existing, "spec", "template", "spec", "containers", 0, "image", default=""))
    if running != image:
        raise UsageError(
            f"Found existing in-progress update to image ({running}).\n"
            f"Either continue in-progress update with --image={running} or rollback with --rollback"
        )
