"""A network that is late is timed again where the machine is slow."""

from collections.abc import Iterator

import pytest

from lithe.profiling.latency import Latency
from lithe.run.timing import PAUSES_S, Timed, in_calm


def found(seconds: float, reference_s: float) -> Timed:
    return Timed((Latency(seconds, seconds, seconds, 16, 1, "lithe"),), reference_s)


def late(timed: Timed) -> bool:
    return timed.latencies[0].p80_s > 1.0


def again(rows: list[Timed]) -> Iterator[Timed]:
    yield from rows
    raise AssertionError("timed more often than it should be")


@pytest.mark.parametrize(
    ("rows", "always"),
    [
        ([found(0.9, 1.0)], False),  # holds at once
        ([found(0.9, 1.5)], False),  # holds on a slow machine
        ([found(1.2, 1.05)], False),  # late, and the machine is as it was
        ([found(1.4, 1.5), found(0.9, 1.0)], False),
        ([found(1.4, 1.5), found(1.2, 1.0)], False),
        ([found(1.4, 1.5)] * (1 + len(PAUSES_S)), False),  # slow for good
        ([found(1.2, 1.0), found(0.9, 1.0)], True),
        ([found(1.2, 1.0)] * (1 + len(PAUSES_S)), True),
    ],
)
def test_as_often_as_it_may_help(rows: list[Timed], always: bool) -> None:
    source, pauses = again(rows), list[float]()
    last = in_calm(lambda: next(source), late, 1.0, always=always, pause=pauses.append)
    assert last is rows[-1]
    assert pauses == list(PAUSES_S[: len(rows) - 1])


def test_without_a_word_on_the_past_no_machine_is_slow() -> None:
    source = again([found(1.4, 1.5)])
    assert in_calm(lambda: next(source), late, None).slower_by(None) == 0.0
