"""Small programs written by hand, to test what runs programs without what makes them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lithe.engine.build import build, native_of
from lithe.engine.cache import Cache
from lithe.engine.ir import Function, Value, module
from lithe.engine.isa import AVX2, InstructionSet
from lithe.engine.loaded import load_program
from lithe.engine.network import CompiledNetwork
from lithe.engine.program import Arena, Input, Kernel, Output, Program, Step, Weights, written

Floats = NDArray[np.float32]


def multiply_add(isa: InstructionSet, width: int) -> Kernel:
    """A unit is a row of `width` floats: out = a * b + c, c the same for every row.

    The sum takes its way through the scratch, which a thread must have for itself.
    """
    name = f"multiply_add_{width}"
    params = [("ptr", "args"), ("i64", "begin"), ("i64", "end"), ("ptr", "scratch")]
    f = Function(isa, name, params, linkage="")
    a, b, c, out = (f.argument("%args", index) for index in range(4))
    lanes = isa.lanes

    def row(unit: Value, _: list[str]) -> list[str]:
        start = f.mul(unit, width)
        for column in range(0, width, lanes):
            some = min(lanes, width - column)
            at = f.add(start, column)
            value = f.fma(
                f.load(f.at(a, at), some),
                f.load(f.at(b, at), some),
                f.load(f.at(c, column), some),
            )
            f.store(value, f.at("%scratch", column))
        for column in range(0, width, lanes):
            some = min(lanes, width - column)
            f.store(f.load(f.at("%scratch", column)), f.at(out, f.add(start, column)), some)
        return []

    f.loop("%begin", "%end", [], row)
    return written(name, module(isa, [f.text]), 4 * (width + lanes))


def square_chain(
    isa: InstructionSet, rows: int = 7, width: int = 21, depth: int = 6, batch: int = 1
) -> Program:
    """x -> x * x + c0 -> that * that + c1 ...; the last step multiplies by the input instead."""
    kernel = multiply_add(isa, width)
    rng = np.random.default_rng(1)
    weights = {f"c{i}": rng.uniform(-1, 0, width).astype(np.float32) for i in range(depth)}
    shape = (batch, rows, width)
    steps = []
    before: Input | Arena = Input(0)
    for index in range(depth):
        last = index == depth - 1
        after = Output(0) if last else Arena(f"b{index}")
        other = Input(0) if last else before
        args = (before, other, Weights(f"c{index}"), after)
        steps.append(Step(kernel, args, batch * rows, f"step.{index}", batch * rows * width))
        if isinstance(after, Arena):
            before = after
    buffers = {f"b{i}": 4 * batch * rows * width for i in range(depth - 1)}
    return Program(tuple(steps), buffers, weights, (shape,), (shape,), ("by hand",))


def square_chain_reference(program: Program, x: Floats) -> Floats:
    """What `square_chain` computes, in float64."""
    value = x.astype(np.float64)
    last = len(program.steps) - 1
    for index in range(last + 1):
        other = x.astype(np.float64) if index == last else value
        value = value * other + program.weights[f"c{index}"].astype(np.float64)
    return value.astype(np.float32)


def compiled(
    program: Program,
    folder: Path,
    *,
    threads: int = 1,
    isa: InstructionSet = AVX2,
    single: Program | None = None,
    batch: int | None = None,
) -> CompiledNetwork:
    """A program made callable, cached in a folder of the test's own."""
    cache = Cache(folder)
    loaded = load_program(program, build(program, isa, cache))
    one = load_program(single, build(single, isa, cache), loaded) if single else None
    return CompiledNetwork(loaded, native_of(isa, cache), threads, batch=batch, single=one)
