"""Predictions from a made-up machine, whose every time is known."""

from collections.abc import Sequence
from functools import cache
from itertools import islice
from math import sin
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.latency_table.sample import TINY

from lithe.arch import Architecture
from lithe.device import Device
from lithe.engine.target import instruction_set
from lithe.errors import LitheError
from lithe.latency_table import predictors
from lithe.latency_table.carried import carried
from lithe.latency_table.check import check, summary
from lithe.latency_table.context import context_of, generator_digest
from lithe.latency_table.donors import donors
from lithe.latency_table.features import base_seconds
from lithe.latency_table.plan import Planner
from lithe.latency_table.predict import TablePredictor, left_out_error, overhead
from lithe.latency_table.predictors import MachinePredictor, is_good, predictor_for
from lithe.latency_table.store import network_name, open_table
from lithe.latency_table.turns import Effort
from lithe.latency_table.values import Context, NetworkTimes, PlannedStep, StepTime

ISA = instruction_set()
PLANNER = Planner(ISA, 1)
CALL_S, FACTOR = 5e-6, 1.03
DEVICE = Device("A board", "measured", 4, "", (), (), ())


def seconds_of(step: PlannedStep) -> float:
    """A machine on which a step takes one to three times its crude estimate, by its shape."""
    wave = sin(step.features[10]) + 0.5 * sin(3 * step.features[11])
    return base_seconds(step.features) * (2 + 0.6 * wave)


def times_of(arch: Architecture) -> NetworkTimes:
    (plan,) = PLANNER.steps([arch])
    name = network_name(arch)
    rows = tuple(StepTime(step, name, seconds_of(step)) for step in plan)
    whole_s = CALL_S + FACTOR * sum(row.seconds for row in rows)
    return NetworkTimes(arch, rows, whole_s, 1e-4)


@cache
def measured(count: int, seed: int = 0) -> tuple[NetworkTimes, ...]:
    small = donors(seed, resolutions=(32, 48, 64), num_classes=(10,))
    return tuple(times_of(arch) for arch in islice(small, count))


def predictor(networks: Sequence[NetworkTimes]) -> TablePredictor:
    return TablePredictor(context_of(ISA, 1), networks, PLANNER.steps)


def test_a_network_of_the_table_is_looked_up() -> None:
    networks = measured(30)
    for said, times in zip(predictor(networks)([n.arch for n in networks]), networks, strict=True):
        assert said.looked_up == 1
        assert said.seconds == pytest.approx(times.whole_s)
        assert said.threads == 1


def test_the_median_of_a_step_counts() -> None:
    (times, *_) = measured(30)
    # The same network three times, of which one was measured on a busy machine.
    slow = replace_seconds(times, 3.0)
    (said,) = predictor([times, slow, times])([times.arch])
    (calm,) = predictor([times])([times.arch])
    assert said.seconds == pytest.approx(calm.seconds, rel=0.5)
    assert said.seconds < 0.6 * slow.whole_s


def replace_seconds(times: NetworkTimes, factor: float) -> NetworkTimes:
    rows = tuple(StepTime(r.step, r.network, factor * r.seconds) for r in times.steps)
    return NetworkTimes(times.arch, rows, factor * times.whole_s, times.reference_s)


def test_networks_that_are_not_in_the_table_are_estimated() -> None:
    predict = predictor(measured(60))
    fresh = measured(20, seed=1)
    said = predict([times.arch for times in fresh])
    errors = sorted(abs(s.seconds / t.whole_s - 1) for s, t in zip(said, fresh, strict=True))
    assert errors[10] < 0.05
    assert errors[-1] < 0.2
    assert all(0 <= each.looked_up < 1 for each in said)
    assert min(each.looked_up for each in said) < 0.5


def test_a_networks_own_times_do_not_predict_it() -> None:
    # Each network takes a factor of its own: with its own times the error would be nothing.
    networks = [replace_seconds(t, 1 + i % 3) for i, t in enumerate(measured(40))]
    error = left_out_error(networks)
    assert error.networks == 40
    assert error.median > 0.15
    assert error.worst > 0.5
    honest = left_out_error(measured(40))
    assert honest.median < 0.06


