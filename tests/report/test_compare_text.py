"""Networks side by side on a terminal."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.report.compare_sample import counted_only, side_by_side, unknown_side_by_side

from lithe.profiling.side_by_side import SideBySide
from lithe.report.compare_text import compare_text
from lithe.report.terminal import render


def shown(compared: SideBySide, width: int = 80) -> str:
    return render(compare_text(compared, width), width=width, plain=True)


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize(
    ("name", "make"),
    [("timed", side_by_side), ("unknown", unknown_side_by_side), ("counted", counted_only)],
)
def test_golden_text(
    name: str, make: Callable[[], SideBySide], width: int, golden: Callable[[str, str], None]
) -> None:
    text = shown(make(), width)
    assert max(map(len, text.splitlines())) <= width
    golden(f"compare_{name}_{width}", text)


def test_figures_are_never_cut_names_are() -> None:
    rows = tuple(replace(row, name=f"{'long' * 20}_{row.name}") for row in side_by_side().profiles)
    text = shown(SideBySide(rows))
    assert "et_v2_w1_r224 " in text
    plain = shown(side_by_side())
    for figure in ("4.87 G", "12.7 mJ", "6.02 MB", "10.6 to 11.4 ms", "0.080"):
        assert figure in plain
        assert figure in text


def test_one_network_is_shown_without_multiples() -> None:
    text = shown(SideBySide(side_by_side().profiles[:1]))
    assert "1 network, input 1x3x224x224" in text
    assert "multiples" not in text


def test_names_are_no_markup() -> None:
    rows = tuple(replace(row, name=f"[bold]{row.name}") for row in counted_only().profiles)
    assert "[bold]mobilenet_v2_w1_r224 has" in shown(SideBySide(rows))
