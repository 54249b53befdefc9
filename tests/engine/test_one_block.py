"""What readers are shown of a block is what the engine does."""

import re

import pytest

from lithe.arch import architecture
from lithe.engine.assembly import inner_loops
from lithe.engine.isa import AVX2, AVX512, INSTRUCTION_SETS, InstructionSet
from lithe.engine.kernels.names import read_name
from lithe.engine.llvm import assembly
from lithe.engine.one_block import OneBlock, ir_of, loops_of, one_block, without_weights
from lithe.graph.model import Model

EVERY = pytest.mark.parametrize("isa", INSTRUCTION_SETS.values(), ids=INSTRUCTION_SETS)


@pytest.fixture(scope="module")
def v2() -> Model:
    return without_weights(architecture("mobilenet_v2", width=0.5, resolution=96))


def followed(model: Model, index: int, isa: InstructionSet = AVX512) -> OneBlock:
    return one_block(model, f"blocks.{index}", isa)


@EVERY
def test_the_loop_in_assembly_does_what_its_ir_says(v2: Model, isa: InstructionSet) -> None:
    for kernel in followed(v2, 3, isa).kernels:
        loops = loops_of(kernel, isa)
        # With 16 registers a depthwise tile of nine weights has a few to put away.
        few = isa.registers < 32
        products = [loop for loop in loops if not (few and loop.function.startswith("depthwise"))]
        assert [loop.spills for loop in products] == [0] * len(products)
        written = sum("@llvm.fm" in line for line in ir_of(kernel, loops[0].function))
        assert loops[0].multiply_adds == written


def test_a_loop_that_needs_more_registers_than_there_are_spills() -> None:
    lanes = "<8 x float>"
    count = 20
    phis = [
        f"  %a{i} = phi {lanes} [ zeroinitializer, %entry ], [ %b{i}, %loop ]" for i in range(count)
    ]
    sums = [
        f"  %b{i} = call {lanes} @llvm.fma.v8f32({lanes} %x, {lanes} %x, {lanes} %a{i})"
        for i in range(count)
    ]
    stores = [
        f"  %p{i} = getelementptr {lanes}, ptr %out, i64 {i}\n  store {lanes} %b{i}, ptr %p{i}"
        for i in range(count)
    ]
    ir = "\n".join(
        [
            f'target triple = "{AVX2.triple}"',
            f"declare {lanes} @llvm.fma.v8f32({lanes}, {lanes}, {lanes})",
            "define void @crowded(ptr %in, ptr %out, i64 %n) {",
            "entry:",
            "  br label %loop",
            "loop:",
            "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
            *phis,
            f"  %at = getelementptr {lanes}, ptr %in, i64 %i",
            f"  %x = load {lanes}, ptr %at, align 4",
            *sums,
            "  %next = add i64 %i, 1",
            "  %more = icmp slt i64 %next, %n",
            "  br i1 %more, label %loop, label %done",
            "done:",
            *stores,
            "  ret void",
            "}",
        ]
    )
    (loop,) = inner_loops(assembly(ir, AVX2, comments=True))
    assert loop.multiply_adds == count
    assert loop.spills >= count - AVX2.registers


def test_scratch_is_the_sum_of_what_it_is_for(v2: Model) -> None:
    for step in followed(v2, 3).program.steps:
        assert step.kernel.scratch_bytes == sum(size for _, size in step.kernel.scratch_parts)


@EVERY
@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_every_part_of_a_blocks_kernel_has_a_meaning(name: str, isa: InstructionSet) -> None:
    model = without_weights(architecture(name, width=0.5, resolution=96))
    for step in one_block(model, "blocks.3", isa).program.steps:
        if re.match(r"f32_(rolling|sliced|pw|conv)_", step.kernel.name):
            meanings = dict(read_name(step.kernel.name))
            assert not {part for part, meaning in meanings.items() if not meaning} - {"relu6"}


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_every_step_belongs_to_a_block_and_every_block_has_steps(name: str) -> None:
    model = without_weights(architecture(name, width=0.25, resolution=64))
    paths = dict.fromkeys(
        ".".join(node.path.split(".")[:2]) for node in model.graph.nodes if "blocks" in node.path
    )
    blocks = [one_block(model, path, AVX512) for path in paths]
    assert all(block.steps for block in blocks)
    convolutions = {index for block in blocks for index in block.steps}
    steps = blocks[0].program.steps
    assert {i for i, s in enumerate(steps) if s.label.startswith("blocks")} <= convolutions


def test_passes_leave_fewer_nodes_and_the_same_block(v2: Model) -> None:
    block = followed(v2, 3)
    counts = [count for _, count in block.passes]
    assert counts == sorted(counts, reverse=True)
    assert len(block.captured) == 9
    assert len(block.simplified) == 3
    assert block.captured[-1].output == block.simplified[-1].output
