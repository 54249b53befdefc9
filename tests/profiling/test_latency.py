"""Latencies of ready networks: as many runs of each in every round, and what they say of it."""

import itertools

import torch
from torch import Tensor

from lithe.profiling.latency import latencies
from lithe.profiling.turns import FEWEST_ROUNDS, ROUNDS
from lithe.runtimes import Ready


def test_networks_are_run_in_turns_and_each_says_its_threads() -> None:
    calls: list[str] = []

    def ready(name: str, threads: int) -> Ready:
        def call(x: Tensor) -> Tensor:
            calls.append(name)
            return x

        return Ready(call, "lithe", threads)

    x = torch.zeros(1)
    one, two = latencies([(ready("one", 1), x), (ready("two", 3), x)])
    assert (one.threads, two.threads) == (1, 3)
    changes = sum(before != after for before, after in itertools.pairwise(calls))
    # One turn each before the rounds, to see how many runs make a turn.
    assert 2 * FEWEST_ROUNDS + 1 <= changes <= 2 * ROUNDS + 1
    assert one.p20_s <= one.p50_s <= one.p80_s
