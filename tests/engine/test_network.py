import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.engine.programs import Floats, compiled, square_chain, square_chain_reference

from lithe.engine.build import build, native_of
from lithe.engine.cache import Cache
from lithe.engine.isa import AVX2
from lithe.engine.loaded import load_program
from lithe.engine.network import CompiledNetwork
from lithe.errors import LitheError

PROGRAM = square_chain(AVX2)
SHAPE = PROGRAM.inputs[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def draw(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.smoke
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(folder: Path, threads: int) -> None:
    x = draw(*SHAPE)
    y = compiled(PROGRAM, folder, threads=threads)(x)
    np.testing.assert_allclose(y, square_chain_reference(PROGRAM, x), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(y, compiled(PROGRAM, folder)(x))


def test_torch_in_torch_out(folder: Path) -> None:
    x = draw(*SHAPE)
    y = compiled(PROGRAM, folder)(torch.from_numpy(x).requires_grad_())
    assert isinstance(y, torch.Tensor)
    assert not y.requires_grad
    np.testing.assert_array_equal(y.numpy(), compiled(PROGRAM, folder)(x))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("piece", "compiled_for"), [(1, 1), (1, 4), (3, 3), (3, 6)])
def test_any_batch_size_gives_what_its_samples_give(
    folder: Path, threads: int, piece: int, compiled_for: int
) -> None:
    network = compiled(
        square_chain(AVX2, batch=piece),
        folder,
        threads=threads,
        batch=compiled_for,
        single=PROGRAM if piece > 1 else None,
    )
    assert network.input_shapes == ((compiled_for, *SHAPE[1:]),)
    assert network.weight_bytes == compiled(PROGRAM, folder).weight_bytes  # none is held twice
    one = compiled(PROGRAM, folder)
    for batch in (0, 1, 2, 5, 7, 18, 4):
        x = draw(batch, *SHAPE[1:])
        y = network(x)
        assert y.shape == x.shape
        for index in range(batch):
            np.testing.assert_array_equal(y[index : index + 1], one(x[index : index + 1]))
    assert len(network.step_times(draw(compiled_for, *SHAPE[1:]))) == len(PROGRAM.steps)


def test_a_network_that_mixes_its_samples_takes_one_batch_size(folder: Path) -> None:
    cache = Cache(folder)
    loaded = load_program(PROGRAM, build(PROGRAM, AVX2, cache))
    network = CompiledNetwork(loaded, native_of(AVX2, cache), 1, mixes_samples="of a sum")
    assert network(draw(*SHAPE)).shape == SHAPE
    with pytest.raises(LitheError, match=r"\(1, 7, 21\).*\(2, 7, 21\).*because of a sum"):
        network(draw(2, *SHAPE[1:]))


def test_numbers_of_another_type_or_order_are_converted(folder: Path) -> None:
    network = compiled(PROGRAM, folder)
    x = draw(*SHAPE).astype(np.float16).astype(np.float32)
    expected = network(x)
    unaligned = np.zeros(x.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)
    unaligned[:] = x
    arrays = (
        x.astype(np.float16),
        x.astype(np.float64),
        x.astype(">f4"),
        np.asfortranarray(x),
        np.repeat(x, 2, axis=2)[:, :, ::2],
        unaligned,
    )
    for array in arrays:
        np.testing.assert_array_equal(network(array), expected)
    tensor = torch.from_numpy(x)
    tensors = (
        tensor.half(),
        tensor.double(),
        tensor.transpose(1, 2).contiguous().transpose(1, 2),
        torch.complex(tensor, -tensor).conj().imag,  # a view that is negated when it is read
    )
    for given in tensors:
        np.testing.assert_array_equal(network(given).numpy(), expected)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.zeros(SHAPE, np.uint8), "uint8"),
        (torch.zeros(SHAPE, dtype=torch.int64), "int64"),
        (np.zeros(SHAPE, np.complex64), "complex64"),
        (torch.zeros(SHAPE, device="meta"), "meta"),
        (torch.zeros(SHAPE).to_sparse(), "sparse"),
        (np.ma.masked_array(np.zeros(SHAPE, np.float32)), "MaskedArray"),
        ([[1.0]], "list"),
        (np.zeros((1, 7, 20), np.float32), r"\(n, 7, 21\).*\(1, 7, 20\)"),
        (np.zeros((7, 21), np.float32), r"\(n, 7, 21\).*\(7, 21\)"),
        (np.zeros((), np.float32), r"\(n, 7, 21\).*\(\)"),
    ],
)
def test_what_cannot_be_an_input_is_refused(folder: Path, value: Any, says: str) -> None:
    with pytest.raises(LitheError, match=says):
        compiled(PROGRAM, folder)(value)


def test_another_number_of_inputs_is_refused(folder: Path) -> None:
    with pytest.raises(LitheError, match="takes 1 inputs and was given 2"):
        compiled(PROGRAM, folder)(draw(*SHAPE), draw(*SHAPE))


def test_outputs_are_fresh(folder: Path) -> None:
    network = compiled(PROGRAM, folder)
    first = network(draw(*SHAPE))
    kept = first.copy()
    network(draw(*SHAPE, seed=1))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_step_has_a_time(folder: Path, threads: int) -> None:
    network = compiled(PROGRAM, folder, threads=threads)
    times = network.step_times(draw(*SHAPE))
    assert len(times) == len(PROGRAM.steps)
    assert all(time >= 0 for time in times)
    x = draw(*SHAPE)  # and none is taken afterwards, into memory that is gone
    np.testing.assert_array_equal(network(x), compiled(PROGRAM, folder)(x))


def test_schedule_and_sizes_are_told(folder: Path) -> None:
    network = compiled(PROGRAM, folder, threads=3)
    assert "step.3  multiply_add_21      7   147" in str(network.schedule)
    assert str(network.schedule).endswith("by hand")
    a_buffer, scratch = 640, 128  # 7 x 21 floats and 29, in whole cache lines
    assert network.peak_activation_bytes == 2 * a_buffer + 3 * scratch
    assert network.weight_bytes == 6 * 128
    assert network.target == "avx2"


@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (1, 2), (2, 2), (3, 2), (4, 1), (7, 3)])
def test_a_call_allocates_what_it_says(folder: Path, batch: int, threads: int) -> None:
    program = square_chain(AVX2, rows=100, width=500)
    x = draw(batch, 100, 500)
    before = compiled(program, folder, threads=threads)
    before(x[:1])  # starts the threads, which all networks share
    network = compiled(program, folder, threads=threads, batch=batch)
    tracemalloc.start()
    output = network(x)
    kept = tracemalloc.get_traced_memory()[0] - output.nbytes
    tracemalloc.stop()
    words = 20_000  # of the step loop, which are no activations
    assert 0 <= kept - network.peak_activation_bytes < words
