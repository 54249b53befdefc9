"""What the numbers of a run say in words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.sample import sample

from lithe.report.rows import LimitRow, NetworkRow
from lithe.report.words import Saving, held_out, limit_name, percent, quantity, result, savings


def with_macs(chosen: int, twin: int) -> Saving:
    row = NetworkRow("a network", chosen, 1, 1)
    return savings(replace(sample(), chosen=row, twin=replace(row, macs=twin)))[0]


@pytest.mark.parametrize(
    ("chosen", "twin", "times", "verdict"),
    [
        (100, 794, "7.9", "less"),
        (100, 1234, "12", "less"),
        (250, 100, "2.5", "more"),
        (100, 100, "1.0", "the same"),
        (100, 104, "1.0", "the same"),
        (104, 100, "1.0", "the same"),
        (0, 100, "-", "not measured"),
    ],
)
def test_a_saving_is_a_factor_above_one_and_a_word(
    chosen: int, twin: int, times: str, verdict: str
) -> None:
    saving = with_macs(chosen, twin)
    assert (saving.times, saving.verdict) == (times, verdict)


def test_latency_that_was_not_measured_is_no_saving() -> None:
    rows = sample()
    latency = savings(replace(rows, twin=replace(rows.twin, latency_s=None)))[2]
    assert latency.dimension.key == "latency"
    assert (latency.ratio, latency.verdict) == (None, "not measured")


def test_the_result_is_one_sentence() -> None:
    rows = sample()
    macs = LimitRow("max_macs", "count", 40e6, 12e6, 12e6)
    assert result(replace(rows, limits=(macs,))) == (
        "mobilenet_v1_w0.25_r32 gets 90.3 % of 1000 held-out images right with 12 M MACs, "
        "within every limit; standard convolutions would take 8.0 times as many."
    )
    late = LimitRow("max_latency_s", "seconds", 5e-3, 4e-3, 5.9e-3)
    assert "but breaks the limit on latency (5.9 ms measured, 5 ms asked);" in result(
        replace(rows, limits=(macs, late))
    )
    unmeasured = result(replace(rows, limits=(macs, replace(late, measured=None))))
    assert "limit" not in unmeasured
    assert held_out(rows) == 1000


@given(st.floats(0, 1))
def test_a_share_is_a_hundred_percent_only_if_nothing_was_missed(share: float) -> None:
    text = percent(share)
    assert text.endswith(" %")
    assert (text == "100.0 %") == (share == 1)
    assert abs(float(text.removesuffix(" %")) - 100 * share) <= 0.051


def test_unknown_limits_and_units_keep_their_names() -> None:
    assert limit_name("max_latency_s") == "Latency"
    assert limit_name("--max-flash-bytes") == "Flash bytes"
    assert quantity(None, "seconds") == "not measured"
    assert quantity(1500.0, "furlongs") == "1.5 k"
