"""Quantities, read and written."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lithe.units
from lithe.errors import LitheError
from lithe.units import (
    format_bytes,
    format_count,
    format_seconds,
    parse_bytes,
    parse_count,
    parse_seconds,
    parse_shape,
)


def test_doctests() -> None:
    assert doctest.testmod(lithe.units).failed == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [("2M", 2_000_000), ("2m", 2_000_000), (" 1.5 G ", 1_500_000_000), ("7", 7), (".5k", 500)],
)
def test_counts(text: str, value: int) -> None:
    assert parse_count(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1MB", 10**6), ("1MiB", 2**20), ("512 KiB", 2**19), ("42B", 42)]
)
def test_bytes(text: str, value: int) -> None:
    assert parse_bytes(text) == value


@pytest.mark.parametrize(("text", "value"), [("5ms", 5e-3), ("0.2s", 0.2), ("80us", 8e-5)])
def test_seconds(text: str, value: float) -> None:
    assert parse_seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("parse", [parse_count, parse_bytes, parse_seconds])
@pytest.mark.parametrize(
    "text", ["", "M", "-1M", "0", "0s", "1e999", "nan", "inf", "2 MM", "1,5M", "2M3", "٢M"]
)
def test_what_is_no_quantity_is_refused(parse: object, text: str) -> None:
    with pytest.raises(LitheError, match=r"write it like"):
        parse(text)  # type: ignore[operator]


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    for parse in (parse_count, parse_bytes, parse_seconds):
        try:
            assert parse(text) > 0
        except LitheError as error:
            assert "\n" not in str(error)


@given(st.integers(1, 10**14))
def test_what_is_written_reads_back_within_its_digits(value: int) -> None:
    assert parse_count(format_count(value)) == pytest.approx(value, rel=6e-3)
    assert parse_bytes(format_bytes(value)) == pytest.approx(value, rel=6e-3)


@pytest.mark.parametrize(
    ("value", "text"),
    [(999_499, "999 k"), (999_500, "1 M"), (0, "0"), (12.34e6, "12.3 M"), (99.96e6, "100 M")],
)
def test_three_digits(value: float, text: str) -> None:
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(3_700, "1 h 02 min"), (61, "1 min 01 s"), (0.0123, "12.3 ms")]
)
def test_times(value: float, text: str) -> None:
    assert format_seconds(value) == text


@pytest.mark.parametrize("text", ["1x3x224x224", "1,3,224,224", "1X3 x 224 x 224", " 1x3x224x224 "])
def test_a_shape_is_read(text: str) -> None:
    assert parse_shape(text) == (1, 3, 224, 224)


@pytest.mark.parametrize(
    "text", ["", "x", "1x3x", "1x3x0x8", "1x-3x8x8", "1x3x8.5", "²x3", "9999999999"]
)
def test_what_is_no_shape(text: str) -> None:
    with pytest.raises(LitheError, match="is no shape"):
        parse_shape(text)
