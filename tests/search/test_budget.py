"""Budgets: what is asked, what it is held against."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.errors import LitheError
from lithe.search.budget import LIMITS, Budget, asked, broken, overrun, parse_budget
from lithe.search.price import Price


def test_every_field_has_a_limit() -> None:
    assert tuple(limit.field for limit in LIMITS) == Budget.__struct_fields__


def test_budgets_are_read_as_people_write_them() -> None:
    assert parse_budget("2M", "300k", "1MB", "5ms") == Budget(2_000_000, 300_000, 1_000_000, 0.005)


@pytest.mark.parametrize(
    ("option", "position"),
    [("--max-macs", 0), ("--max-params", 1), ("--max-activation", 2), ("--max-latency", 3)],
)
def test_what_cannot_be_read_names_its_option(option: str, position: int) -> None:
    texts: list[str | None] = [None] * 4
    texts[position] = "lots"
    with pytest.raises(LitheError, match=f"{option}: 'lots' is not a quantity"):
        parse_budget(*texts)


@given(st.lists(st.one_of(st.none(), st.text(max_size=12)), min_size=4, max_size=4))
def test_any_text_is_a_budget_or_one_line(texts: list[str | None]) -> None:
    try:
        budget = parse_budget(*texts)
    except LitheError as error:
        assert "\n" not in str(error)
    else:
        assert all(value > 0 for _, value in asked(budget))


def test_a_limit_is_kept_at_equality_and_broken_above() -> None:
    price = Price(macs=100, params=10, peak_activation_bytes=1)
    assert broken(Budget(max_macs=100), price) == ()
    assert [limit.field for limit in broken(Budget(max_macs=99, max_params=9), price)] == [
        "max_macs",
        "max_params",
    ]
    assert overrun(Budget(max_macs=50, max_params=100), price) == 2.0


def test_a_latency_that_nobody_measured_breaks_nothing() -> None:
    assert broken(Budget(max_latency_s=1e-9), Price(1, 1, 1)) == ()
