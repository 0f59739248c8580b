"""Manifest files: YAML or JSON documents, as `kubectl -f` reads them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import orjson

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON


def read(path: Path) -> list[JSON]:
    """All objects of a file, or of every .yaml, .yml and .json file of a folder, in order; Lists are taken apart.

    Raises ToolError that names file and position.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in {".yaml", ".yml", ".json"})
        if not files:
            raise ToolError(f"{path}: no .yaml, .yml or .json file in this folder")
        return [obj for file in files for obj in read(file)]
    return parse(_text(path), str(path))


def parse(text: str, source: str) -> list[JSON]:
    """All objects of a text. `source` names it in errors. Raises ToolError."""
    return [_checked(each, place) for each, place in _parts(text, source)]


def read_loosely(file: Path) -> tuple[list[JSON], list[str]]:
    """The objects of a file, and why what else is in there is none. Raises ToolError for what can't be read at all."""
    found: list[JSON] = []
    left_out: list[str] = []
    for each, place in _parts(_text(file), str(file)):
        try:
            found.append(_checked(each, place))
        except ToolError as error:
            left_out.append(str(error))
    return found, left_out


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        raise ToolError(f"{path}: not a text in UTF-8; what is compressed has to be unpacked first") from None
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror or error}") from None


def _parts(text: str, source: str) -> Iterator[tuple[object, str]]:
    """What should be objects, each with its place in the text."""
    for i, document in enumerate(_documents(text, source)):
        yield from _flatten(document, f"{source}: document {i + 1}" if i else source)


def _documents(text: str, source: str) -> Iterator[object]:
    from seatrial.rollout import manifest_yaml

    if text.lstrip().startswith("{{"):
        raise ToolError(f"{source}: this is a template, not a manifest: render it first, as with helm template")
    if text.lstrip().startswith("{"):
        try:
            yield json.loads(text)
            return
        except json.JSONDecodeError as error:
            raise ToolError(f"{source}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    yield from manifest_yaml.documents(text, source)


def _flatten(document: object, place: str) -> Iterator[tuple[object, str]]:
    if document is None:
        return
    if not isinstance(document, dict):
        yield document, place
    elif str(document.get("kind", "")).endswith("List") and isinstance(document.get("items", 0) or [], list):
        kind, version = str(document["kind"]).removesuffix("List"), document.get("apiVersion")
        for i, item in enumerate(document["items"] or ()):
            if kind and isinstance(item, dict) and version:
                # The items of a list of one kind need not say which kind that is.
                item = {"apiVersion": version, "kind": kind, **item}
            yield from _flatten(item, f"{place}: items[{i}]")
    else:
        yield document, place


def _checked(document: object, place: str) -> JSON:
    """The object, if it is one. Raises ToolError."""
    if not isinstance(document, dict):
        raise ToolError(f"{place}: a manifest is a mapping with apiVersion and kind, not a {type(document).__name__}")
    for field in ("apiVersion", "kind"):
        if not document.get(field) or not isinstance(document[field], str):
            raise ToolError(f"{place}: a manifest needs {field}")
    if not isinstance(document.get("metadata", {}), dict):
        raise ToolError(f"{place}: the metadata of a {document['kind']} is no mapping")
    return _as_json(document, place)


def _as_json(document: JSON, place: str) -> JSON:
    """With the types of JSON: keys are text, and so are dates. Raises ToolError."""
    try:
        return cast(JSON, orjson.loads(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)))
    except TypeError as error:
        raise ToolError(f"{place}: a {document['kind']} can't be written as JSON: {error}") from None
