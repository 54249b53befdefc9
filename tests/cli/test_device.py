"""`lithe device`: measured here, shown from a file or a board, stopped in between."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.command import finished

from lithe.cli import cli
from lithe.device.boards import BOARDS
from lithe.device.file import load_device
from lithe.profiling import probe


def test_this_machine_is_measured_kept_and_shown_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    copy = tmp_path / "copy.json"
    code, out, err = finished("device", "--out", copy, "--quiet")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("1 MAC = 2 FLOPs") == 1
    kept = load_device(tmp_path / "lithe" / "device.json")
    assert kept == load_device(copy)
    code, shown, _ = finished("device", copy)
    assert code == 0
    # The same table; what is above it says where it was kept, and of a busy machine, that too.
    assert shown.partition("Multiply-adds")[2] == out.partition("Multiply-adds")[2] != ""
    code, text, _ = finished("device", copy, "--json")
    assert json.loads(text)["name"] == kept.name


def test_a_cache_folder_that_cannot_be_made_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(probe, "measure_device", lambda _: BOARDS["pixel-1"])
    result = CliRunner().invoke(cli, ["device"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "nowhere: the cache folder cannot be written" in result.output


def test_stopping_it_leaves_the_terminal_sound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lithe", "device"], stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    said = b""
    try:
        while b"measuring" not in said:
            said += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        while b"lithe: stopped" not in said:
            said += os.read(ours, 4096)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    hidden, shown = said.rfind(b"\x1b[?25l"), said.rfind(b"\x1b[?25h")
    assert shown > hidden  # the cursor is back
    assert b"Traceback" not in said
    assert not (tmp_path / "lithe" / "device.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pixel-2",), "no file and no board 'pixel-2', did you mean pixel-1?"),
        (("none.json",), "cannot read none.json: No such file or directory"),
        (("pixel-1", "--out", "none/x.json"), "there is no folder none"),
        (("--boards", "pixel-1"), "--boards takes no name"),
    ],
)
def test_what_cannot_be_shown(arguments: tuple[str, ...], said: str) -> None:
    code, out, err = finished("device", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_boards_are_listed_and_written(tmp_path: Path) -> None:
    code, out, _ = finished("device", "--boards")
    assert code == 0
    assert "raspberry-pi-5" in out
    path = tmp_path / "board.json"
    code, _, _ = finished("device", "raspberry-pi-5", "--out", path)
    assert code == 0
    assert load_device(path).kind == "data sheet"
