"""YAML as kubectl takes it: unlike to PyYAML, a key that stands twice in a mapping is an error (sigs.k8s.io/yaml)."""

from collections.abc import Iterator
from typing import Any

import yaml

from seatrial.base.errors import ToolError

MERGE = "tag:yaml.org,2002:merge"
INDENTED_BY_TAB = "a tab in the indentation; YAML takes spaces only"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_Loader):  # type: ignore[misc]
    """Merge keys and anchors work; what is merged may be overridden."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._checked: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # Every mapping comes by here before the merged keys are put in; a node that is merged, several times.
        if id(node) not in self._checked:
            self._checked.add(id(node))
            _check_keys(node)
        super().flatten_mapping(node)


def documents(text: str, source: str) -> Iterator[object]:
    """Each in turn. `source` names the text in errors. Raises ToolError that names the place."""
    try:
        yield from yaml.load_all(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = INDENTED_BY_TAB if mark and _begins_with_tab(text, mark.line) else error.problem
        if problem == "found unhashable key":
            problem = "a key is no text; a template has to be rendered first, as with helm template"
        raise ToolError(f"{source}{place}: not YAML: {problem}") from None
    except yaml.YAMLError as error:
        raise ToolError(f"{source}: not YAML: {error}") from None


def _begins_with_tab(text: str, line: int) -> bool:
    found = text.splitlines()[line : line + 1]
    return any("\t" in each[: len(each) - len(each.lstrip())] for each in found)


def _check_keys(node: yaml.MappingNode) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
            continue
        if key.value in lines:
            problem = f'key "{key.value}" is already set in line {lines[key.value]}'
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        lines[key.value] = key.start_mark.line + 1
