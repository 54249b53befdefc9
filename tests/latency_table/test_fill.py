"""Networks are timed and kept: really run, stopped, killed, on a machine that becomes slow."""

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from tests.latency_table.sample import TINY, planned

from lithe.arch import Architecture
from lithe.engine.target import instruction_set
from lithe.errors import LitheError
from lithe.latency_table import fill
from lithe.latency_table.context import context_of
from lithe.latency_table.fill import measure_networks
from lithe.latency_table.machine import fill_table
from lithe.latency_table.store import Table, network_name, open_table
from lithe.latency_table.turns import Effort, Runs, Turn
from lithe.latency_table.values import NetworkTimes, PlannedStep
from lithe.progress import Progress

ISA = instruction_set()
BRIEF = Effort(turn_s=0.0)  # one round a turn
TINIES = tuple(replace(TINY, num_classes=n) for n in range(2, 10))


def table_in(folder: Path) -> Table:
    return open_table(folder / "latency.sqlite")


def measured(
    archs: Sequence[Architecture], table: Table, threads: int = 1, effort: Effort = BRIEF
) -> list[NetworkTimes]:
    def plan(archs: Sequence[Architecture]) -> Sequence[Sequence[PlannedStep]]:
        return planned(archs, threads)

    return list(measure_networks(archs, ISA, threads, plan, table, effort=effort))


@pytest.mark.parametrize("threads", [1, 2])
def test_steps_add_up_to_the_whole_and_are_kept(tmp_path: Path, threads: int) -> None:
    table = table_in(tmp_path)
    wide = replace(TINY, width=8.0, resolution=64)
    found = measured([TINY, wide], table, threads, Effort(turn_s=0.02))
    assert [times.arch for times in found] == [TINY, wide]
    for times in found:
        (steps,) = planned([times.arch], threads)
        assert tuple(row.step for row in times.steps) == tuple(steps)
        assert {row.network for row in times.steps} == {network_name(times.arch)}
        total_s = sum(row.seconds for row in times.steps)
        assert 0 < total_s < 1.5 * times.whole_s
        assert 1e-5 < times.reference_s < 1
    kept = table.networks(context_of(ISA, threads))
    assert [times.arch for times in kept] == [TINY, wide]
    for before, after in zip(found, kept, strict=True):
        factor = after.reference_s / before.reference_s
        assert after.whole_s == pytest.approx(factor * before.whole_s)
    assert table.networks(context_of(ISA, threads + 1)) == ()


def test_more_networks_than_are_open_at_once(tmp_path: Path) -> None:
    found = measured(TINIES, table_in(tmp_path))
    assert {times.arch for times in found} == set(TINIES)
    assert len(table_in(tmp_path).networks(context_of(ISA, 1))) == len(TINIES)


def test_a_plan_of_other_steps_is_refused(tmp_path: Path) -> None:
    def wrong(archs: Sequence[Architecture]) -> Sequence[Sequence[PlannedStep]]:
        return [steps[:-1] for steps in planned(archs)]

    with pytest.raises(LitheError, match=r"tiny_w1_r8: step \d of \d was planned otherwise"):
        list(measure_networks([TINY], ISA, 1, wrong, table_in(tmp_path), effort=BRIEF))
    assert table_in(tmp_path).size().networks == 0


class _Machine:
    """Stands for the clock only: each turn takes the reference as long as the next number."""

    def __init__(self, reference_s: Sequence[float]) -> None:
        self.left = list(reference_s)
        self.taken = 0

    def take_turn(self, runs: Runs, reference: Runs, turn_s: float) -> Turn:
        steps = len(runs.network.schedule.steps)
        self.taken += 1
        return Turn(np.full(steps, 1.0), float(steps), self.left.pop(0))