def test_the_overhead_is_the_line_through_sums_and_wholes() -> None:
    found = overhead(measured(30))
    assert found.call_s == pytest.approx(CALL_S)
    assert found.factor == pytest.approx(FACTOR)
    assert overhead(()).whole(3.0) == 3.0
    assert overhead(measured(1)).call_s == 0  # one network is no line


def test_too_few_steps_estimate_nothing() -> None:
    predict = predictor(measured(1))
    with pytest.raises(LitheError, match="needs 50 to estimate others"):
        predict([measured(3)[2].arch])


def test_the_machines_table_is_filled_once_and_each_number_of_threads_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def fill(table, isa, threads, planner, networks, progress) -> None:  # type: ignore[no-untyped-def]
        asked.append((threads, networks))
        for times in measured(30):
            table.add(context_of(isa, threads), times)

    monkeypatch.setattr(predictors, "filled", fill)
    predict = MachinePredictor(4, table=open_table(tmp_path / "t.sqlite"), networks=7)
    assert asked == []
    large = replace(TINY, width=16.0, resolution=224)
    one, two, again = predict([TINY, large, TINY])
    assert asked == [(1, 7), (4, 7)]
    assert (one.threads, two.threads, again) == (1, 4, one)
    predict([TINY, large])
    assert len(asked) == 2


def test_a_table_that_is_full_is_left_alone(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t.sqlite")
    for times in measured(30):
        table.add(context_of(ISA, 1), times)
    predict = MachinePredictor(1, table=table, networks=30).at(1)
    assert len(predict.networks) == 30
    assert predict.error is not None
    assert is_good(predict.error) == (predict.error.worst <= 0.15)
    assert not is_good(None)
    assert predictor(measured(1)).error is None


def test_a_device_is_predicted_from_its_file() -> None:
    networks = measured(30)
    carried_table = carried(context_of(ISA, 1), networks)
    device = replace(DEVICE, latency=(carried_table,))
    (said,) = predictor_for(device)([networks[0].arch])
    assert said.seconds == pytest.approx(networks[0].whole_s)
    with pytest.raises(LitheError, match="no latency table for 2 threads"):
        predictor_for(device, 2)


def test_another_compiler_there_is_as_good_but_not_another_engine() -> None:
    networks = measured(30)
    there = Context("A board", ISA.name, 1, f"{generator_digest()}-0123456789ab")
    device = replace(DEVICE, latency=(carried(there, networks),))
    assert predictor_for(device)([networks[0].arch])[0].machine == "A board"
    older = Context("A board", ISA.name, 1, "0123456789ab-0123456789ab")
    device = replace(DEVICE, latency=(carried(older, networks),))
    with pytest.raises(LitheError, match="another version of lithe's engine"):
        predictor_for(device)


def test_a_check_predicts_before_it_measures(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t.sqlite")
    predict = predictor(measured(30))
    archs = [replace(TINY, num_classes=n) for n in (3, 4)]
    found = check(predict, archs, ISA, table, effort=Effort(turn_s=0.0))
    assert [each.arch for each in found] == archs
    said = predictor(measured(30))(archs)
    assert [each.predicted_s for each in found] == [each.seconds for each in said]
    assert len(table.networks(context_of(ISA, 1))) == 2  # and then the table knows them
    error = summary(found)
    assert error.networks == 2
    assert error.worst == max(abs(e.predicted_s / e.measured_s - 1) for e in found)


def test_a_network_that_was_predicted_wrongly_is_learned(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t.sqlite")
    for times in measured(30):
        table.add(context_of(ISA, 1), times)
    predict = MachinePredictor(1, table=table, networks=30)
    (before,) = predict([TINY])
    predict.learn(TINY)
    assert len(table.networks(context_of(ISA, 1))) == 31
    (after,) = predict([TINY])
    assert after.looked_up == 1
    assert after.seconds != before.seconds
