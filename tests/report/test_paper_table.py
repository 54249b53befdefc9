"""Architectures in the notation of their papers, on 80 columns."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.arch import ARCHITECTURES, Architecture, architecture, changed, standard_twin
from lithe.profiling import static_profile
from lithe.report.paper_table import paper_table
from lithe.report.paper_text import paper_text
from lithe.report.terminal import render


def printed(arch: Architecture) -> str:
    return render(paper_text(paper_table(arch), static_profile(arch)), width=80, plain=True)


def ablated(**switches: object) -> Architecture:
    table = architecture("mobilenet_v2", width=0.5)
    rows = [
        {"block": "inverted_residual", "t": 6, "c": 24, "n": 2, "s": 2, **switches}
        if index == 2
        else row
        for index, row in enumerate(table.rows)
    ]
    return changed(table, rows=rows)


CASES = {
    "show_mobilenet_v1": architecture("mobilenet_v1"),
    "show_mobilenet_v1_w0.5_r64": architecture("mobilenet_v1", width=0.5, resolution=64),
    "show_mobilenet_v2": architecture("mobilenet_v2"),
    "show_mobilenet_v2_r32_grey": architecture(
        "mobilenet_v2", resolution=32, num_classes=10, in_channels=1
    ),
    "show_conv_mobilenet": architecture("conv_mobilenet"),
    "show_mobilenet_v2_standard": standard_twin(architecture("mobilenet_v2")),
    "show_structure_of_v2": architecture(
        "mobilenet_v2-hs-n1t1k3-n2t3k5s-n2t3k5s.r6-n1t2k3-n2t6k7-n2t6k7s.si-n1t6k3", width=2
    ),
    "show_structure_of_v1": architecture(
        "mobilenet_v1-n1k7-n1k3s-n1k5s.hs-n1k3s-n2k7-n1k7.hs-n3k7s.hs-n2k5.re-n1k3", width=0.5
    ),
    "show_not_linear": ablated(linear=False, k=5),
}


@pytest.mark.parametrize("name", CASES)
def test_golden_text(name: str, golden: Callable[[str, str], None]) -> None:
    golden(name, printed(CASES[name]))


STRUCTURES = ("mobilenet_v2-hs-n2t1k7s-n3t6k7s.r6-n4t6k7s-n5t6k7s-n4t6k7s-n4t6k7s-n2t6k7s",)


@pytest.mark.parametrize("name", [*ARCHITECTURES, *STRUCTURES])
@pytest.mark.parametrize("resolution", [8, 224, 1024])
def test_80_columns_are_enough(name: str, resolution: int) -> None:
    for line in printed(architecture(name, width=1.4, resolution=resolution)).splitlines():
        assert len(line) <= 80
        assert "…" not in line


@pytest.mark.smoke
def test_the_rows_of_the_v1_papers_table() -> None:
    """Every row as printed, but for its slip: the last depthwise convolution has stride 1."""
    cells = [row.cells for row in paper_table(architecture("mobilenet_v1")).rows]
    assert cells[:5] == [
        ("Conv / s2", "3 x 3 x 3 x 32", "224 x 224 x 3"),
        ("Conv dw / s1", "3 x 3 x 32 dw", "112 x 112 x 32"),
        ("Conv / s1", "1 x 1 x 32 x 64", "112 x 112 x 32"),
        ("Conv dw / s2", "3 x 3 x 64 dw", "112 x 112 x 64"),
        ("Conv / s1", "1 x 1 x 64 x 128", "56 x 56 x 64"),
    ]
    assert cells[-9:] == [
        ("Conv dw / s1", "3 x 3 x 512 dw", "14 x 14 x 512"),
        ("Conv / s1", "1 x 1 x 512 x 512", "14 x 14 x 512"),
        ("Conv dw / s2", "3 x 3 x 512 dw", "14 x 14 x 512"),
        ("Conv / s1", "1 x 1 x 512 x 1024", "7 x 7 x 512"),
        ("Conv dw / s1", "3 x 3 x 1024 dw", "7 x 7 x 1024"),
        ("Conv / s1", "1 x 1 x 1024 x 1024", "7 x 7 x 1024"),
        ("Avg Pool / s1", "Pool 7 x 7", "7 x 7 x 1024"),
        ("FC / s1", "1024 x 1000", "1 x 1 x 1024"),
        ("Softmax / s1", "Classifier", "1 x 1 x 1000"),
    ]
    assert len(cells) == 22


def test_the_rows_of_the_v2_papers_table() -> None:
    assert [row.cells for row in paper_table(architecture("mobilenet_v2")).rows] == [
        ("224² x 3", "conv2d", "-", "32", "1", "2"),
        ("112² x 32", "bottleneck", "1", "16", "1", "1"),
        ("112² x 16", "bottleneck", "6", "24", "2", "2"),
        ("56² x 24", "bottleneck", "6", "32", "3", "2"),
        ("28² x 32", "bottleneck", "6", "64", "4", "2"),
        ("14² x 64", "bottleneck", "6", "96", "3", "1"),
        ("14² x 96", "bottleneck", "6", "160", "3", "2"),
        ("7² x 160", "bottleneck", "6", "320", "1", "1"),
        ("7² x 320", "conv2d 1x1", "-", "1280", "1", "1"),
        ("7² x 1280", "avgpool 7x7", "-", "-", "1", "-"),
        ("1² x 1280", "conv2d 1x1", "-", "1000", "1", "-"),
    ]


@given(
    name=st.sampled_from([*sorted(ARCHITECTURES), *STRUCTURES, "mobilenet_v1-hs" + "-n2k5s" * 9]),
    width=st.sampled_from([0.1, 0.35, 0.75, 1.0, 1.4]),
    resolution=st.integers(8, 256),
)
def test_the_rows_sum_to_the_whole(name: str, width: float, resolution: int) -> None:
    arch = architecture(name, width=width, resolution=resolution)
    rows, whole = paper_table(arch).rows, static_profile(arch)
    assert sum(row.macs for row in rows) == whole.macs
    assert sum(row.params for row in rows) == whole.params
    assert max(row.live_bytes for row in rows) == whole.peak_activation_bytes


def test_paper_strides_leave_nothing_to_mark() -> None:
    small = architecture("mobilenet_v1", resolution=64)
    kept = architecture("mobilenet_v1", resolution=64, paper_strides=True)
    assert [row.removed_stride for row in paper_table(small).rows if row.removed_stride] == [2]
    assert not any(row.removed_stride for row in paper_table(kept).rows)
    assert "--paper-strides" in printed(small)
    assert "--paper-strides" not in printed(kept)


def test_ablations_are_named() -> None:
    assert "not linear" in printed(ablated(linear=False))
    assert "without shortcuts" in printed(ablated(shortcut="none"))
    assert "between expansions" in printed(ablated(shortcut="expansion"))
    assert "bottleneck 5x5" in printed(ablated(k=5))
