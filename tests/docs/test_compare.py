"""docs/compare.md shows what its command prints, and names what JSON has."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.docs.test_engine import BLOCK, printed, written

from lithe.cli import cli
from lithe.report.quantities import QUANTITIES

PAGE = Path(__file__).parents[2] / "docs" / "compare.md"


def test_the_block_is_what_its_command_prints(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--refresh-golden"):
        page = PAGE.read_text()
        PAGE.write_text(written(page, lambda line: printed(line, monkeypatch), measured=True))
    ((_, arguments, shown),) = BLOCK.findall(PAGE.read_text())
    now = printed(arguments, monkeypatch)
    figures = re.compile(r"^mobilenet_v[12] .*$", re.MULTILINE)
    rows, rows_now = figures.findall(shown)[:2], figures.findall(now)[:2]
    for row, row_now in zip(rows, rows_now, strict=True):
        cells, cells_now = re.split(" {2,}", row), re.split(" {2,}", row_now)
        # The engine plans for the vectors of this processor: its peak may differ elsewhere.
        del cells[4], cells_now[4]
        assert cells == cells_now
    for line in ("1 MAC = 2 FLOPs", "in multiples of mobilenet_v1", "0.53 x the MACs"):
        assert line in shown
        assert line in now


def test_every_column_is_described_under_its_key() -> None:
    text = PAGE.read_text()
    arguments = ["compare", "mobilenet_v1", "--static", "--quiet", "--json"]
    network = json.loads(CliRunner().invoke(cli, arguments).output)["networks"][0]
    for each in QUANTITIES:
        assert f"`{each.key}`" in text
        assert each.heading.replace("\n", " ") in text
        assert each.key in network
