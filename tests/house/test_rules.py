"""docs/rules.md is made of the catalogue of rules: `python tests/house/test_rules.py` writes it anew."""

from pathlib import Path

from seatrial.rehearse.rules import catalogue, causes
from seatrial.rehearse.rules.named_causes import CAUSES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"


def page() -> str:
    lines = [
        "# Rules of a rehearsal",
        "",
        "Every finding of `seatrial rehearse` has one of these ids. They stay what they are. Written from",
        "`src/seatrial/rehearse/rules/` (catalogue.py, named_causes.py).",
        "",
        "## Why an update hangs",
        "",
    ]
    for cause in CAUSES:
        lines += [f"### {cause.id}", "", f"{cause.title}. {cause.meaning}", "", *_practice(cause.see, cause.remedy)]
    lines += ["## What is warned of", ""]
    for each in catalogue.WARNINGS:
        lines += [f"### {each.id}", "", f"{each.title}. {each.why}", "", *_practice(each.see, each.remedy)]
    return "\n".join(lines)


def _practice(see: str, remedy: str) -> list[str]:
    return [f"- How to see it: {see}.", f"- What to do: {remedy}.", ""]


def test_the_page_of_rules_is_that_of_the_catalogue() -> None:
    assert PAGE.read_text() == page()


def test_every_rule_has_one_id_of_its_own() -> None:
    ids = [each.id for each in catalogue.WARNINGS]
    assert len(set(ids)) == len(ids)


def test_every_cause_is_in_the_catalogue() -> None:
    given = {rule for _, rule in causes.WORDS} | set(causes.REASONS.values())
    assert given <= {each.id for each in CAUSES} | {each.id for each in catalogue.WARNINGS}


if __name__ == "__main__":
    PAGE.write_text(page())
