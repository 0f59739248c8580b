"""Who makes a request (authentication.k8s.io UserInfo)."""

from dataclasses import dataclass

from seatrial.base.types import JSON


@dataclass(frozen=True, slots=True)
class UserInfo:
    """A name and the groups it belongs to."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""

    def to_json(self) -> JSON:
        """As SelfSubjectReview shows it."""
        shown: JSON = {"username": self.name}
        if self.uid:
            shown["uid"] = self.uid
        return {**shown, "groups": list(self.groups)}


ADMIN = UserInfo("kubernetes-admin", ("system:masters", "system:authenticated"))
ANONYMOUS = UserInfo("system:anonymous", ("system:unauthenticated",))
SYSTEM = UserInfo("system:apiserver", ("system:masters", "system:authenticated"))
"""The components inside the process."""
