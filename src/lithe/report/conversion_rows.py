"""What a report of a conversion is made from: plain frozen rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from lithe.report.rows import LimitRow

# What a network was called after each step, and the words for it.
STEPS = {
    "original": "as it was",
    "carried": "weights carried over",
    "refitted": "refitted by least squares",
    "normed": "batch norm re-estimated",
    "trained": "fine-tuned",
}


@dataclass(frozen=True, slots=True)
class ConvertedLayerRow:
    """One layer of the original and what became of it.

    `became` is empty where it stayed, and `reason` says why. Seconds are those of the layer
    by itself, in lithe's engine and in eager PyTorch; `loss` is by how much the loss rises when
    this layer alone is replaced, in nats; the errors are relative to the original's output,
    after each step.
    """

    layer: str
    became: str
    reason: str
    macs: int
    macs_after: int | None = None
    seconds: float | None = None
    seconds_after: float | None = None
    eager_seconds: float | None = None
    eager_seconds_after: float | None = None
    loss: float | None = None
    carried: float | None = None
    refitted: float | None = None
    normed: float | None = None


@dataclass(frozen=True, slots=True)
class ConversionRows:
    """All that the page of a conversion shows beside the comparison of the two networks.

    `steps` are accuracies on held-out images after each step of `STEPS`. `layer_threads` are
    those that layers were timed with, in the engine and in eager PyTorch. `what_would` are
    other conversions with the seconds that they are predicted to save in all; it is filled
    where this one made nothing faster.
    """

    title: str
    command: str
    steps: tuple[tuple[str, float], ...]
    layers: tuple[ConvertedLayerRow, ...]
    layer_threads: tuple[int, int]
    limits: tuple[LimitRow, ...]
    before_s: float
    after_s: float
    before_macs: int
    after_macs: int
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    what_would: tuple[tuple[str, float], ...] = ()

    @property
    def replaced(self) -> tuple[ConvertedLayerRow, ...]:
        """The layers that became something else."""
        return tuple(row for row in self.layers if row.became)

    @property
    def faster(self) -> bool:
        """Whether the converted network takes less time than the original."""
        return self.after_s < self.before_s


def became(kind: str, size: int) -> str:
    """What stands in a layer's place, in words.

    >>> became("separable", 2), became("inverted-residual", 4), became("low-rank", 16)
    ('separable, 2 filters', 'inverted residual, t = 4', 'low rank, 16 channels')
    """
    match kind:
        case "separable":
            return "separable" if size == 1 else f"separable, {size} filters"
        case "inverted-residual":
            return f"inverted residual, t = {size}"
        case _:
            return f"low rank, {size} channel{'s' * (size > 1)}"


def step_words(steps: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Accuracies with the words for their steps."""
    return tuple((STEPS[name], accuracy) for name, accuracy in steps)
