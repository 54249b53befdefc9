"""`lithe reproduce` on a terminal, for machines, and when a figure does not hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lithe.cli import cli
from lithe.profiling import reproduce
from lithe.profiling.comparison import Comparison

GOLDEN = Path(__file__).parent.parent / "golden" / "reproduce.txt"


def run(*arguments: str) -> Result:
    # standalone_mode off, as in lithe.cli.main: the exit code is what the command returns.
    environment = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    return CliRunner(env=environment).invoke(cli, ["reproduce", *arguments], standalone_mode=False)


def test_the_page_is_80_columns_wide_and_as_it_was(request: pytest.FixtureRequest) -> None:
    result = run()
    assert result.exception is None
    assert result.return_value == 0
    text = "".join(f"{line.rstrip()}\n" for line in result.output.splitlines())
    assert max(map(len, text.splitlines())) <= 80
    if request.config.getoption("--refresh-golden"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


@pytest.mark.smoke
def test_one_table() -> None:
    result = run("--table", "v1:4")
    assert result.output.startswith("MobileNetV1, table 4")
    assert "table 5" not in result.output
    assert "4867.3" in result.output
    assert result.output.count("not reproduced") == 3  # two accuracies and the last line


def test_json_for_machines() -> None:
    result = run("--table", "v1:7", "--json")
    (table,) = json.loads(result.output)
    assert table["table"] == "v1:7"
    (row,) = [
        row
        for row in table["rows"]
        if row["row"] == "1.0 MobileNet-160" and row["quantity"] == "M MACs"
    ]
    assert row["printed"] == 290
    assert row["computed"] == 290.6752
    assert row["agrees"] is False
    assert row["accounted_for"] is True
    assert "cut" in row["note"]
    accuracies = [row for row in table["rows"] if row["quantity"] == "top-1 %"]
    assert [row["computed"] for row in accuracies] == [None] * 4


def test_a_difference_without_a_reason_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ("Made up", lambda: (Comparison("net", "M MACs", 585, 582.2),))
    monkeypatch.setitem(reproduce.TABLES, "v1:4", wrong)
    result = run("--table", "v1:4")
    assert result.return_value == 1
    assert "no reason" in result.output
    assert "1 without a reason" in result.output.replace("\n", " ")


def test_as_a_user_calls_it() -> None:
    command = [sys.executable, "-m", "lithe", "reproduce", "--table"]
    good = subprocess.run([*command, "v2:2"], capture_output=True, text=True, check=False)
    assert good.returncode == 0
    assert "bottlenecks: 19" in good.stdout
    bad = subprocess.run([*command, "v3:1"], capture_output=True, text=True, check=False)
    assert bad.returncode == 2
    assert bad.stderr.startswith("lithe: there is no table v3:1 here; choose from v1:1")
    assert len(bad.stderr.splitlines()) == 1
