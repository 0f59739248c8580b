"""`rehearse(old=..., new=...).completes(...)`: what a test of somebody's manifests is told."""

from pathlib import Path

import pytest

from seatrial.testing.rehearsal import rehearse

CORPUS = Path(__file__).parent / "corpus"
OLD = CORPUS / "completes-image-and-scale-up" / "old.yaml"
NEW = CORPUS / "completes-image-and-scale-up" / "new.yaml"


def test_an_update_that_keeps_its_promises_passes() -> None:
    rehearse(old=OLD, new=str(NEW)).completes(within="5m", min_available=3)


def test_folders_hold_manifests_too(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(NEW.read_text())
    (tmp_path / "notes.txt").write_text("no manifest")
    rehearse(old=OLD, new=tmp_path).completes()


def test_what_takes_too_long_fails_with_the_verdict() -> None:
    with pytest.raises(AssertionError, match=r"^COMPLETES in \d+s.*; it was expected within 2s$"):
        rehearse(old=OLD, new=NEW).completes(within="2s")


def test_too_few_pods_fail_with_the_verdict() -> None:
    with pytest.raises(AssertionError, match=r"at least 3 of 6 Pods available; at least 4 were expected$"):
        rehearse(old=OLD, new=NEW).completes(min_available=4)


def test_a_hang_fails_with_its_reason() -> None:
    folder = CORPUS / "stuck-node-selector"
    with pytest.raises(AssertionError, match=r"^HANGS at 0/3 .*node affinity/selector"):
        rehearse(old=folder / "old.yaml", new=folder / "new.yaml").completes()
    rehearse(old=folder / "old.yaml", new=folder / "new.yaml").hangs()


def test_what_completes_does_not_hang() -> None:
    with pytest.raises(AssertionError, match=r"^COMPLETES in"):
        rehearse(old=OLD, new=NEW).hangs()
