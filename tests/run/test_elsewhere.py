"""A budget for a machine that is not here: predicted, and said to be."""

import json
from pathlib import Path

import pytest
from tests.command import finished
from tests.made_up_table import made_up_table

import lithe
from lithe.device import Device
from lithe.device.file import save_device
from lithe.engine.target import instruction_set
from lithe.errors import LitheError
from lithe.latency_table.carried import carried
from lithe.latency_table.context import context_of
from lithe.latency_table.store import open_table
from lithe.run.folder import read_state


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device file with a latency table; what lies in the cache afterwards is empty."""
    made_up_table(monkeypatch, tmp_path / "there")
    context = context_of(instruction_set(None), 1)
    table = carried(context, open_table().networks(context))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    file = tmp_path / "board.json"
    save_device(Device("board", "measured", 4, "", (), (), (), latency=(table,)), file)
    return file


def test_a_result_for_another_machine_is_predicted(board: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("--epochs", "1", "--threads", "1", "--search", "grid", "--trials", "2")
    code, text, err = finished(
        "fit",
        "digits",
        "--max-latency",
        "50us",
        "--device",
        board,
        *options,
        "--out",
        out,
        "--json",
    )
    assert (code, err) == (0, "")
    (limit,) = json.loads(text)["limits"]
    assert limit["judged_by"] == "prediction"
    assert limit["measured"] is None
    assert 0 < limit["predicted"] <= 50e-6
    assert json.loads(text)["chosen"]["latency_s"] is None
    assert read_state(out).attempts == ()
    page = (out / "report.html").read_text()
    assert "holds (predicted)" in page
    assert "Nothing was measured on that machine" in page
    # The run has a copy, so the file is not needed any more; nothing was measured here.
    board.unlink()
    again = lithe.resume(out)
    assert again.rows.limits[0].by_prediction
    assert not (tmp_path / "here" / "lithe" / "latency.sqlite").exists()


def test_a_device_without_a_latency_table_names_the_command(tmp_path: Path) -> None:
    file = tmp_path / "board.json"
    save_device(Device("board", "measured", 4, "", (), (), ()), file)
    budget = lithe.Budget(max_latency_s=1e-3)
    with pytest.raises(LitheError, match="lithe device --latency-table --out board"):
        lithe.fit("digits", budget, out=tmp_path / "run", device=file)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--max-macs", "1M", "--device", "x.json"), "name a limit on it by --max-latency"),
        (
            ("--max-latency", "1ms", "--device", "x.json", "--runtime", "eager"),
            "leave one of them out",
        ),
        (("--max-latency", "1ms", "--search", "space", "--runtime", "eager"), "--search grid"),
    ],
)
def test_what_excludes_each_other_is_said_at_once(
    options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    code, _, err = finished("fit", "digits", *options, "--out", tmp_path / "run")
    assert (code, err.count("\n")) == (2, 1)
    assert message in err


def test_a_run_of_the_first_version_goes_on_with_the_grid(tmp_path: Path) -> None:
    result = lithe.fit(
        "digits",
        lithe.Budget(max_macs=300_000),
        out=tmp_path / "run",
        epochs=1,
        threads=1,
        search="grid",
        trials=2,
    )
    file = tmp_path / "run" / "run.json"
    state = json.loads(file.read_text())
    new = ("study", "searched", "lost", "attempts", "reference_s", "prediction_error")
    old = {name: value for name, value in state.items() if name not in new} | {"format": 1}
    fresh = ("search", "trials", "parallel", "cluster", "store", "device")
    old["settings"] = {k: v for k, v in state["settings"].items() if k not in fresh}
    file.write_text(json.dumps(old))
    upgraded = read_state(tmp_path / "run")
    assert upgraded.searched
    assert upgraded.settings.searched == "grid"
    assert lithe.resume(tmp_path / "run").accuracy == result.accuracy
    file.write_text(json.dumps(old | {"format": 99}))
    with pytest.raises(LitheError, match="is of format 99; this version reads 1, 2"):
        read_state(tmp_path / "run")
