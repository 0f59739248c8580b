"""Every exception that Seatrial raises on purpose.

SeatrialError
├── StatusError        an API failure; carries the Kubernetes Status object, raised in the server, caught in the client
├── StoreError         the store can't do it: Conflict on a revision, compacted, corrupt, in use
│   ├── KeyExists · RevisionMismatch · Compacted · CorruptStore · StoreInUse · StoreTooNew
├── Terminal           a reconcile error that no retry will mend
├── RuntimeFailure     a container runtime says no: (reason, message) as they appear in container status
├── VolumeError        a volume can't be attached or mounted
└── ToolError          a command ends here: one line for people, and an exit code

Anything else that surfaces is a bug and shows its traceback.
"""

from collections.abc import Sequence

from seatrial.base.types import JSON


class SeatrialError(Exception):
    """Base of all errors below."""


class StatusError(SeatrialError):
    """An API request failed; `status` is the Kubernetes Status object (shape: meta/v1 Status)."""

    def __init__(self, status: JSON, headers: dict[str, str] | None = None) -> None:
        super().__init__(status.get("message") or status.get("reason") or "unknown API error")
        self.status = status
        self.headers = headers or {}

    @property
    def reason(self) -> str:
        return str(self.status.get("reason") or "")

    @property
    def code(self) -> int:
        return int(self.status.get("code") or 500)

    @property
    def message(self) -> str:
        return str(self.status.get("message") or "")

    @property
    def causes(self) -> Sequence[JSON]:
        return (self.status.get("details") or {}).get("causes") or ()

    @property
    def retry_after_seconds(self) -> int | None:
        value = (self.status.get("details") or {}).get("retryAfterSeconds")
        return int(value) if value else None

    def has_cause(self, cause_type: str) -> bool:
        """Whether one of details.causes is of this type (JSON key `reason`)."""
        return any(cause.get("reason") == cause_type for cause in self.causes)


class StoreError(SeatrialError):
    """The store could not do what was asked; nothing was written."""


class KeyExists(StoreError):
    """create: there is an object under this key already."""


class RevisionMismatch(StoreError):
    """update or delete: the object is gone, or has another revision than expected (`actual`, 0 = gone)."""

    def __init__(self, key: str, expected: int, actual: int) -> None:
        super().__init__(f"{key}: expected revision {expected}, found {actual or 'nothing'}")
        self.key, self.expected, self.actual = key, expected, actual


class Compacted(StoreError):
    """watch or list: the revision asked for is no longer kept; `oldest` is."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"revision {asked} is no longer kept, the oldest is {oldest}")
        self.asked, self.oldest = asked, oldest


class CorruptStore(StoreError):
    """The data file can't be read back as what was written; it is left as it is."""


class StoreInUse(StoreError):
    """Another process has this data directory open."""


class StoreTooNew(StoreError):
    """The data directory was written by a newer Seatrial."""


class Terminal(SeatrialError):
    """A reconcile error that retrying can't mend: it is logged and not retried."""


class RuntimeFailure(SeatrialError):
    """The container runtime refused: `reason` and `message` go into the container's waiting or terminated state."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason, self.message = reason, message


class VolumeError(SeatrialError):
    """A volume can't be attached or mounted; the text goes into a FailedMount event."""


class ToolError(SeatrialError):
    """A command can't go on: one line that says what is wrong and what to do; the process ends with `exit_code`."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
