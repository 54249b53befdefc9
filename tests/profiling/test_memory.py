"""Memory over time against a naive simulation, against the engine itself, and on paper."""

from math import prod
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graph.networks import models

import lithe
from lithe.arch import architecture
from lithe.cost import cost, layers
from lithe.engine.isa import AVX2, AVX512, INSTRUCTION_SETS, InstructionSet
from lithe.engine.network import CompiledNetwork
from lithe.engine.plan import live_ranges
from lithe.engine.programs import Programs, programs_of
from lithe.errors import LitheError
from lithe.graph import Graph, GraphBuilder, Model, from_arch, zero_model
from lithe.graph.capture import capture
from lithe.graph.ops import BatchNorm, Conv2d, Unknown
from lithe.graph.passes import simplify
from lithe.nets.build import build
from lithe.nets.torchvision_compat import models as torchvision_models
from lithe.profiling.memory import engine_memory, largest_tensors, layer_memory
from lithe.profiling.values import MemoryUse

V1, V2 = from_arch(architecture("mobilenet_v1")), from_arch(architecture("mobilenet_v2"))


@pytest.mark.parametrize(
    ("graph", "peak", "where"),
    [(V1, 4_816_896, "blocks.1.pointwise.conv"), (V2, 6_021_120, "blocks.2.depthwise.conv")],
)
def test_the_peak_of_the_papers_networks(graph: Graph, peak: int, where: str) -> None:
    use = layer_memory(graph)
    assert (use.peak_bytes, use.steps[use.peak_step]) == (peak, where)
    assert sum(buffer.bytes for buffer in use.at_peak) == peak
    assert use.live_bytes == tuple(layer.live_bytes for layer in cost(graph).layers)


def test_what_is_alive_at_the_peak_is_named_the_largest_first() -> None:
    alive = layer_memory(V2).at_peak
    assert [(each.name, each.shape) for each in alive] == [
        ("blocks.2.expand.conv", (1, 96, 112, 112)),
        ("blocks.2.depthwise.conv", (1, 96, 56, 56)),
    ]
    fused = engine_memory(V2, 1, AVX512).at_peak
    assert [(each.name, each.shape) for each in fused] == [
        ("blocks.1.project.conv", (1, 16, 112, 112)),
        ("input", (1, 3, 224, 224)),
    ]


