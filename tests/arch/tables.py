"""Random tables of the kinds that a search draws, and some that it does not."""

from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from lithe.arch import Architecture, Conv, DepthwiseSeparable, InvertedResidual
from lithe.arch.rows import Activation, Row

KERNELS = st.sampled_from((3, 5, 7))
SQUEEZES: st.SearchStrategy[int | UnsetType] = st.sampled_from((UNSET, 4))
ACTIVATIONS: st.SearchStrategy[Activation] = st.sampled_from(
    ("relu6", "relu", "hard_swish", "silu")
)
CHANNELS = st.sampled_from((8, 16, 24, 40, 96, 160, 320))


@st.composite
def _inverted(draw: st.DrawFn) -> Row:
    return InvertedResidual(
        t=draw(st.sampled_from((1, 2, 3, 4, 6))),
        c=draw(CHANNELS),
        n=draw(st.integers(1, 3)),
        s=draw(st.sampled_from((1, 2))),
        k=draw(KERNELS),
        squeeze=draw(SQUEEZES),
        act=draw(st.one_of(st.just(UNSET), ACTIVATIONS)),
    )


@st.composite
def _separable(draw: st.DrawFn) -> Row:
    return DepthwiseSeparable(
        c=draw(CHANNELS),
        n=draw(st.integers(1, 3)),
        s=draw(st.sampled_from((1, 2))),
        k=draw(KERNELS),
        squeeze=draw(SQUEEZES),
    )


@st.composite
def tables(draw: st.DrawFn) -> Architecture:
    """A stem, one kind of block or both, a last convolution or none."""
    kind = draw(st.sampled_from((_inverted(), _separable(), st.one_of(_inverted(), _separable()))))
    rows = (
        Conv(k=3, s=draw(st.sampled_from((1, 2))), c=draw(CHANNELS)),
        *draw(st.lists(kind, min_size=1, max_size=6)),
        *draw(st.sampled_from(((), (Conv(k=1, c=1024),), (Conv(k=3, c=64, n=2),)))),
    )
    return Architecture(
        name="drawn",
        rows=rows,
        width=draw(st.sampled_from((0.25, 0.5, 1.0, 1.4))),
        resolution=draw(st.sampled_from((8, 12, 17, 32, 48, 96, 160, 224))),
        num_classes=draw(st.sampled_from((2, 10, 1000))),
        in_channels=draw(st.sampled_from((1, 3, 6))),
        activation=draw(ACTIVATIONS),
        min_last_map=draw(st.sampled_from((4, 4, 2))),
    )
