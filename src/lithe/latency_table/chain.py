"""What simplifying leaves of a table's network: a chain of links, without building the graph.

Every operator reads the link before it, and at most one more: a residual, or what a gate
multiplies. A block's links depend on little beside its channels, so they are worked out once
for all networks that have such a block. A test holds chains against simplified graphs.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

from lithe.arch import (
    Architecture,
    Block,
    Conv,
    DepthwiseSeparable,
    InvertedResidual,
    unroll,
)
from lithe.graph.from_arch import activation_kind

Kind = Literal["conv", "pool", "mul", "reshape", "linear"]


class Link(NamedTuple):
    """An operator of a simplified network, batch 1, with what is fused to it; maps are square.

    `other` counts the links back to the second tensor that it reads, 0: there is none. That
    is the residual of a convolution, or the image that a gate is multiplied with. `alone`:
    nobody else reads the output of the link before.
    """

    kind: Kind
    c_in: int
    c_out: int
    h_in: int
    h_out: int
    k: int = 1
    s: int = 1
    groups: int = 1
    activation: str = ""
    other: int = 0
    alone: bool = True

    @property
    def is_pointwise(self) -> bool:
        """A convolution of one pixel, of stride 1 and all channels."""
        return self.kind == "conv" and self.k == self.s == self.groups == 1

    @property
    def is_depthwise(self) -> bool:
        """A convolution of every channel by itself."""
        return self.kind == "conv" and self.groups == self.c_in == self.c_out > 1


Links = tuple[Link, ...]


def chain(arch: Architecture) -> Links | None:
    """The links of a table's network, or None where its network is no such chain.

    Chains are the tables that begin with a convolution and go on with convolutions,
    separable pairs, and inverted residuals whose projections are linear.

    Raises:
        LitheError: the table cannot be unrolled (see `lithe.arch.unroll`).
    """
    blocks = unroll(arch)
    if not isinstance(blocks[0].row, Conv) or not all(map(_is_plain, blocks)):
        return None
    links: list[Link] = []
    for block in blocks:
        row = block.row
        links += _links(
            type(row),
            row.t if isinstance(row, InvertedResidual) else 1,
            row.k,
            block.stride,
            (block.c_in, block.c_squeezed, block.c_out),
            (block.h_in, block.h_out),
            activation_kind(block.activation),
            block.adds_input,
        )
    c, h = blocks[-1].c_out, blocks[-1].h_out
    return (*links, *_head(c, h, arch.num_classes))


def _is_plain(block: Block) -> bool:
    match block.row:
        case InvertedResidual(linear=linear, shortcut=shortcut):
            return linear and shortcut != "expansion"
        case row:
            return isinstance(row, Conv | DepthwiseSeparable)


@lru_cache(maxsize=1 << 16)
def _links(
    row: type,
    t: int,
    k: int,
    s: int,
    channels: tuple[int, int, int],
    sizes: tuple[int, int],
    activation: str,
    adds_input: bool,
) -> Links:
    (c_in, c_squeezed, c_out), (h, h_out) = channels, sizes
    alone = not adds_input
    if row is Conv:
        return (Link("conv", c_in, c_out, h, h_out, k, s, activation=activation),)
    c = c_in * t
    links = [Link("conv", c_in, c, h, h, activation=activation, alone=alone)] if t > 1 else []
    links.append(Link("conv", c, c, h, h_out, k, s, c, activation, alone=alone or t > 1))
    if c_squeezed:
        links += _gate(c, c_squeezed, h_out)
    linear = row is InvertedResidual
    back = len(links) + 1 if adds_input else 0
    links.append(
        Link(
            "conv",
            c,
            c_out,
            h_out,
            h_out,
            activation="" if linear else activation,
            other=back,
        )
    )
    return tuple(links)


def _gate(c: int, c_squeezed: int, h: int) -> Links:
    """Squeeze-and-excite; the image that is pooled is read twice, and one pixel is not pooled."""
    pool = (Link("pool", c, c, h, 1, alone=False),) if h > 1 else ()
    return (
        *pool,
        Link("conv", c, c_squeezed, 1, 1, activation="relu", alone=h > 1),
        Link("conv", c_squeezed, c, 1, 1, activation="hardsigmoid"),
        Link("mul", c, c, 1, h, other=3 + (h > 1)),
    )


@lru_cache(maxsize=1024)
def _head(c: int, h: int, num_classes: int) -> Links:
    pool = (Link("pool", c, c, h, 1),) if h > 1 else ()
    return (*pool, Link("reshape", c, c, 1, 1), Link("linear", c, num_classes, 1, 1))
