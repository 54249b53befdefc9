"""Teams of threads: calls at once, forks, the end of a network and of the process."""

import gc
import multiprocessing
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.engine.programs import Floats, compiled, square_chain

from lithe.engine.isa import AVX2
from lithe.engine.network import CompiledNetwork

PROGRAM = square_chain(AVX2)
SHAPE = PROGRAM.inputs[0]
WEIGHTS = PROGRAM.weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def draw(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def test_threads_that_call_at_once_get_the_same_bits(folder: Path) -> None:
    network = compiled(PROGRAM, folder, threads=2)
    inputs = [draw(batch, *SHAPE[1:], seed=batch) for batch in (1, 2, 1, 3)]
    expected = [compiled(PROGRAM, folder)(x) for x in inputs]
    wrong: list[int] = []

    def call(index: int) -> None:
        for _ in range(300):
            if not np.array_equal(network(inputs[index]), expected[index]):
                wrong.append(index)

    callers = [threading.Thread(target=call, args=(index,)) for index in range(len(inputs))]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong
    assert len(network._pieces._idle) <= len(inputs)


@pytest.mark.parametrize("threads", [1, 2])
def test_tiny_numbers_stay_whatever_the_caller_has_set(folder: Path, threads: int) -> None:
    tiny = np.full(SHAPE, 1e-30, np.float32) * np.float32(1e-9)
    program = replace(PROGRAM, weights={n: w * np.float32(1e-39) for n, w in WEIGHTS.items()})
    network = compiled(program, folder, threads=threads)
    expected = network(tiny)
    assert 0 < np.abs(expected).max() < 1e-38
    torch.set_flush_denormal(True)
    try:
        for _ in range(20):
            np.testing.assert_array_equal(network(tiny).view(np.int32), expected.view(np.int32))
        assert float(torch.tensor(1e-30) * 1e-9) == 0  # the caller's own setting is untouched
    finally:
        torch.set_flush_denormal(False)


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("lithe-5-")]


def test_networks_share_workers_who_leave_with_the_last_one(folder: Path) -> None:
    x = draw(*SHAPE)
    first, second = (compiled(PROGRAM, folder, threads=5) for _ in range(2))
    assert not workers()
    first(x)
    second(x)
    there = workers()
    assert len(there) == 4
    del first
    gc.collect()
    assert workers() == there
    del second
    gc.collect()
    for worker in there:
        worker.join(timeout=60)
    assert not workers()


def _in_child(network: CompiledNetwork, x: Floats, expected: Floats) -> None:
    good = np.array_equal(network(x), expected) and len(workers()) == 4
    os._exit(0 if good else 1)


def test_a_forked_child_starts_its_own_workers(folder: Path) -> None:
    network = compiled(PROGRAM, folder, threads=5)
    x = draw(*SHAPE)
    expected = network(x)
    child = os.fork()
    if child == 0:
        _in_child(network, x, expected)
    assert os.waitpid(child, 0)[1] == 0
    process = multiprocessing.get_context("fork").Process(
        target=_in_child, args=(network, x, expected)
    )
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 0
    np.testing.assert_array_equal(network(x), expected)


def test_a_fork_while_another_thread_computes_leaves_the_child_no_lock(folder: Path) -> None:
    network = compiled(PROGRAM, folder, threads=2)
    x = draw(*SHAPE)
    expected = network(x)
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            network(x)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                os._exit(0 if np.array_equal(network(x), expected) else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        caller.join()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def mixed_calls(folder: Path, calls: int) -> None:
    """Four threads call networks of several sizes, batches and thread counts."""
    small, one, two = PROGRAM, square_chain(AVX2, width=300), square_chain(AVX2, width=300, batch=2)
    networks = [compiled(small, folder, threads=t) for t in (1, 2, 3)]
    networks += [compiled(two, folder, threads=t, single=one) for t in (1, 2, 3)]
    cases = []
    for batch in (1, 2, 3):
        for network in networks:
            x = draw(batch, *network.input_shapes[0][1:], seed=batch)
            cases.append((network, x, network(x)))
    wrong: list[int] = []

    def call(seed: int, count: int) -> None:
        for choice in np.random.default_rng(seed).integers(0, len(cases), count):
            network, x, expected = cases[choice]
            if not np.array_equal(network(x), expected):
                wrong.append(int(choice))

    def from_four_threads(count: int) -> None:
        callers = [threading.Thread(target=call, args=(seed, count // 4)) for seed in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    from_four_threads(calls // 4)
    before = resident_bytes()
    from_four_threads(calls)
    assert not wrong
    assert resident_bytes() - before < 2**20


def test_mixed_calls_from_four_threads(folder: Path) -> None:
    mixed_calls(folder, 8_000)


@pytest.mark.slow
def test_a_million_mixed_calls_from_four_threads(folder: Path) -> None:
    """In a process of its own, whose memory no test before has used and given back."""
    code = (
        "import sys; from pathlib import Path; from tests.engine.test_runtime import mixed_calls; "
        "mixed_calls(Path(sys.argv[1]), 1_000_000)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=root, check=True)


def test_networks_that_come_and_go_leave_no_memory_and_no_thread(folder: Path) -> None:
    x = draw(*SHAPE)

    def come_and_go(times: int) -> None:
        for turn in range(times):
            compiled(PROGRAM, folder, threads=1 + turn % 3)(x)

    come_and_go(50)
    before = resident_bytes()
    come_and_go(300)
    gc.collect()
    assert resident_bytes() - before < 2**20
    for thread in threading.enumerate():
        if thread.name.startswith(("lithe-2-", "lithe-3-")):
            thread.join(timeout=60)
            assert not thread.is_alive()


EXIT = """
import sys, threading
from pathlib import Path
import numpy as np
from lithe.engine.isa import AVX2
from tests.engine.programs import compiled, square_chain
network = compiled(square_chain(AVX2), Path(sys.argv[1]), threads=4)
x = np.zeros((1, 7, 21), np.float32)
network(x)
def forever():
    while True:
        network(x)
if sys.argv[2] == "calling":
    threading.Thread(target=forever, daemon=True).start()
if sys.argv[2] == "late":
    import atexit
    class Late:
        def __del__(self, network=network, x=x):
            print(network(x).shape)
    late = Late()
"""


@pytest.mark.parametrize("how", ["idle", "calling", "late"])
def test_the_interpreter_ends(folder: Path, how: str) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", EXIT, str(folder), how]
    for _ in range(3):
        run = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=120)
        assert run.returncode == 0, run.stderr
        assert run.stdout == ("(1, 7, 21)\n" if how == "late" else "")
