"""`lithe compare`, as it is typed."""

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from tests.command import finished

HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"
SMALL = ("--width", "0.1", "--resolution", "32", "--classes", "3")


def test_neither_counts_with_torch() -> None:
    arguments = ["compare", "mobilenet_v1", "mobilenet_v2", "--static", "--quiet"]
    program = (
        "import sys\n"
        "from lithe.cli import cli\n"
        f"cli.main({arguments!r}, standalone_mode=False)\n"
        "assert not {'torch', 'plotly', 'llvmlite'} & set(sys.modules), 'heavy import'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "in multiples of mobilenet_v1" in done.stdout
    assert "mobilenet_v2 has 0.53 x the MACs of mobilenet_v1" in done.stdout


def test_everything_at_once(tmp_path: Path) -> None:
    html = tmp_path / "compare.html"
    code, out, err = finished(
        "compare", "mobilenet_v1", "nonsense", "mobilenet_v2", *SMALL, "--threads", "1",
        "--to", "mobilenet_v2", "--html", html, "--json", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    values = json.loads(out)
    assert [each["name"] for each in values["networks"]] == [
        "mobilenet_v1_w0.1_r32", "nonsense", "mobilenet_v2_w0.1_r32",
    ]  # fmt: skip
    assert values["to"] == "mobilenet_v2_w0.1_r32"
    assert "there is no network 'nonsense'" in values["networks"][1]["refused"]
    for runtime in ("lithe", "eager"):
        assert values["networks"][0]["latencies"][runtime]["threads"] == 1
    assert "mobilenet_v1_w0.1_r32" in html.read_text(encoding="utf-8")
    assert not err


def test_options_of_tables_leave_others_alone() -> None:
    code, out, err = finished(
        "compare", "mobilenet_v2", "torchvision:squeezenet1_1", "--width", "0.5", "--static",
        "--input", "1x3x96x96", "--csv", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    names = [line.split(",")[:2] for line in out.splitlines()[1:]]
    assert names == [
        ["mobilenet_v2_w0.5_r96", "1x3x96x96"],
        ["torchvision:squeezenet1_1", "1x3x96x96"],
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense", "timm:none_such"], "none of these networks can be compared"),
        (["mobilenet_v1", "--to", "mobilenet_v2"], "is none of the networks compared"),
        (["torchvision:resnet18", "--width", "0.5"], "--width is for architectures"),
        (["mobilenet_v1", "--json", "--csv"], "exclude each other"),
        (["mobilenet_v1", "--html", "no/such/folder/x.html"], "no folder no/such/folder"),
        (["mobilenet_v1", "--input", "1x3"], "square images"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_compared_is_said_with_exit_code_2(
    arguments: list[str], message: str
) -> None:
    code, out, err = finished("compare", *arguments, "--static", "--quiet")
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not out


@pytest.mark.skipif(sys.platform != "linux", reason="a terminal of our own")
def test_stopping_it_leaves_the_terminal_sound_and_no_page(tmp_path: Path) -> None:
    html = tmp_path / "compare.html"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lithe", "compare", "conv_mobilenet", "--html", str(html)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        while b"timing in" not in said:
            said += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        with suppress(OSError):  # the end of a terminal
            while part := os.read(ours, 4096):
                said += part
        assert process.wait(timeout=60) == 130
        assert process.stdout is not None
        assert not process.stdout.read()
    os.close(ours)
    assert said.rstrip().endswith(b"lithe: stopped")
    assert said.count(HIDE_CURSOR) == said.count(SHOW_CURSOR) > 0
    assert not html.exists()


def test_what_a_network_prints_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "talking.py").write_text(
        "from torch import nn\n"
        "print('imported')\n"
        "def net():\n"
        "    print('built')\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))\n"
    )
    command = ["compare", "talking:net", "--input", "1x3x8x8", "--static", "--json", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "lithe", *command], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["networks"][0]["name"] == "talking:net"
    assert "built" in done.stderr
