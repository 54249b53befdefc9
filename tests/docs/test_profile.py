"""docs/profile.md shows what its commands print, and names what JSON and CSV hold."""

import re
from pathlib import Path

import pytest
from tests.docs.test_engine import BLOCK, printed, written
from tests.report.profile_sample import predicted_sample, sample

from lithe.report.profile_values import profile_csv, profile_values

PAGE = Path(__file__).parents[2] / "docs" / "profile.md"


def test_every_block_is_what_its_command_prints(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    text = PAGE.read_text()
    now = written(text, lambda arguments: printed(arguments, monkeypatch), measured=False)
    if request.config.getoption("--refresh-golden"):
        PAGE.write_text(now)
        text = now
    assert len(BLOCK.findall(text)) == text.count("```console") == 1
    assert without_plan(now) == without_plan(text)


def without_plan(text: str) -> str:
    """Leaves out what lithe's engine would do, which depends on the processor and its cores."""
    kept: list[str] = []
    lines = iter(text.splitlines())
    cut = None  # where the plan's columns of a table begin
    for line in lines:
        if " peak " in line and "engine's plan" in line:
            next(lines)  # what is alive then
            continue
        if "In the engine's plan" in line:
            cut = line.index("In the engine's plan")
        elif not line:
            cut = None
        kept.append(line[:cut].rstrip())
    return "\n".join(kept)


def test_every_name_in_the_json_and_the_csv_is_explained() -> None:
    page = set(re.findall(r"[a-z][a-z0-9_]*", PAGE.read_text()))
    columns = profile_csv(sample()).splitlines()[0].split(",")
    wanted = {re.sub("^(lithe|eager)_step", "step", name) for name in columns}
    for values in (profile_values(sample()), profile_values(predicted_sample())):
        for top, value in values.items():
            wanted.add(top)
            rows = value if isinstance(value, list) else [value]
            # A device's own names are those of docs/device.md; kinds and layers have tables.
            if top not in ("by_kind", "device", "largest_tensors", "resident", "energy"):
                wanted |= {key for row in rows if isinstance(row, dict) for key in row}
    wanted -= {"activation_bytes", "live_bytes", "params", "macs"}  # columns of the table
    assert wanted <= page, sorted(wanted - page)
