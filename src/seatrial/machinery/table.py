"""The Table that `kubectl get` asks for (meta.k8s.io/v1): columns, and how ages are printed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column definition; priority 0 is always shown, 1 only with `-o wide`."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0
