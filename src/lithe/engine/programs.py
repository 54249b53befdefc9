"""Which programs a model becomes for its batch size, before anything of them is compiled."""

from dataclasses import dataclass

from lithe.engine.batch import batch_of, mixes_samples, with_batch
from lithe.engine.isa import InstructionSet
from lithe.engine.layout import activation_bytes
from lithe.engine.lower.lower import GROUPERS, Grouper, lower
from lithe.engine.plan import plan_program
from lithe.engine.program import Program
from lithe.graph.graph import Graph
from lithe.graph.model import Model

# A thread gets at least so much to do: some 20 microseconds, a hundred times a barrier's.
MACS_PER_THREAD = 2_000_000
# Arenas of the samples that are computed at once.
PIECE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Programs:
    """What computes a batch: `whole` one piece of it after the other, `single` what is left over.

    `single` is None where a piece is one sample, or the whole batch because its samples mix;
    `mixes_samples` then says where.
    """

    batch: int
    whole: Program
    single: Program | None = None
    mixes_samples: str = ""

    @property
    def pieces(self) -> int:
        """How many pieces the batch has."""
        shapes = self.whole.inputs
        return self.batch // (shapes[0][0] if shapes and shapes[0] else 1)

    def activation_bytes(self, threads: int) -> int:
        """What a call allocates beside weights, input and output: see `lithe.engine.layout`."""
        return activation_bytes(
            self.whole, plan_program(self.whole).total_bytes, threads, self.pieces
        )


def programs_of(
    model: Model,
    isa: InstructionSet,
    threads: int,
    groupers: tuple[Grouper, ...] = GROUPERS,
    *,
    packs: bool = True,
) -> Programs:
    """The programs of a simplified model, for the batch size that it has.

    Without `packs` they have no weights: large networks are planned in a second.

    Raises:
        LitheError: operators that the engine does not have, each named.
    """
    mixes = mixes_samples(model.graph)
    batch = batch_of(model.graph)
    one = lower(model if mixes else with_batch(model, 1), isa, threads, groupers, packs=packs)
    piece = 1 if mixes else piece_of(batch, threads, plan_program(one).total_bytes)
    if piece == 1:
        return Programs(batch, one, mixes_samples=mixes)
    return Programs(
        batch, lower(with_batch(model, piece), isa, threads, groupers, packs=packs), one
    )


def piece_of(batch: int, threads: int, arena_bytes: int) -> int:
    """Samples to compute at once, where one needs an arena of so many bytes.

    Several read the weights once for all, which pays where there are few pixels to each
    weight, until their activations leave the caches. MobileNetV2 at 96 pixels: 0.75 ms a
    sample by one, 0.68 by two, 0.65 by four, 0.63 by eight; at 224 it is all the same.
    """
    for piece in (4, 3, 2):
        if batch % piece == 0 and piece * threads <= batch and piece * arena_bytes <= PIECE_BYTES:
            return piece
    return 1


def default_threads(graph: Graph, processors: int) -> int:
    """Threads that a network can make use of."""
    macs = sum(node.op.macs(*(graph.shapes[name] for name in node.inputs)) for node in graph.nodes)
    return threads_for(macs, processors)


def threads_for(macs: int, processors: int) -> int:
    """Threads for so many MACs in one call: all processors, or a power of two of them.

    That many numbers are few enough to have measured times for each.

    >>> threads_for(3_000_000, 16), threads_for(13_000_000, 16), threads_for(10**9, 6)
    (1, 4, 6)
    """
    most = max(1, macs // MACS_PER_THREAD)
    return processors if most >= processors else 1 << (most.bit_length() - 1)
