"""Runs in turns, on runs that are made up: nothing here depends on how fast the machine is."""

import gc
from collections.abc import Sequence
from itertools import count

import pytest

from lithe.profiling import rounds
from lithe.profiling.rounds import Effort, StepWork, Way, take_turns

BRIEF = Effort(rounds=4, turn_s=0, warm_up_s=0, calm=0)


class Recorder:
    """Two steps of known length; notes what ran."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log
        self.steps: list[tuple[float, float]] = []

    def whole(self) -> None:
        self.log.append(self.name)
        assert not gc.isenabled()

    def timed(self) -> Sequence[float]:
        self.log.append(f"{self.name} timed")
        self.steps.append((1.0 + len(self.steps), 0.5))
        return self.steps[-1]

    def way(self) -> Way:
        work = (StepWork("a", "k", (0, 2), 7, 11), StepWork("b", "l", (1,), 0, 13))
        return Way("lithe", 3, self.whole, self.timed, work)


def test_every_runtime_has_its_turn_in_every_round() -> None:
    log: list[str] = []
    seen: list[int] = []
    first, second = Recorder("first", log), Recorder("second", log)
    effort = Effort(rounds=4, turn_s=0, fewest=1, burst_s=0, warm_up_s=0, warm_up=0, calm=0)
    take_turns([first.way(), second.way()], lambda *_, **__: seen.append(len(log)), effort)
    # turn_s=0 is reached at once: one burst is asked for by `fewest`
    assert log == ["first", "first timed", "second", "second timed"] * 4
    assert seen == [4, 8, 12, 16]
    assert gc.isenabled()


def test_what_is_said_of_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithe.profiling.rounds._interruptions", lambda: 0)  # every run counts
    recorder = Recorder("it", [])
    effort = Effort(rounds=2, turn_s=0, fewest=3, burst_s=0, warm_up_s=0, warm_up=0, calm=0)
    (run,) = take_turns([recorder.way()], lambda *_, **__: None, effort)
    assert run.total.threads == 3
    assert run.total.runs == 6
    assert run.warm_up == 0
    assert 0 <= run.total.p20_s <= run.total.p50_s <= run.total.p80_s
    first, second = run.steps
    assert (first.label, first.kernel, first.layers) == ("a", "k", (0, 2))
    assert (first.macs, first.moved_bytes) == (7, 11)
    assert (first.p20_s, first.p50_s, first.p80_s) == (2.0, 3.0, 5.0)  # of 1 to 6
    assert (second.p20_s, second.p50_s, second.p80_s) == (0.5, 0.5, 0.5)
    assert run.steps_s == 3.5


def test_runs_to_warm_up_do_not_count() -> None:
    recorder = Recorder("it", [])
    effort = Effort(rounds=1, turn_s=1e-9, fewest=1, burst_s=0, warm_up_s=0, warm_up=1, calm=0)
    (run,) = take_turns([recorder.way()], lambda *_, **__: None, effort)
    assert run.warm_up == 1
    assert run.steps[0].p50_s == 2.0  # the first run said 1.0


def test_interrupted_runs_do_not_count_where_there_are_enough_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder("it", [])
    calls = count()
    # Looked at before and after each run: every third run is interrupted.
    monkeypatch.setattr(rounds, "_interruptions", lambda: (next(calls) + 1) // 6)
    effort = Effort(rounds=2, turn_s=0, fewest=3, burst_s=0, warm_up_s=0, warm_up=0, calm=4)
    (run,) = take_turns([recorder.way()], lambda *_, **__: None, effort)
    assert run.total.runs == 4  # of 6 of each kind
    assert run.steps[0].p80_s < 6
    many = Effort(rounds=2, turn_s=0, fewest=3, burst_s=0, warm_up_s=0, warm_up=0, longest_s=0)
    (run,) = take_turns([recorder.way()], lambda *_, **__: None, many)
    assert run.total.runs == 1  # too few are calm: all count


def test_runs_count_where_every_one_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count()
    monkeypatch.setattr(rounds, "_interruptions", lambda: next(calls))
    (run,) = take_turns([Recorder("it", []).way()], lambda *_, **__: None, BRIEF)
    assert run.total.runs >= 4
    assert run.steps[0].p50_s > 0


def test_a_way_without_steps_is_measured_as_a_whole() -> None:
    (run,) = take_turns([Way("eager", 1, lambda: None)], lambda *_, **__: None, BRIEF)
    assert run.steps == ()
    assert run.total.runs >= 4


def test_collection_of_garbage_comes_back_after_an_interrupt() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_turns([Way("eager", 1, interrupt)], lambda *_, **__: None, BRIEF)
    assert gc.isenabled()
