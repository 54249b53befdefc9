"""`lithe show` and `lithe profile`, as they are typed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.models import converted_network, make_converted_file

from lithe.nets.build import create
from lithe.nets.card import ModelCard, Preprocessing
from lithe.nets.libraries import from_library
from lithe.nets.model_file import save
from lithe.profiling.compare import compare
from lithe.profiling.profile import profile
from lithe.profiling.static import static_profile

COMMANDS = (["show", "mobilenet_v2"], ["profile", "mobilenet_v1", "--static"])


def lithe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lithe", *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.mark.smoke
@pytest.mark.parametrize("command", COMMANDS)
def test_neither_imports_torch(command: list[str]) -> None:
    # A plan for the engine's memory needs NumPy; a table is shown without.
    heavy = {"torch", "llvmlite", "plotly"} | ({"numpy"} if command[0] == "show" else set())
    program = (
        "import sys\n"
        "from lithe.cli import cli\n"
        f"cli.main({command!r}, standalone_mode=False)\n"
        f"assert not {heavy!r} & set(sys.modules), 'heavy import'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mobilenet" in done.stdout


def test_show_as_json_has_the_papers_rows_and_the_totals() -> None:
    values = json.loads(lithe("show", "mobilenet_v1", "--resolution", "64", "--json").stdout)
    first = values["rows"][0]
    assert first["cells"] == {
        "Type / Stride": "Conv / s1",
        "Filter Shape": "3 x 3 x 3 x 32",
        "Input Size": "64 x 64 x 3",
    }
    assert first["removed_stride"] == 2
    assert values["totals"]["macs"] == sum(row["macs"] for row in values["rows"])
    assert values["architecture"]["resolution"] == 64


def test_options_reach_the_table() -> None:
    done = lithe("show", "mobilenet_v2", "--width", "0.5", "--resolution", "96", "--classes", "7",
                 "--in-channels", "1", "--paper-strides")  # fmt: skip
    assert "mobilenet_v2_w0.5_r96, 7 classes, input 96 x 96 x 1" in done.stdout
    assert "avgpool 3x3" in done.stdout


def test_profile_as_json_and_as_csv() -> None:
    text = lithe("profile", "mobilenet_v1", "--width", "0.25", "--static", "--batch", "2",
                 "--json").stdout  # fmt: skip
    values = json.loads(text)
    assert values["name"] == "mobilenet_v1_w0.25_r224"
    assert values["input_shape"] == [2, 3, 224, 224]
    lines = lithe(
        "profile", "mobilenet_v1", "--static", "--csv", "--sort", "params"
    ).stdout.splitlines()
    assert lines[0].startswith("path,kind,op,")
    assert lines[1].startswith("blocks.13.pointwise.conv,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "mobilenet_v3"], "did you mean mobilenet_v2"),
        (["show", "mobilenet_v2", "--width", "0.01"], "no channel at all"),
        (["show", "mobilenet_v2", "--resolution", "4"], "use 8 pixels or more"),
        (["profile", "mobilenet_v2", "--json", "--csv"], "exclude each other"),
        (["profile", "mobilenet_v2", "--batch", "0"], "give 1 or more"),
        (["profile", "mobilenet_v2", "--input", "1x3"], "takes square images"),
        (["profile", "mobilenet_v2", "--input", "big"], "'big' is no shape"),
        (["profile", "mobilenet_v2", "--static", "--threads", "2"], "--static runs nothing"),
        (["profile", "mobilenet_v2", "--html", "no/such/folder/x.html"], "there is no folder"),
        (["profile", "mobilenet_v2", "--device", "no_such_board"], "no_such_board"),
        (["profile", "no.such.package:net"], "there is no Python module 'no'"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_exit_code_2(
    arguments: list[str], message: str
) -> None:
    done = lithe(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    network = create("mobilenet_v2", width=0.1, resolution=32, num_classes=2, in_channels=1)
    card = ModelCard(
        arch=network.arch,
        classes=("cat", "dog"),
        preprocessing=Preprocessing(resolution=32, mean=(0.5,), std=(0.5,)),
    )
    save(path, network, card)
    return path


def test_a_model_file_is_counted_by_its_own_table(model_file: Path) -> None:
    values = json.loads(lithe("profile", str(model_file), "--static", "--json").stdout)
    assert values["name"] == "mobilenet_v2_w0.1_r32"
    assert values["input_shape"] == [1, 1, 32, 32]
    options = ("--width", "0.1", "--resolution", "32", "--classes", "2", "--in-channels", "1")
    named = json.loads(lithe("profile", "mobilenet_v2", *options, "--static", "--json").stdout)
    assert values["totals"] == named["totals"]


def test_a_converted_network_is_counted_and_compared_by_its_file(tmp_path: Path) -> None:
    path = make_converted_file(tmp_path / "model.safetensors", ("cat", "dog"))
    network, _ = converted_network(path)
    values = json.loads(lithe("profile", str(path), "--static", "--json").stdout)
    assert values["name"] == "timm:test_resnet, 2 layers converted"
    assert values["input_shape"] == [1, 3, 32, 32]
    counted = profile(network, static=True)  # it says itself what it takes
    assert (counted.name, counted.input_shape) == (values["name"], (1, 3, 32, 32))
    assert values["totals"]["macs"] == counted.macs
    original = static_profile(from_library("timm", "test_resnet", 2), (1, 3, 32, 32))
    assert counted.macs < original.macs
    beside = compare([path, network], static=True)
    assert [row.macs for row in beside.profiles] == [counted.macs] * 2
    assert beside.base.name == "timm:test_resnet, 2 layers converted"


def test_options_of_a_named_architecture_do_not_go_with_a_file(model_file: Path) -> None:
    done = lithe("profile", str(model_file), "--in-channels", "3")
    assert done.returncode == 2
    assert "--in-channels is for a named architecture" in done.stderr


def test_what_is_no_model_file_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a model")
    for path in (tmp_path / "missing.safetensors", broken):
        done = lithe("profile", str(path))
        assert done.returncode == 2
        assert path.name in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
