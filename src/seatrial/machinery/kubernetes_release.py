"""Numbers of Kubernetes releases."""


def number(release: str) -> tuple[int, int]:
    """(1, 32) of "1.32", "v1.32" or "1.32.3"."""
    major, _, minor = release.removeprefix("v").partition(".")
    return int(major), int(minor.partition(".")[0] or 0)
