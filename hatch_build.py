"""Build hook: the schemas of every Kubernetes release, packed small, into `src/seatrial/api/schemas/`.

They come from the package `kubernetes-validate`, which ships upstream's OpenAPI definitions rewritten as JSON Schema
(null allowed everywhere, `apiVersion` and `kind` narrowed to one value); that rewriting is undone here. Per release:

    1.32.schema   zlib JSON {definition: schema without descriptions}; `$ref` holds the bare name of a definition
    1.32.docs     zlib JSON {definition: [description, {field: description}]}

`index.json` names the releases and the package they were made from; while it is current nothing is made again.
Run `python hatch_build.py` to make the files in a checkout without building anything.
"""

import json
import re
import sys
import zlib
from importlib import metadata, util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FORMAT = 1
TARGET = Path("src/seatrial/api/schemas")
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
REF = "#/$defs/"

Schema = dict[str, Any]


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Makes the files for wheels and for editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a target is built."""
        if self.target_name == "wheel":
            pack_all(Path(self.root))


def pack_all(root: Path) -> None:
    """Make whatever is missing or out of date below `root`."""
    target = root / TARGET
    sources = releases()
    index = {
        "format": FORMAT,
        "source": f"kubernetes-validate {metadata.version('kubernetes-validate')}",
        "releases": list(sources),
    }
    if is_current(target, index):
        return
    target.mkdir(parents=True, exist_ok=True)
    for release, source in sources.items():
        structure, docs = restored(json.loads(source.read_bytes())["$defs"])
        write(target / f"{release}.schema", structure)
        write(target / f"{release}.docs", docs)
    (target / "index.json").write_text(json.dumps(index))


def releases() -> dict[str, Path]:
    """Every release that the package ships, oldest first, with the file of its definitions."""
    spec = util.find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("kubernetes-validate is not installed: pip install kubernetes-validate")
    found: dict[tuple[int, int], Path] = {}
    for folder in (Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema").iterdir():
        match = re.fullmatch(r"v(\d+)\.(\d+)\.\d+-local", folder.name)
        if match:
            found[int(match[1]), int(match[2])] = folder / "_definitions.json"
    return {f"{major}.{minor}": found[major, minor] for major, minor in sorted(found)}


def is_current(target: Path, index: dict[str, Any]) -> bool:
    """Whether the files that `index` promises are there already."""
    try:
        if json.loads((target / "index.json").read_text()) != index:
            return False
    except (OSError, ValueError):
        return False
    return all((target / f"{release}.{end}").exists() for release in index["releases"] for end in ("schema", "docs"))


def restored(definitions: dict[str, Schema]) -> tuple[dict[str, Schema], dict[str, list[Any]]]:
    """Upstream's definitions without descriptions, and the descriptions."""
    structure: dict[str, Schema] = {}
    docs: dict[str, list[Any]] = {}
    for name in sorted(definitions):
        definition = definitions[name]
        fields = definition.get("properties") or {}
        docs[name] = [
            definition.get("description", ""),
            {field: text for field, schema in fields.items() if (text := schema.get("description"))},
        ]
        structure[name] = plain(definition)
        unnarrow(structure[name])
    structure[INT_OR_STRING] = {"type": "string", "format": "int-or-string"}
    structure[QUANTITY] = {"type": "string"}
    return structure, docs


def plain(schema: Schema) -> Schema:
    """The schema as upstream publishes it: one type, bare references, no description."""
    result: Schema = {}
    for key, value in schema.items():
        if key == "description":
            continue
        if key == "type":
            result[key] = value if isinstance(value, str) else next(one for one in value if one != "null")
        elif key == "$ref":
            result[key] = value.removeprefix(REF)
        elif key == "properties":
            result[key] = {field: plain(inner) for field, inner in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            result[key] = plain(value)
        else:
            result[key] = value
    return result


def unnarrow(definition: Schema) -> None:
    """Take the enums away that the package put on `apiVersion` and `kind`."""
    if definition.get("x-kubernetes-group-version-kind"):
        for field in ("apiVersion", "kind"):
            definition.get("properties", {}).get(field, {}).pop("enum", None)


def write(path: Path, content: Any) -> None:
    """Compress `content` into `path`; the same content gives the same bytes."""
    path.write_bytes(zlib.compress(json.dumps(content, separators=(",", ":"), sort_keys=True).encode(), 9))


if __name__ == "__main__":
    pack_all(Path(__file__).resolve().parent)
    sys.exit(0)
