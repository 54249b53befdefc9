"""A profile on a terminal."""

import csv
import io
from collections.abc import Callable

import pytest

from lithe.arch import architecture
from lithe.cost import LayerCost
from lithe.profiling import Profile, static_profile
from lithe.report.profile_text import profile_text
from lithe.report.terminal import render
from lithe.report.values import Sort, profile_csv, profile_values, sorted_layers

UNKNOWN = Profile(
    name="[bold]Foreign",
    input_shape=(1, 3, 8, 8),
    macs=62208,
    params=112,
    param_bytes=448,
    peak_activation_bytes=1344,
    peak_layer="stem.a_branch_with_a_long_name.convolution",
    layers=(
        LayerCost(
            "stem.a_branch_with_a_long_name.convolution", "standard", "conv 3x3",
            (1, 3, 8, 8), (1, 4, 6, 6), 62208, 112, 576, 1344,
        ),
        LayerCost(
            "", "unknown", "aten.cumsum.default",
            (1, 4, 6, 6), (1, 4, 6, 6), 0, 0, 576, 1152,
        ),
    ),
    unknown=("aten.cumsum.default",),
)  # fmt: skip


@pytest.mark.parametrize("width", [80, 120])
def test_golden_text(width: int, golden: Callable[[str, str], None]) -> None:
    counted = static_profile(architecture("mobilenet_v2"))
    text = render(profile_text(counted, width=width), width=width, plain=True)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    golden(f"profile_mobilenet_v2_{width}", text)


def test_golden_text_with_an_unknown_operator(golden: Callable[[str, str], None]) -> None:
    text = render(profile_text(UNKNOWN), width=80, plain=True)
    assert text.count("at least") == 4
    golden("profile_unknown", text)


@pytest.mark.parametrize(
    ("sort", "field"), [("macs", "macs"), ("params", "params"), ("memory", "live_bytes")]
)
def test_the_most_costly_first(sort: Sort, field: str) -> None:
    counted = static_profile(architecture("mobilenet_v2", width=0.35, resolution=32))
    figures = [getattr(layer, field) for layer in sorted_layers(counted, sort)]
    assert figures == sorted(figures, reverse=True)
    assert sorted_layers(counted, None) == counted.layers


def test_values_and_csv_say_the_same() -> None:
    counted = static_profile(architecture("mobilenet_v1", resolution=64), (2, 3, 64, 64))
    values = profile_values(counted, "macs")
    lines = list(csv.DictReader(io.StringIO(profile_csv(counted, "macs"))))
    assert [line["path"] for line in lines] == [layer["path"] for layer in values["layers"]]
    assert sum(int(line["macs"]) for line in lines) == values["totals"]["macs"]
    assert values["totals"]["flops"] == 2 * values["totals"]["macs"]
    assert sum(kind["macs"] for kind in values["by_kind"].values()) == counted.macs
    assert {line["in_shape"] for line in lines} >= {"2x3x64x64"}
