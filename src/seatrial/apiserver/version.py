"""What GET /version tells (k8s.io/apimachinery/pkg/version)."""

from dataclasses import dataclass
from importlib import metadata

from seatrial.base.types import JSON


@dataclass(frozen=True)
class VersionInfo:
    """`release` is the Kubernetes release that the API follows, such as 1.32."""

    release: str

    def to_json(self) -> JSON:
        major, _, minor = self.release.partition(".")
        return {
            "major": major,
            "minor": minor,
            "gitVersion": f"v{major}.{minor}.0+seatrial-{metadata.version('seatrial')}",
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "",
            "platform": "linux/amd64",
        }
