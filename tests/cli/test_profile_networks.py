"""`lithe profile` of any network: one's own code, ONNX, other machines, errors, Ctrl-C."""

import json
import os
import pty
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from lithe.cli import main

USERS_CODE = """
import torch
from torch import nn
print("a word of the user's")
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=False)
    def forward(self, x):
        return self.conv(x)
class Decides(Plain):
    def forward(self, x):
        return self.conv(x) if x.sum() > 0 else x
def build_net(): return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1))
def perceptron(): return nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
def unknown(): return nn.Sequential(nn.Conv2d(3, 4, 3), Cumulated())
class Cumulated(nn.Module):
    def forward(self, x):
        return torch.cumsum(x, 2)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "users_nets.py").write_text(USERS_CODE)
    (tmp_path / "raising.py").write_text("x = 1\nraise OSError('no weights here')")
    monkeypatch.chdir(tmp_path)
    return "users_nets"


def ran(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """What the command line says, in this process, where torch is imported already."""
    with pytest.raises(SystemExit) as left:
        main(["profile", *arguments])
    assert isinstance(left.value.code, int)
    sys.modules.pop("users_nets", None)
    return left.value.code, *capfd.readouterr()


def profiled(capfd: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    code, out, err = ran(capfd, *arguments, "--json")
    assert code == 0, err
    values: dict[str, object] = json.loads(out)
    return values


def test_the_users_own_code(package: str, capfd: pytest.CaptureFixture[str]) -> None:
    values = profiled(capfd, f"{package}:build_net", "--input", "2x3x32x32", "--static")
    assert values["name"] == "users_nets:build_net"
    assert values["input_shape"] == [2, 3, 32, 32]
    assert values["totals"]["macs"] == 2 * 30 * 30 * (8 * 3 * 9 + 4 * 8)  # type: ignore[index]


def test_measured_in_both_runtimes_and_written_as_a_page(
    package: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    arguments = ("--input", "1x3x32x32", "--threads", "1", "--html", str(page), "--quiet")
    values = profiled(capfd, f"{package}:build_net", *arguments)
    runs = values["latencies"]
    assert isinstance(runs, list)
    assert [(run["runtime"], run["threads"]) for run in runs] == [("lithe", 1), ("eager", 1)]
    assert all(0 < run["p20_s"] <= run["p50_s"] <= run["p80_s"] for run in runs)
    assert page.read_text().startswith("<!doctype html>")


def test_an_onnx_file_says_itself_what_it_takes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, bias=False))
        torch.onnx.export(network, (torch.zeros(1, 3, 8, 8),), path, dynamo=False)
    values = profiled(capfd, str(path), "--static")
    assert values["name"] == "net.onnx"
    assert values["totals"]["macs"] == 6 * 6 * 4 * 27  # type: ignore[index]
    path.write_bytes(path.read_bytes()[:-200])
    code, out, err = ran(capfd, str(path))
    assert (code, out) == (2, "")
    assert "net.onnx" in err
    assert len(err.splitlines()) == 1


def test_a_machine_that_is_not_here_is_predicted(capfd: pytest.CaptureFixture[str]) -> None:
    from lithe.device.boards import BOARDS

    code, out, err = ran(capfd, "mobilenet_v1", "--device", next(iter(BOARDS)))
    assert (code, err) == (0, "")
    assert "predicted for" in out
    assert "measured on" not in out


@pytest.mark.parametrize(
    ("text", "shape", "said"),
    [
        ("users_nets:Decides", "1x3x8x8", "depends on the values in the input"),
        ("users_nets:Plain", "1x4x8x8", "cannot be captured for an input of (1, 4, 8, 8)"),
        ("users_nets:Plain", "1x3x2x2", "cannot be captured for an input of (1, 3, 2, 2)"),
        ("users_nets:Plain", None, "add the shape of its input, such as --input"),
        ("users_nets:perceptron", "1x3x8x8", "is no convolutional network"),
        ("users_nets:Cumulated", "1x3x8x8", ""),
        ("users_nets:Plian", "1x3x8x8", "did you mean Plain?"),
        ("raising:net", "1x3x8x8", "OSError: no weights here (raising.py, line 2)"),
    ],
)
def test_what_cannot_be_profiled_is_one_line_and_exit_code_2(
    package: str,
    text: str,
    shape: str | None,
    said: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shapes = ("--input", shape) if shape else ()
    code, out, err = ran(capfd, text, *shapes, "--static")
    if not said:  # an operator that nobody knows might be a convolution
        assert code == 0
        assert "at least" in out
        return
    last = err.splitlines()[-1]
    assert (code, out) == (2, "")
    assert last.startswith("lithe: ")
    assert said in last
    assert "Traceback" not in err


def test_control_c_leaves_a_sound_terminal() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lithe", "profile", "mobilenet_v2", "--width", "0.35"],
        stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while b"%" not in shown:  # the bar is there
        shown += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    while part := _read(ours):
        shown += part
    os.close(ours)
    assert process.wait(60) == 130
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h")  # the cursor is back
    assert shown.endswith(b"lithe: stopped\r\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # nobody writes to it any more
        return b""
