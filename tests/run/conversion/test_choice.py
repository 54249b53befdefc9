"""Which replacements are chosen, from losses and savings that are made up."""

import pytest

from lithe.nets.conversion.rows import Replacement
from lithe.run.conversion.choice import Target, choose
from lithe.run.conversion.state import LayerState, Option

NONE = Target(None, None)


def layer(name: str, *options: tuple[float, float, int], s: float = 10, macs: int = 100):  # type: ignore[no-untyped-def]
    """A convolution of so many seconds and MACs; each option is (loss, seconds, MACs)."""
    return LayerState(
        name,
        macs,
        s,
        tuple(
            Option(Replacement(name, "separable", size), *option)
            for size, option in enumerate(options, start=1)
        ),
    )


KEPT = LayerState("stem", 500, reason="only 3 input channels")
# Sizes 1 and 2 of each; a loses little by them, b much.
A, B = layer("a", (0.1, 4, 40), (0.05, 6, 60)), layer("b", (1.0, 4, 40), (0.2, 6, 60))
LAYERS = (KEPT, A, B)


def sizes(choice) -> dict[str, int]:  # type: ignore[no-untyped-def]
    return {row.layer: row.size for row in choice.rows}


def test_without_limits_all_that_gets_quicker_is_replaced_by_the_quickest() -> None:
    slower = layer("c", (0.0, 12, 10), (0.0, 10, 10))
    choice = choose((*LAYERS, slower), 50, 1000, NONE)
    assert sizes(choice) == {"a": 1, "b": 1}
    assert (choice.seconds, choice.macs, choice.holds) == (38, 880, True)


def test_of_equally_quick_ones_the_one_that_loses_less_is_taken() -> None:
    assert sizes(choose([layer("a", (0.3, 4, 40), (0.2, 4, 60))], 10, 100, NONE)) == {"a": 2}


def test_the_order_is_by_loss_for_each_second_saved() -> None:
    c = layer("c", (0.3, 1, 40), s=10)
    choice = choose((B, c, A), 40, 1000, NONE)
    assert [row.layer for row in choice.rows] == ["a", "c", "b"]  # 0.1/6, 0.3/9, 1.0/6


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (38, {"a": 1, "b": 1}),
        (40, {"a": 1, "b": 2}),  # b has most to give back, and there are two seconds for it
        (42, {"a": 2, "b": 2}),
        (44, {"a": 1}),  # b as it was gives back more than a larger size of both
        (46, {"a": 2}),
        (50, {}),
    ],
)
def test_what_is_left_of_a_limit_on_time_goes_where_most_loss_is_given_back(
    seconds: float, expected: dict[str, int]
) -> None:
    choice = choose(LAYERS, 50, 1000, Target(seconds, None))
    assert sizes(choice) == expected
    assert choice.holds
    assert choice.seconds <= seconds


def test_a_limit_on_macs_counts_macs_and_not_time() -> None:
    slow = layer("a", (0.5, 30, 10))  # slower, but fewer MACs
    choice = choose([slow], 10, 100, Target(None, 20))
    assert sizes(choice) == {"a": 1}
    assert (choice.seconds, choice.macs, choice.holds) == (30, 10, True)
    assert sizes(choose([slow], 10, 100, Target(None, 100))) == {}


def test_both_limits_hold_or_the_choice_says_that_they_do_not() -> None:
    assert sizes(choose(LAYERS, 50, 1000, Target(42, 900))) == {"a": 1, "b": 2}
    choice = choose(LAYERS, 50, 1000, Target(50, 800))
    assert not choice.holds
    assert choice.macs == 880


def test_where_nothing_fits_what_saves_most_is_named() -> None:
    choice = choose(LAYERS, 50, 1000, Target(1, None))
    assert not choice.holds
    assert sizes(choice) == {"a": 1, "b": 1}
    assert choice.seconds == 38


def test_nothing_saves() -> None:
    slower = layer("c", (0.0, 12, 10))
    for target, holds in ((NONE, True), (Target(20, None), True), (Target(5, None), False)):
        choice = choose([KEPT, slower], 10, 1000, target)
        assert choice.rows == ()
        assert (choice.seconds, choice.macs, choice.holds) == (10, 1000, holds)


def test_an_option_that_saves_no_time_is_taken_for_its_macs_where_both_are_limited() -> None:
    both = layer("a", (0.5, 8, 40), (0.1, 10, 60))
    choice = choose([both], 10, 100, Target(10, 70))
    assert sizes(choice) == {"a": 2}
    assert choice.holds


def test_under_both_limits_the_quickest_need_not_have_the_fewest_macs() -> None:
    both = layer("a", (0.1, 4, 90), (0.5, 8, 40))
    choice = choose([both], 10, 100, Target(9, 50))
    assert sizes(choice) == {"a": 2}
    assert choice.holds


def test_a_replacement_that_gains_accuracy_is_never_given_back() -> None:
    better = layer("a", (-0.1, 4, 40))
    assert sizes(choose([better], 10, 100, Target(10, None))) == {"a": 1}
