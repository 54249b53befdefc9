"""From a table to a graph without torch: a candidate is priced in about a millisecond.

The result equals what `lithe.graph.capture` reads from the built network, node for node;
a test holds the two together.
"""

from lithe.arch import (
    Architecture,
    Block,
    Conv,
    DepthwiseSeparable,
    FusedInvertedResidual,
    InvertedResidual,
    unroll,
)
from lithe.graph.graph import Graph, GraphBuilder
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
)

# A table's name of an activation -> the operator's, where the two differ.
_KINDS = {"hard_swish": "hardswish"}


def activation_kind(name: str) -> str:
    """The operator's name of a table's activation."""
    return _KINDS.get(name, name)


class _Writer:
    """A graph under construction, with the few patterns that the tables are made of.

    `activation` is that of the block that is being written.
    """

    def __init__(self, arch: Architecture, batch: int) -> None:
        self.activation: str = arch.activation
        self.graph = GraphBuilder()
        self.x = self.graph.input((batch, arch.in_channels, arch.resolution, arch.resolution))

    def conv(
        self, path: str, c_out: int, k: int = 1, s: int = 1, groups: int = 1, act: bool = True
    ) -> None:
        c_in = self.graph.shape(self.x)[1]
        pad = (k - 1) // 2
        op = Conv2d(c_in, c_out, (k, k), (s, s), (pad, pad), groups=groups)
        weight = {f"{path}.conv.weight": (c_out, c_in // groups, k, k)}
        self.x = self.graph.add(op, self.x, path=f"{path}.conv", params=weight)
        affine = {f"{path}.norm.weight": (c_out,), f"{path}.norm.bias": (c_out,)}
        stats = {f"{path}.norm.running_mean": (c_out,), f"{path}.norm.running_var": (c_out,)}
        self.x = self.graph.add(
            BatchNorm(c_out), self.x, path=f"{path}.norm", params=affine, buffers=stats
        )
        if act:
            self.x = self.graph.add(
                Activation(activation_kind(self.activation)), self.x, path=f"{path}.act"
            )

    def squeeze(self, path: str, c_squeezed: int) -> None:
        if not c_squeezed:
            return
        x, c = self.x, self.graph.shape(self.x)[1]
        y = self.graph.add(AdaptivePool2d(), x, path=f"{path}.pool")
        y = self._pointwise(f"{path}.reduce", y, c, c_squeezed)
        y = self.graph.add(Activation("relu"), y, path=f"{path}.act")
        y = self._pointwise(f"{path}.expand", y, c_squeezed, c)
        y = self.graph.add(Activation("hardsigmoid"), y, path=f"{path}.gate")
        self.x = self.graph.add(Binary("mul"), x, y, path=path)

    def _pointwise(self, path: str, x: str, c_in: int, c_out: int) -> str:
        params = {f"{path}.weight": (c_out, c_in, 1, 1), f"{path}.bias": (c_out,)}
        return self.graph.add(Conv2d(c_in, c_out, (1, 1), bias=True), x, path=path, params=params)

    def add(self, path: str, first: str, second: str) -> None:
        self.x = self.graph.add(Binary("add"), first, second, path=path)


def from_arch(arch: Architecture, batch: int = 1) -> Graph:
    """The graph of a table's network for a batch of `batch` square images, n c h w.

    Raises:
        LitheError: the table cannot be unrolled (see `lithe.arch.unroll`).
    """
    writer = _Writer(arch, batch)
    expanded: tuple[str, int] | None = None  # the previous block's expanded tensor and its channels
    for index, block in enumerate(unroll(arch)):
        expanded = _write(writer, f"blocks.{index}", block, expanded)
    graph = writer.graph
    x = graph.add(AdaptivePool2d(), writer.x, path="pool")
    x = graph.add(Flatten(), x, path="flatten")
    x = graph.add(Dropout(), x, path="dropout")
    c = graph.shape(x)[-1]
    params = {"classifier.weight": (arch.num_classes, c), "classifier.bias": (arch.num_classes,)}
    return graph.build(graph.add(Linear(c, arch.num_classes), x, path="classifier", params=params))


def _write(
    writer: _Writer, path: str, block: Block, wide: tuple[str, int] | None
) -> tuple[str, int] | None:
    row, x = block.row, writer.x
    writer.activation = block.activation
    match row:
        case Conv():
            writer.conv(path, block.c_out, row.k, block.stride)
        case DepthwiseSeparable():
            writer.conv(f"{path}.depthwise", block.c_in, row.k, block.stride, groups=block.c_in)
            writer.squeeze(f"{path}.squeeze", block.c_squeezed)
            writer.conv(f"{path}.pointwise", block.c_out)
        case FusedInvertedResidual():
            if row.t == 1:
                writer.conv(f"{path}.expand", block.c_out, row.k, block.stride)
            else:
                writer.conv(f"{path}.expand", block.c_expanded, row.k, block.stride)
                writer.conv(f"{path}.project", block.c_out, act=False)
            if block.adds_input:
                writer.add(path, x, writer.x)
        case InvertedResidual():
            c = block.c_expanded
            if row.t > 1:
                writer.conv(f"{path}.expand", c)
            if row.shortcut == "expansion" and wide is not None and wide[1] == c:
                writer.add(path, writer.x, wide[0])
            middle = writer.x
            writer.conv(f"{path}.depthwise", c, row.k, block.stride, groups=c)
            writer.squeeze(f"{path}.squeeze", block.c_squeezed)
            writer.conv(f"{path}.project", block.c_out, act=not row.linear)
            if block.adds_input:
                writer.add(path, x, writer.x)
            if row.shortcut == "expansion" and block.stride == 1:
                return middle, c
    return None
