"""The engine's own plan of a network that nobody compiles, as steps that the table knows.

The engine lowers a network from its beginning to its end, a group of operators at a time,
and what it makes of a group depends on those operators alone, on where their input comes
from, and on whether a depthwise convolution follows. So a group is lowered once, by the engine
itself, and found again in every network that has it: of ten thousand candidates few are
lowered as a whole. A test holds this against lowering them.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from lithe.arch import Architecture
from lithe.engine.isa import InstructionSet
from lithe.engine.lower.lower import lower, lower_first
from lithe.engine.program import Step
from lithe.graph import Graph, Model, Node, from_arch, zero_model
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    Binary,
    Conv2d,
    Fused,
    Linear,
    Op,
    Reshape,
    Shape,
)
from lithe.graph.passes import simplify
from lithe.latency_table.chain import Link, Links, chain
from lithe.latency_table.features import features_of
from lithe.latency_table.values import PlannedStep

if TYPE_CHECKING:
    from lithe.engine.kernels.row_conv import Floats

# The engine looks at so many operators when it decides what belongs together.
_LOOKS_AT = 4
# Groups that are remembered; a search over ten thousand candidates meets about as many.
_MOST_GROUPS = 100_000


class Planner:
    """Plans of the CPU engine for one instruction set and number of threads, at batch 1."""

    def __init__(self, isa: InstructionSet, threads: int) -> None:
        self.isa = isa
        self.threads = threads
        self._groups: dict[tuple[object, ...], tuple[int, tuple[PlannedStep, ...]]] = {}
        self._steps: dict[tuple[str, int], PlannedStep] = {}

    def steps(self, archs: Iterable[Architecture]) -> tuple[tuple[PlannedStep, ...], ...]:
        """The steps of each network in the order in which they run.

        They are those of `lithe.engine.programs.programs_of`, name by name and unit by unit.

        Raises:
            LitheError: a table cannot be unrolled (see `lithe.arch.unroll`).
        """
        return tuple(self._plan(arch) for arch in archs)

    def planned(self, step: Step) -> PlannedStep:
        """A step of the engine's as one that the table knows."""
        key = step.kernel.name, step.units
        known = self._steps.get(key)
        if known is None:
            known = PlannedStep(*key, features_of(step, self.isa, self.threads))
            self._steps[key] = known
        return known

    def _plan(self, arch: Architecture) -> tuple[PlannedStep, ...]:
        links = chain(arch)
        if links is None:
            model = simplify(zero_model(from_arch(arch)))
            program = lower(model, self.isa, self.threads, packs=False)
            return tuple(map(self.planned, program.steps))
        steps: list[PlannedStep] = []
        index = 0
        while index < len(links):
            taken, made = self._group(_together(links, index), begins=index == 0)
            steps += made
            index += taken
        return tuple(steps)

    def _group(self, links: Links, *, begins: bool) -> tuple[int, tuple[PlannedStep, ...]]:
        key = (begins, *links)
        known = self._groups.get(key)
        if known is None:
            if len(self._groups) >= _MOST_GROUPS:
                self._groups.clear()
                self._steps.clear()
            taken, steps = lower_first(_model(links), self.isa, self.threads, inside=not begins)
            known = self._groups[key] = taken, tuple(map(self.planned, steps))
        return known


def _together(links: Links, index: int) -> Links:
    """The link of that index, and those after it that may be lowered with it or decide how."""
    end = index + 1
    while end < min(len(links), index + _LOOKS_AT) and _leads_to(links[end - 1], links[end]):
        end += 1
    return links[index:end]


def _leads_to(link: Link, following: Link) -> bool:
    """Whether two convolutions may share a step: a depthwise one with what is around it."""
    return following.alone and (
        (following.is_depthwise and link.kind == "conv")
        or (link.is_depthwise and following.is_pointwise)
    )


def _model(links: Links) -> Model:
    """Links as a model of their own, with zeros for weights."""
    shapes: dict[str, Shape] = {}
    values: dict[str, Floats] = {}
    nodes: list[Node] = []
    inputs: list[str] = []
    for index, link in enumerate(links):
        before = f"v{index - 1}" if index else "x"
        names: tuple[str, ...] = (before,)
        if not index:
            inputs.append(before)
            shapes[before] = _shape_in(link)
        if link.other:
            other = f"r{index}"
            inputs.append(other)
            shapes[other] = (1, link.c_out, link.h_out, link.h_out)
            names = (other, before) if link.kind == "mul" else (before, other)
        op = _op(link)
        wanted = op.constants(*(shapes[name] for name in names))
        constants = tuple(f"w{index}.{number}" for number in range(len(wanted)))
        values |= {name: _zeros(shape) for name, shape in zip(constants, wanted, strict=True)}
        output = f"v{index}"
        shapes[output] = _shape_out(link)
        nodes.append(Node(op, names, output, constants=constants))
    weights = {name: array.shape for name, array in values.items()}
    return Model(Graph(tuple(inputs), (), tuple(nodes), shapes, weights), values)


def _op(link: Link) -> Op:
    match link.kind:
        case "conv":
            return _conv(link)
        case "pool":
            return AdaptivePool2d()
        case "mul":
            return Binary("mul")
        case "reshape":
            return Reshape((1, link.c_out))
        case "linear":
            return Linear(link.c_in, link.c_out)


def _conv(link: Link) -> Op:
    pad = (link.k - 1) // 2
    conv = Conv2d(
        link.c_in,
        link.c_out,
        (link.k, link.k),
        (link.s, link.s),
        (pad, pad),
        groups=link.groups,
        bias=True,
    )
    activation = Activation(link.activation) if link.activation else None
    if activation is None and not link.other:
        return conv
    return Fused(conv, activation=activation, residual=bool(link.other))


def _shape_in(link: Link) -> Shape:
    return (1, link.c_in) if link.kind == "linear" else (1, link.c_in, link.h_in, link.h_in)


def _shape_out(link: Link) -> Shape:
    rows = link.kind in ("reshape", "linear")
    return (1, link.c_out) if rows else (1, link.c_out, link.h_out, link.h_out)


@lru_cache(maxsize=1 << 14)
def _zeros(shape: Shape) -> "Floats":
    import numpy as np

    return np.broadcast_to(np.zeros((), np.float32), shape)
