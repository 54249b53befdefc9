"""Multipliers, rounding and the small-input rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.arch import ARCHITECTURES, architecture, round_channels, strides, unroll
from lithe.errors import LitheError


@given(st.floats(0.5, 20_000))
def test_rounding_is_divisible_by_8_and_never_down_by_more_than_a_tenth(channels: float) -> None:
    rounded = round_channels(channels)
    assert rounded % 8 == 0
    assert rounded >= 0.9 * channels
    assert rounded <= max(8, channels + 8)


@pytest.mark.smoke
@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("resolution", [8, 9, 16, 28, 31, 32, 48, 64, 95, 96])
def test_small_inputs_end_in_a_map_of_at_least_4_pixels(name: str, resolution: int) -> None:
    assert 4 <= unroll(architecture(name, resolution=resolution))[-1].h_out < 8


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("resolution", [97, 112, 128, 160, 192, 224])
def test_larger_inputs_keep_the_papers_strides(name: str, resolution: int) -> None:
    table = ARCHITECTURES[name]
    assert strides(architecture(name, resolution=resolution)) == tuple(row.s for row in table.rows)


def test_paper_strides_keep_the_table_on_small_inputs() -> None:
    arch = architecture("mobilenet_v2", resolution=96, paper_strides=True)
    assert unroll(arch)[-1].h_out == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 0.01}, "0.32, which is no channel at all"),
        ({"width": 0.0}, "width"),
        ({"width": float("nan")}, "width"),
        ({"resolution": 7}, "use 8 pixels or more"),
        ({"resolution": 31, "paper_strides": True}, "below the network's stride of 32"),
        ({"num_classes": 0}, "num_classes"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_what_cannot_be_built_says_why(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(LitheError, match=message):
        architecture("mobilenet_v1", **arguments)  # type: ignore[arg-type]


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(LitheError, match="did you mean mobilenet_v2"):
        architecture("mobilenetv2")