@pytest.mark.parametrize("batch", [1, 3, 8])
@pytest.mark.parametrize("threads", [1, 2])
def test_what_the_engine_says_is_what_a_compiled_network_allocates(
    batch: int, threads: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "cache"
    arch = architecture("mobilenet_v2", width=0.35, resolution=96)
    network = build(arch).eval()
    shape = (batch, 3, 96, 96)
    fast = lithe.compile(network, shape, threads=threads, target="avx2", cache=folder)
    assert isinstance(fast, CompiledNetwork)
    use = engine_memory(capture(network, shape), threads, AVX2)
    assert use.allocated_bytes == fast.peak_activation_bytes
    assert use.steps == tuple(step.label for step in fast.schedule.steps)
    assert use.live_bytes == engine_memory(from_arch(arch, batch), threads, AVX2).live_bytes


def test_mobilenet_v2_in_the_engine(tmp_path: Path) -> None:
    """1.27 MB for one thread, input and output apart: less than a quarter of layer by layer."""
    use = engine_memory(V2, 1, AVX512)
    assert use.allocated_bytes is not None
    assert 1.2e6 < use.allocated_bytes < 1.3e6
    assert use.peak_bytes < layer_memory(V2).peak_bytes / 3
    fast = lithe.compile(build(architecture("mobilenet_v2")), threads=1, cache=tmp_path)
    assert isinstance(fast, CompiledNetwork)
    same = engine_memory(V2, 1, INSTRUCTION_SETS[fast.target])
    assert same.allocated_bytes == fast.peak_activation_bytes


def simulated(graph: Graph) -> list[int]:
    """Bytes alive at each layer: a dictionary of tensors, each deleted after its last reader."""
    parts = layers(graph)
    size = {name: 4 * prod(shape) for name, shape in graph.shapes.items()}
    holder = {name: name for name in graph.inputs}
    for part in parts:
        holder[part.output] = holder[part.inputs[0]] if part.is_alias else part.output
    alive = {name: size[name] for name in graph.inputs}
    kept = {holder[name] for name in graph.outputs}
    result = []
    for index, part in enumerate(parts):
        made = holder[part.output]
        alive[made] = size[made]
        result.append(sum(alive.values()))
        later = {holder[name] for other in parts[index + 1 :] for name in other.inputs}
        later |= {holder[other.output] for other in parts[index + 1 :] if other.is_alias}
        for name in [name for name in alive if name not in later | kept]:
            del alive[name]
    return result or [sum(alive.values())]


@given(models())
@settings(max_examples=150, deadline=None)
def test_live_bytes_are_those_of_a_naive_simulation(model: Model) -> None:
    use = layer_memory(model.graph)
    assert list(use.live_bytes) == simulated(model.graph)
    assert use.peak_bytes == max(simulated(model.graph))


@given(models(), st.sampled_from(list(INSTRUCTION_SETS.values())), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_the_engines_plan_needs_no_weights(model: Model, isa: InstructionSet, threads: int) -> None:
    """What real weights give: the same steps, in as much memory."""
    real = programs_of(simplify(model), isa, threads)
    hollow = programs_of(simplify(zero_model(model.graph)), isa, threads, packs=False)
    assert hollow.whole.steps == real.whole.steps
    assert hollow.whole.buffers == real.whole.buffers
    use = engine_memory(model.graph, threads, isa)
    assert use.allocated_bytes == real.activation_bytes(threads)
    _check(use, model.graph, real, threads)


def _check(use: MemoryUse, graph: Graph, programs: Programs, threads: int) -> None:
    inputs = sum(4 * prod(graph.shapes[name]) for name in graph.inputs)
    outputs = sum(4 * prod(graph.shapes[name]) for name in graph.outputs)
    assert use.allocated_bytes is not None
    assert max(inputs, outputs) <= use.peak_bytes <= inputs + outputs + use.allocated_bytes
    paths = {layer.path for layer in layers(graph)} | {"input"}
    assert {buffer.name for buffer in use.buffers} <= paths
    assert all(4 * prod(buffer.shape) <= buffer.bytes for buffer in use.buffers)
    # Step by step from what each names: nothing that a step reads or writes is forgotten.
    for index, (step, live) in enumerate(zip(programs.whole.steps, use.live_bytes, strict=True)):
        named = [n for n, (a, b) in live_ranges(programs.whole).items() if a <= index <= b]
        needed = sum(programs.whole.buffers[name] for name in named)
        assert live >= needed + step.kernel.scratch_bytes


def test_a_batch_in_pieces_is_one_round_of_them() -> None:
    arch = architecture("mobilenet_v2", width=0.35, resolution=96)
    one, eight = (engine_memory(from_arch(arch, batch), 2, AVX2) for batch in (1, 8))
    image = 4 * 3 * 96 * 96
    # 2 threads at once, each with a piece of 4 samples: the batch is done in one round.
    inner = [each for each in eight.buffers if each.name == "blocks.4.project.conv"]
    assert [each.shape[0] for each in inner] == [8]
    given = next(each for each in eight.buffers if each.name == "input")
    assert (given.bytes, given.first, given.last) == (8 * image, 0, 0)
    many = engine_memory(from_arch(arch, 16), 2, AVX2)
    given = next(each for each in many.buffers if each.name == "input")
    assert (given.bytes, given.first, given.last) == (16 * image, 0, len(many.steps) - 1)
    assert many.allocated_bytes == eight.allocated_bytes
    assert eight.allocated_bytes is not None
    assert one.allocated_bytes is not None
    assert eight.allocated_bytes > 4 * one.allocated_bytes


def test_a_network_without_a_layer_holds_what_it_is_given() -> None:
    builder = GraphBuilder()
    graph = builder.build(builder.input((1, 2, 3, 4)))
    assert layer_memory(graph).live_bytes == (96,)
    copied = engine_memory(graph, 1, AVX2)
    assert copied.live_bytes == (192,)
    assert largest_tensors(layer_memory(graph), copied) == ()


def test_an_operator_without_a_kernel_is_refused_by_name() -> None:
    builder = GraphBuilder()
    graph = builder.build(builder.add(Unknown("aten.odd", (1, 2)), builder.input((1, 2))))
    with pytest.raises(LitheError, match=r"aten\.odd"):
        engine_memory(graph, 1, AVX2)
    assert layer_memory(graph).peak_bytes == 16


def test_the_largest_tensors_of_mobilenet_v2_are_the_papers_table_3() -> None:
    """At 16 bits the paper has 64 channels at 112 x 112 for V1, and 1600 Kb, unfused."""
    use = layer_memory(V1)
    rows = largest_tensors(use, None)
    assert [row.side for row in rows] == [(112, 112), (56, 56), (28, 28), (14, 14), (7, 7), (1, 1)]
    found = [(row.layers.shape[1], row.layers.bytes / 2 / 1e3) for row in rows]
    # V1's column: 64 / 1600, 128 / 800, 256 / 400, 512 / 200, 1024 / 100, 1024 / 2.
    assert [(c, round(kb, -2) if kb > 50 else round(kb)) for c, kb in found] == [
        (64, 1600), (128, 800), (256, 400), (512, 200), (1024, 100), (1024, 2),
    ]  # fmt: skip
    assert all(row.fused is None for row in rows)


def test_what_the_engine_leaves_of_mobilenet_v2s_expansions() -> None:
    rows = largest_tensors(layer_memory(V2), engine_memory(V2, 1, AVX512))
    assert [row.layers.shape[1] for row in rows] == [96, 144, 192, 576, 1280, 1280]
    fused = [row.fused.shape[1] if row.fused else 0 for row in rows]
    assert fused[:3] == [16, 24, 32]
    for row in rows:
        assert row.fused is None or prod(row.fused.shape) <= prod(row.layers.shape)


def test_a_concatenation_is_one_buffer_and_a_shuffle_loses_nothing() -> None:
    network = torchvision_models.get_model("shufflenet_v2_x0_5", weights=None).eval()
    graph = capture(network, (1, 3, 64, 64))
    real = programs_of(simplify(zero_model(graph)), AVX2, 2)
    _check(engine_memory(graph, 2, AVX2), graph, real, 2)


def test_a_network_too_large_to_hold_is_planned_without_its_weights() -> None:
    """Three filters of 10 GB each, with batch norm to fold into them."""
    c = 16_384
    builder = GraphBuilder()
    x = builder.input((1, c, 4, 4))
    for index in range(3):
        filters = {f"filter{index}": (c, c, 3, 3)}
        x = builder.add(Conv2d(c, c, (3, 3), padding=(1, 1)), x, params=filters)
        x = builder.add(BatchNorm(c), x, params={f"{name}{index}": (c,) for name in "abcd"})
    use = engine_memory(builder.build(x), 1, AVX2)
    assert len(use.steps) >= 3
    assert use.peak_bytes >= 2 * 4 * c * 16