@pytest.mark.parametrize(
    ("reference_s", "turns", "disturbed", "said"),
    [
        ([1e-4] * 3, 3, False, 0),
        ([1e-4, 1.09e-4, 1e-4], 3, False, 0),
        # One calm turn is too few to know that it is one; two of them agree.
        ([1e-4, 1.3e-4, 1.3e-4, 1e-4], 4, False, 0),
        ([1.3e-4] * 8, 8, True, 1),
    ],
)
def test_a_machine_that_becomes_slow_is_measured_again_and_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reference_s: list[float],
    turns: int,
    disturbed: bool,
    said: int,
) -> None:
    table = table_in(tmp_path)
    table.add(context_of(ISA, 1), sample_at(1e-4))  # what is known of this machine
    machine = _Machine(reference_s)
    monkeypatch.setattr(fill, "take_turn", machine.take_turn)
    (times,) = measure_networks([TINY], ISA, 1, planned, table, effort=BRIEF, progress=Progress())
    assert (machine.taken, times.disturbed) == (turns, disturbed)
    assert capsys.readouterr().err.count("other work slows this machine down") == said
    assert table.networks(context_of(ISA, 1))[-1].disturbed == disturbed
    assert times.steps[0].seconds == times.reference_s


def sample_at(reference_s: float) -> NetworkTimes:
    return NetworkTimes(replace(TINY, num_classes=77), (), 1e-3, reference_s)


def test_turns_that_disagree_are_followed_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wholes = [1.0, 2.0, 3.0, 3.05]

    def take_turn(runs: Runs, reference: Runs, turn_s: float) -> Turn:
        whole, steps = wholes.pop(0), len(runs.network.schedule.steps)
        return Turn(np.full(steps, whole / steps), whole, 1e-4)

    monkeypatch.setattr(fill, "take_turn", take_turn)
    (times,) = measured([TINY], table_in(tmp_path))
    assert wholes == []
    assert times.whole_s == pytest.approx(2.5e-4)  # the median of all


def test_a_table_is_filled_to_a_number_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lithe.latency_table.machine.donors", lambda seed: iter(TINIES))
    monkeypatch.setattr("lithe.latency_table.machine._LOOK_EVERY", 1)
    monkeypatch.setattr("lithe.latency_table.machine.FEWEST", 1)
    table = table_in(tmp_path)
    first = fill_table(table, ISA, 1, planned, 2, effort=BRIEF)
    assert (first.measured, first.networks, first.enough) == (2, 2, False)
    more = fill_table(table, ISA, 1, planned, 5, effort=BRIEF)
    assert (more.measured, more.networks) == (3, 5)
    assert fill_table(table, ISA, 1, planned, 5, effort=BRIEF).measured == 0
    kept = {times.arch for times in table.networks(context_of(ISA, 1))}
    assert kept == set(TINIES[:5])
    (slow,) = table.networks(context_of(ISA, 1))[2:3]
    table.add(context_of(ISA, 1), dataclasses.replace(slow, disturbed=True))
    last = fill_table(table, ISA, 1, planned, 8, effort=BRIEF, enough=lambda: True)
    assert (last.measured, last.networks, last.enough) == (1, 6, True)
    assert last.again >= 1  # what was disturbed is measured once more


_FILLER = """
import sys
from itertools import count
from pathlib import Path
from msgspec.structs import replace
from tests.latency_table.sample import TINY, planned
from lithe.engine.target import instruction_set
from lithe.latency_table.fill import measure_networks
from lithe.latency_table.store import open_table
from lithe.latency_table.turns import Effort
archs = (replace(TINY, num_classes=2 + n % 40) for n in count())
table = open_table(Path(sys.argv[1]))
for times in measure_networks(archs, instruction_set(), 1, planned, table, effort=Effort(turn_s=0)):
    print(times.arch.num_classes, flush=True)
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_what_was_measured_before_the_end_is_whole(tmp_path: Path, sent: signal.Signals) -> None:
    path = tmp_path / "latency.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", _FILLER, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        text=True,
    )
    try:
        assert process.stdout is not None
        told = {int(process.stdout.readline()) for _ in range(2)}
        process.send_signal(sent)
        told |= {int(line) for line in process.communicate(timeout=60)[0].split()}
    finally:
        process.kill()
    kept = open_table(path).networks(context_of(ISA, 1))
    assert told <= {times.arch.num_classes for times in kept}
    for times in kept:
        (steps,) = planned([times.arch])
        assert tuple(row.step for row in times.steps) == tuple(steps)


def test_stopping_between_two_keeps_what_is_there(tmp_path: Path) -> None:
    table = table_in(tmp_path)
    networks = measure_networks(TINIES, ISA, 1, planned, table, effort=BRIEF)
    got = list(islice(networks, 2))
    del networks
    kept = table.networks(context_of(ISA, 1))
    assert {times.arch for times in got} <= {times.arch for times in kept}
