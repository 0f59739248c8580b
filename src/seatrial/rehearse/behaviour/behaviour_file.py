"""Behaviour files: how the containers of each image behave, and how much work there is.

They have the keys of the simulated runtime per image (`start`, `ready`, `crash`, `bad_image`, `exit`; seconds as in
distribution.py) under `behaviours`, and for all images under `defaults`. An image is named in full, or without its tag
for all versions; the more exact name counts, key by key. Beyond these there are chances between 0 and 1: `never_ready`,
`bad_image` (or true), and `crash: {after: SECONDS, chance: 0.2}`. `waits_for`: the Service without which an init
container does not end; where nothing is said, its command tells (waiting.py). `load` says how much work there is
(loads.py).
"""

import math
from pathlib import Path
from typing import Any

from seatrial.base.errors import ToolError
from seatrial.rehearse.behaviour import distribution, loads
from seatrial.rehearse.behaviour.profiles import EVERY_IMAGE, Profiles, Said

KEYS = ("start", "ready", "crash", "bad_image", "exit", "exit_not_running", "never_ready", "complete", "waits_for")


def read(path: Path) -> Profiles:
    """A behaviour file. Raises ToolError that says where it is wrong."""
    from seatrial.rollout import manifest_yaml

    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ToolError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    contents = list(manifest_yaml.documents(text, str(path)))
    if len(contents) > 1:
        raise ToolError(f"{path}: a behaviour file is one document; got {len(contents)}")
    return parse(contents[0] if contents else {}, str(path))


def parse(content: Any, where: str) -> Profiles:
    """`{defaults: {...}, behaviours: {IMAGE: {...}}, load: {WORKLOAD: [...]}}`. Raises ToolError."""
    if not isinstance(content, dict) or not set(content) <= {"defaults", "behaviours", "load"}:
        raise ToolError(f"{where}: a behaviour file has `defaults`, `behaviours` and `load`, and nothing else")
    images = {} if content.get("behaviours") is None else content["behaviours"]
    if not isinstance(images, dict):
        raise ToolError(f"{where}: behaviours: takes images and what they do")
    said = {EVERY_IMAGE: _said(content.get("defaults") or {}, f"{where}: defaults")}
    said |= {str(image): _said(data, f"{where}: {image}") for image, data in images.items()}
    load = loads.parse(content["load"], f"{where}: load") if content.get("load") is not None else {}
    return Profiles(said, load=load)


def _said(data: Any, where: str) -> Said:
    """Of one image."""
    if not isinstance(data, dict):
        raise ToolError(f"{where}: takes keys such as {', '.join(KEYS[:4])}")
    unknown = [key for key in data if key not in KEYS]
    if unknown:
        raise ToolError(f"{where}: there is no {unknown[0]}; there are {', '.join(KEYS)}")
    values: dict[str, Any] = {}
    for key, value in data.items():
        here = f"{where}: {key}"
        if key in ("bad_image", "never_ready"):
            values[key] = _chance(value, here)
        elif key == "crash" and isinstance(value, dict) and {"after"} <= set(value) <= {"after", "chance"}:
            values["crash"] = distribution.parse(value["after"], here)
            values["crash_chance"] = _chance(value.get("chance", 1.0), f"{here}: chance")
        elif key == "waits_for":
            values[key] = _service(value, here)
        elif value is None and key in ("ready", "crash", "complete"):
            values[key] = None
        else:
            values[key] = distribution.parse(value, here)
    if "ready" in values:
        values["seen_ready"] = True
    if "crash" in values:
        values.setdefault("crash_chance", 1.0)
    return values


def _service(value: Any, where: str) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise ToolError(f"{where}: takes the name of a Service, or null; got {value!r}")


def _chance(value: Any, where: str) -> float:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float) and 0 <= value <= 1 and math.isfinite(value):
        return float(value)
    raise ToolError(f"{where}: takes true, false, or a chance between 0 and 1; got {value!r}")
