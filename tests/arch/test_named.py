"""A table by its name or label."""

import pytest

from lithe.arch import ARCHITECTURES, architecture
from lithe.arch.named import TableOptions, check_no_options, named
from lithe.errors import LitheError


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(("width", "resolution"), [(1.0, 224), (0.75, 192), (0.5, 96)])
def test_a_label_is_read_back(name: str, width: float, resolution: int) -> None:
    arch = architecture(name, width=width, resolution=resolution)
    assert named(arch.label) == arch


def test_options_reach_the_table() -> None:
    options = TableOptions(0.5, 96, 10, 1, True)
    wanted = architecture(
        "mobilenet_v2", width=0.5, resolution=96, num_classes=10, in_channels=1, paper_strides=True
    )
    assert named("mobilenet_v2", options) == wanted
    assert named("mobilenet_v2_w0.5", options) == wanted


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("mobilenet_v2_w0.5", TableOptions(width=1.0), "says 0.5 and --width 1"),
        ("mobilenet_v2_r96", TableOptions(resolution=128), "says 96 and --resolution 128"),
        ("mobilenet_v9", TableOptions(), "unknown architecture"),
        ("mobilenet_v2", TableOptions(resolution=0), "224|resolution|>= 1"),
    ],
)
def test_what_contradicts_itself(text: str, options: TableOptions, said: str) -> None:
    with pytest.raises(LitheError, match=said):
        named(text, options)


def test_options_of_a_table_where_there_is_none() -> None:
    check_no_options("net.onnx", TableOptions())
    with pytest.raises(LitheError, match="--in-channels is for a named architecture"):
        check_no_options("net.onnx", TableOptions(in_channels=3))
    assert TableOptions(width=0, paper_strides=True).given == ("--width", "--paper-strides")
