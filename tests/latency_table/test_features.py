import math
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.arch.tables import tables
from tests.engine.programs import square_chain

from lithe.arch import Architecture, Conv, architecture
from lithe.engine.isa import AVX2, AVX512, INSTRUCTION_SETS, InstructionSet
from lithe.engine.lower.lower import lower
from lithe.graph import from_arch, zero_model
from lithe.graph.passes import simplify
from lithe.latency_table.features import NAMES, Features, base_seconds, features_of

KINDS = NAMES[: NAMES.index("log_macs")]


def features(arch: Architecture, threads: int = 1) -> list[Features]:
    model = simplify(zero_model(from_arch(arch)))
    program = lower(model, AVX512, threads, packs=False)
    return [Features(*features_of(step, AVX512, threads)) for step in program.steps]


@given(tables(), st.sampled_from(tuple(INSTRUCTION_SETS.values())), st.sampled_from((1, 3)))
@settings(max_examples=30, deadline=None)
def test_every_step_of_a_table_is_of_one_known_kind(
    arch: Architecture, isa: InstructionSet, threads: int
) -> None:
    program = lower(simplify(zero_model(from_arch(arch))), isa, threads, packs=False)
    for step in program.steps:
        found = features_of(step, isa, threads)
        named = dict(zip(NAMES, found, strict=True))
        assert sum(named[kind] for kind in KINDS) == 1, step.kernel.name
        assert all(math.isfinite(value) for value in found)
        for share in ("expand_full", "middle_full", "last_full"):
            assert 0 <= named[share] <= 1
        assert base_seconds(found) > 0
        if step.macs:
            # Two multiply-adds a cycle are the most, and the rest of a vector is lost.
            assert 0 < named["macs_per_cycle"] <= 2 * isa.lanes


def test_bytes_are_those_of_the_tensors_and_weights() -> None:
    arch = Architecture("one", (Conv(k=3, s=2, c=24),), resolution=32, num_classes=10)
    stem, pool, linear = features(arch)
    assert stem.conv == stem.planes == 1
    assert np.isclose(math.exp(stem.log_in_bytes), 1 + 4 * 3 * 32 * 32)
    assert np.isclose(math.exp(stem.log_out_bytes), 1 + 4 * 24 * 16 * 16)
    assert np.isclose(math.exp(stem.log_weight_bytes), 1 + 4 * 24 * (27 + 1))
    assert np.isclose(math.exp(stem.log_macs), 1 + 27 * 24 * 16 * 16)
    assert np.isclose(math.exp(pool.log_in_bytes), 1 + 4 * 24 * 16 * 16)
    assert np.isclose(math.exp(linear.log_weight_bytes), 1 + 4 * 10 * 25)


def test_a_wider_network_is_estimated_to_take_longer() -> None:
    totals = [
        sum(map(base_seconds, features(architecture("mobilenet_v2", width=width))))
        for width in (0.35, 0.5, 0.75, 1.0, 1.4)
    ]
    assert all(a < b for a, b in pairwise(totals))


def test_threads_share_the_cycles_of_a_step() -> None:
    for one, four in zip(*(features(architecture("mobilenet_v2"), t) for t in (1, 4)), strict=True):
        if one.rolling and one.log_units == four.log_units:
            assert one.log_longest_cycles > four.log_longest_cycles
            assert four.log_cycles >= one.log_cycles  # rows above a thread's own, once more
            assert one.units_left_over == 0


def test_of_an_unknown_kernel_there_are_still_features() -> None:
    for step in square_chain(AVX2).steps:
        found = features_of(step, AVX2, 1)
        assert len(found) == len(NAMES)
        assert base_seconds(found) > 0
