"""docs/device.md shows what its commands print."""

import re
from pathlib import Path

import pytest
from tests.docs.test_engine import BLOCK, printed, written

PAGE = Path(__file__).parents[2] / "docs" / "device.md"
GOLDEN = Path(__file__).parents[1] / "report" / "golden" / "device_measured.txt"


def test_every_block_is_what_its_command_prints(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    text = PAGE.read_text()
    refresh = bool(request.config.getoption("--refresh-golden"))
    now = written(text, lambda arguments: printed(arguments, monkeypatch), measured=refresh)
    if refresh:
        now = re.sub(r"(?m)^Kept .*/(?=lithe/device\.json)", "Kept    ~/.cache/", now)
        PAGE.write_text(now)
        text = now
    assert len(BLOCK.findall(text)) == 3 == text.count("```console")
    assert now == text


def test_what_was_measured_has_the_headings_of_today() -> None:
    (shown,) = (text for kind, _, text in BLOCK.findall(PAGE.read_text()) if kind)

    def headings(text: str) -> list[str]:
        lines = text.splitlines()
        return [lines[i - 1].split()[0] for i, line in enumerate(lines) if line.startswith("──")]

    assert headings(shown) == headings(GOLDEN.read_text())
