"""Type aliases shared by every floor."""

from typing import Any

JSON = dict[str, Any]
"""A Kubernetes object (or part of one) exactly as it stands on the wire."""

Key = tuple[str, str]
"""(namespace, name); namespace is "" for cluster-scoped objects."""
