"""When a difference is accounted for: rounding, or a note that says to what it leads."""

import pytest

from lithe.profiling.comparison import Comparison, Table, decimals


@pytest.mark.parametrize(
    ("printed", "computed", "agrees"),
    [
        (569, 568.74, True),
        (569, 569.5, True),
        (569, 569.51, False),
        (290, 290.68, False),
        (4.2, 4.2320, True),
        (4.2, 4.26, False),
        (1.32, 1.3316, False),
        (0.02, 0.0205, True),
    ],
)
def test_a_number_is_held_to_the_digits_that_are_printed(
    printed: float, computed: float, agrees: bool
) -> None:
    assert Comparison("net", "M MACs", printed, computed).agrees is agrees


def test_a_coarser_step_must_be_said() -> None:
    assert not Comparison("net", "Kb", 1600, 1605.6).agrees
    assert Comparison("net", "Kb", 1600, 1605.6, step=100).agrees
    assert not Comparison("net", "Kb", 1600, 1655.6, step=100).agrees


def test_a_difference_needs_a_note_and_the_note_the_right_number() -> None:
    wrong = Comparison("net", "M MACs", 585, 582.2)
    assert not wrong.accounted_for
    assert not Comparison("net", "M MACs", 585, 582.2, note="a misprint").accounted_for
    assert not Comparison("net", "M MACs", 585, 582.2, true=582).accounted_for
    assert Comparison("net", "M MACs", 585, 582.2, true=582, note="a misprint").accounted_for
    # A later mistake of ours does not hide behind the note.
    assert not Comparison("net", "M MACs", 585, 600.1, true=582, note="a misprint").accounted_for
    assert Table("v0:1", "A table", (wrong,)).unaccounted == (wrong,)


def test_text_agrees_letter_by_letter() -> None:
    assert Comparison("1", "line", "Conv / s2", "Conv / s2").agrees
    slip = Comparison("1", "line", "Conv / s2", "Conv / s1", true="Conv / s1", note="a slip")
    assert (slip.agrees, slip.accounted_for, slip.difference) == (False, True, None)


def test_what_is_not_computed_neither_agrees_nor_differs() -> None:
    accuracy = Comparison("net", "top-1 %", 70.6)
    assert (accuracy.agrees, accuracy.accounted_for, accuracy.difference) == (False, True, None)


def test_decimals() -> None:
    assert [decimals(number) for number in (569, 4.2, 1.32, 72.0)] == [0, 1, 2, 1]
