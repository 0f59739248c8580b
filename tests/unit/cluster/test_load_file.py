"""Load curves in a file: what is read, and what is said of what can't be."""

from pathlib import Path

import pytest

from seatrial.base.errors import ToolError
from seatrial.cluster import load_file

TWO = """
target: web
points: {0s: 500m, 1m: "4"}
---
- {target: api, namespace: prod, metric: requests, points: {0s: 10}}
"""


def test_curves_are_read_from_all_documents(tmp_path: Path) -> None:
    (tmp_path / "load.yaml").write_text(TWO)
    load = load_file.read(tmp_path / "load.yaml", 100.0)
    assert load("default", "web", "cpu", 160.0) == 4.0
    assert load("prod", "api", "requests", 500.0) == 10.0
    assert load("default", "api", "requests", 500.0) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("target: web", "a load curve needs `target`"),
        ("just words", "a load curve is a mapping with `target` and `points`"),
        ("target: web\npoints: {soon: 1}", "times are written like 90s or 5m"),
        ("target: web\npoints: [1, 2]", "`points` are a mapping of times to amounts"),
        ("target: [", "while parsing"),
    ],
)
def test_what_is_wrong_is_said_with_the_name_of_the_file(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "load.yaml"
    file.write_text(text)
    with pytest.raises(ToolError, match=why) as found:
        load_file.read(file, 0.0)
    assert str(found.value).startswith(str(file))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="No such file"):
        load_file.read(tmp_path / "none.yaml", 0.0)
