"""The house's own rules, as far as a machine can check them and the import contracts do not."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "seatrial"
FILES = sorted(SOURCE.rglob("*.py"))
PUBLIC_FACES = {
    "__init__.py",
    "client/__init__.py",
    "rollout/__init__.py",
    "cluster/__init__.py",
    "testing/__init__.py",
}


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_every_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no module docstring"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_file_holds_two_ideas(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 600


def test_most_files_are_short() -> None:
    lengths = sorted(len(path.read_text().splitlines()) for path in FILES)
    assert lengths[len(lengths) * 9 // 10] <= 420


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=relative)
def test_packages_hold_a_docstring_and_nothing_else(path: Path) -> None:
    if relative(path) in PUBLIC_FACES:
        return
    body = ast.parse(path.read_text()).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_names_say_what_things_are(path: Path) -> None:
    assert not re.search(r"utils|helpers|common|manager|mixin", path.stem, re.IGNORECASE)


LISTS = {"rehearse/rules", "rehearse/remedies"}
"""Packages in which one file lists the others."""


@pytest.mark.parametrize("folder", ["scheduler", "rehearse"])
def test_the_architecture_leads_to_every_file(folder: str) -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    found = [path for path in (SOURCE / folder).rglob("*.py") if path.name != "__init__.py"]
    files = [path for path in found if relative(path.parent) not in LISTS]
    assert [path.name for path in files if not re.search(rf"[`/]{path.name}`", page)] == []


def test_the_architecture_names_files_that_are_there() -> None:
    named = set(re.findall(r"`(?:[\w/]*/)?(\w+\.py)`", (ROOT / "ARCHITECTURE.md").read_text()))
    assert named <= {path.name for folder in (SOURCE, ROOT / "tests") for path in folder.rglob("*.py")}


def controller_files() -> list[Path]:
    return [
        path
        for path in sorted((SOURCE / "controllers").rglob("*.py"))
        if "CONTROLLER = Controller(" in path.read_text()
    ]


@pytest.mark.parametrize("path", controller_files(), ids=relative)
def test_a_controller_has_the_shape_of_every_controller(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert "gather" in names or "gather" in imported, "gather(key, cache) reads"
    assert "decide" in names or "decide" in imported, "decide(view, now) thinks"
    if "decide" in names:
        assert isinstance(names["decide"], ast.FunctionDef), "decide is not async: it does no I/O"
        assert [arg.arg for arg in names["decide"].args.args] == ["view", "now"]
    assert len(path.read_text().splitlines()) <= 400


def test_the_readme_names_commands_that_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert target in targets


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_pins_name_versions_and_no_addresses() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._+-]+", line), line
