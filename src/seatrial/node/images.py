"""The image catalogue: which command an image name stands for.

What the user mapped comes first (a name with its tag before the bare name), then the built-in stand-ins. Nothing is
ever downloaded. Follows docs/images.md; names are normalised as distribution/reference does (`docker.io/library/nginx`
is `nginx`, no tag is `latest`).
"""

import re
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.base.errors import RuntimeFailure, ToolError

HUB_PREFIXES = ("docker.io/", "index.docker.io/", "registry-1.docker.io/")
KUBERNETES_REGISTRIES = ("registry.k8s.io/", "k8s.gcr.io/", "gcr.io/google-containers/", "gcr.io/google_containers/")
SHELL_IMAGES = {
    "alpine": ("sh",),
    "bash": ("bash",),
    "busybox": ("sh",),
    "debian": ("bash",),
    "python": ("python3",),
    "ubuntu": ("bash",),
}
"""Images that are the host's tools, with the command that runs when the Pod names none."""
STAND_INS = {
    "agnhost": "echo",
    "database": "database",
    "e2e-test-images/agnhost": "echo",
    "e2e-test-images/echoserver": "echo",
    "echo": "echo",
    "echoserver": "echo",
    "nginx": "nginx",
    "pause": "pause",
}
GRACEFUL_SINCE = (1, 19, 3)
"""The first nginx image with STOPSIGNAL SIGQUIT."""

_REFERENCE = re.compile(
    r"(?P<name>(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
    r"(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-fA-F]{32,}))?"
)


@dataclass(frozen=True, slots=True)
class Image:
    """What an image name stands for: a command of the host, or a stand-in."""

    id: str
    tag: str
    entrypoint: tuple[str, ...] = ()
    default_arguments: tuple[str, ...] = ()
    stand_in: str = ""
    directory: Path | None = None
    """Where the command runs; None: a directory of the container's own."""
    stop_signal: int = signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Reference:
    """An image name in its parts, without the prefixes that mean Docker Hub."""

    name: str
    tag: str


def parse(image: str) -> Reference:
    """Raises RuntimeFailure(InvalidImageName)."""
    match = _REFERENCE.fullmatch(image)
    if match is None:
        lowercase = image != image.lower() and _REFERENCE.fullmatch(image.lower())
        raise RuntimeFailure(
            "InvalidImageName",
            f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
            f"invalid reference format{': repository name must be lowercase' if lowercase else ''}",
        )
    name = match["name"]
    for prefix in HUB_PREFIXES:
        name = name.removeprefix(prefix)
    return Reference(name.removeprefix("library/"), match["tag"] or "latest")


class Catalogue:
    """See the module. `mapped`: image name → command; relative paths in commands start at `directory`."""

    def __init__(self, mapped: Mapping[str, str] | None = None, directory: Path | None = None) -> None:
        self._directory = directory or Path.cwd()
        self._mapped: dict[tuple[str, str], Image] = {}
        for name, command in sorted((mapped or {}).items()):
            self._map(name, command)

    def find(self, image: str) -> Image:
        """Raises RuntimeFailure: InvalidImageName, or ErrImagePull with what to do."""
        reference = parse(image)
        known = self._mapped.get((reference.name, reference.tag)) or self._mapped.get((reference.name, ""))
        if known is None:
            known = _built_in(reference)
        if known is None:
            raise RuntimeFailure(
                "ErrImagePull",
                f'no command is known for image "{image}"; map it: seatrial up --image {image}=COMMAND',
            )
        return known

    def _map(self, name: str, command: str) -> None:
        try:
            words = shlex.split(command)
            reference = parse(name)
        except (ValueError, RuntimeFailure) as error:
            raise ToolError(f"--image {name}={command}: {error}") from error
        if not words:
            raise ToolError(f"--image {name}=: the command is empty; write --image NAME=COMMAND")
        if "/" in words[0]:
            words[0] = str((self._directory / Path(words[0]).expanduser()).absolute())
        tagged = ":" in name.rpartition("/")[2]
        tag = reference.tag if tagged else ""
        image_id = f"command://{shlex.join(words)}"
        self._mapped[reference.name, tag] = Image(image_id, tag, tuple(words), directory=self._directory)


def _built_in(reference: Reference) -> Image | None:
    name = reference.name
    for registry in KUBERNETES_REGISTRIES:
        name = name.removeprefix(registry)
    if name in SHELL_IMAGES:
        return Image(f"host://{name}:{reference.tag}", reference.tag, default_arguments=SHELL_IMAGES[name])
    stand_in = STAND_INS.get(name)
    if stand_in is None:
        return None
    graceful = stand_in == "nginx" and version_of(reference.tag) >= GRACEFUL_SINCE
    return Image(
        f"stand-in://{stand_in}:{reference.tag}", reference.tag, stand_in=stand_in,
        stop_signal=signal.SIGQUIT if graceful else signal.SIGTERM,
    )  # fmt: skip


def version_of(tag: str) -> tuple[int, ...]:
    """The numbers a tag begins with; a tag without numbers counts as the newest."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", tag)
    return tuple(int(part) for part in match[1].split(".")) if match else (99,)
