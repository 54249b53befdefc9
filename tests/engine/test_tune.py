"""Schedules chosen by running them: right whatever is chosen, and chosen once."""

from pathlib import Path

import numpy as np
from tests.engine.accuracy import assert_as_accurate
from tests.engine.test_convolution import block

from lithe.engine.cache import Cache
from lithe.engine.compile import compile_model
from lithe.engine.target import instruction_set

SIZES = {"c_in": 16, "expanded": 48, "c_out": 16, "kernel": 3, "stride": 1}


def test_a_tuned_network_computes_the_same(tmp_path: Path) -> None:
    model, x = block((1, 16, 12, 12), SIZES)
    network = compile_model(model, instruction_set(), 1, Cache(tmp_path), tune=True)
    assert_as_accurate([np.asarray(network(x))], model, [x])
    # Where the whole block is fastest apart, what is left of it is a block to measure, too.
    whole, *rest = (note for note in network.schedule.notes if "measured" in note)
    assert all(f" {schedule} " in whole for schedule in ("rolling", "sliced", "apart"))
    assert bool(rest) == (": apart," in whole)
    assert all(f" {schedule} " in note for note in rest for schedule in ("rolling", "apart"))


def test_what_was_measured_is_remembered(tmp_path: Path) -> None:
    model, _ = block((1, 16, 12, 12), SIZES)
    notes = [
        compile_model(model, instruction_set(), 1, Cache(tmp_path), tune=True).schedule.notes
        for _ in range(2)
    ]
    assert notes[0] == notes[1]


def test_any_number_of_threads_gives_the_same_bits(tmp_path: Path) -> None:
    model, x = block((1, 16, 12, 12), SIZES)
    isa, cache = instruction_set(), Cache(tmp_path)
    results = {
        np.asarray(compile_model(model, isa, threads, cache)(x)).tobytes() for threads in (1, 2, 3)
    }
    assert len(results) == 1
