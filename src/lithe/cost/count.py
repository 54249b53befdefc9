"""A graph has a cost: multiply-accumulates, parameters, activation bytes, layer by layer."""

from dataclasses import dataclass
from math import prod

from lithe.cost.layers import Layer, layers
from lithe.cost.memory import lifetimes, live_bytes
from lithe.cost.moved import other_ops, owners_of, read_elements, weight_elements
from lithe.graph import Graph
from lithe.graph.graph import unknown_ops
from lithe.graph.ops import Conv2d, ConvNd, ConvTransposed, Fused, Shape

FLOPS_PER_MAC = 2


@dataclass(frozen=True, slots=True)
class LayerCost:
    """One layer.

    `macs` of one run; `params` with batch norm's scale and shift; `activation_bytes` of
    the tensor that it makes, 0 for a view; `live_bytes` of all that is alive while it runs.
    `other_ops` are operations on elements that are no MACs; `read_bytes` are those of the
    tensors that it reads, `weight_bytes` of its constants, each once. A folded batch norm
    adds nothing to either but the bias that it leaves behind; a view moves nothing.
    """

    path: str
    kind: str
    op: str
    in_shape: Shape
    out_shape: Shape
    macs: int
    params: int
    activation_bytes: int
    live_bytes: int
    other_ops: int = 0
    read_bytes: int = 0
    weight_bytes: int = 0

    @property
    def moved_bytes(self) -> int:
        """Bytes that cross between memory and the layer: weights, inputs, and its output."""
        return self.read_bytes + self.weight_bytes + self.activation_bytes


@dataclass(frozen=True, slots=True)
class Cost:
    """A network's static cost.

    Where `unknown` names operators without a rule, `macs` is a lower bound.
    """

    macs: int
    params: int
    peak_activation_bytes: int
    layers: tuple[LayerCost, ...]
    unknown: tuple[str, ...] = ()

    @property
    def other_ops(self) -> int:
        """Operations on elements that are no MACs."""
        return sum(layer.other_ops for layer in self.layers)

    @property
    def moved_bytes(self) -> int:
        """Bytes that cross between memory and the layers when each runs by itself."""
        return sum(layer.moved_bytes for layer in self.layers)


def cost(graph: Graph, bytes_per_element: int = 4) -> Cost:
    """Count a graph. `bytes_per_element` is that of activations and weights, 4 for fp32.

    MACs are those of convolutions, linear layers and products of matrices. Activations,
    pooling, additions and norms are counted apart, as `other_ops`; a batch norm that folds
    and a bias are not counted, as in the papers.
    """
    parts = layers(graph)
    alive = live_bytes(lifetimes(graph, parts, bytes_per_element), len(parts))
    owners = owners_of(graph)
    seen: set[str] = set()
    rows = []
    for layer, live in zip(parts, alive, strict=False):
        names = {name for node in layer.nodes for name in node.params} - seen
        seen |= names
        rows.append(
            LayerCost(
                path=layer.path,
                kind=layer.kind,
                op=_describe(layer),
                in_shape=graph.shapes[layer.inputs[0]] if layer.inputs else (),
                out_shape=graph.shapes[layer.output],
                macs=sum(
                    node.op.macs(*(graph.shapes[tensor] for tensor in node.inputs))
                    for node in layer.nodes
                ),
                params=sum(prod(graph.weights[name]) for name in names),
                activation_bytes=0
                if layer.is_alias
                else prod(graph.shapes[layer.output]) * bytes_per_element,
                live_bytes=live,
                other_ops=other_ops(graph, layer),
                read_bytes=bytes_per_element * read_elements(graph, layer, owners),
                weight_bytes=bytes_per_element * weight_elements(graph, layer),
            )
        )
    return Cost(
        macs=sum(row.macs for row in rows),
        params=sum(row.params for row in rows),
        peak_activation_bytes=max(alive),
        layers=tuple(rows),
        unknown=unknown_ops(graph),
    )


def _describe(layer: Layer) -> str:
    op = layer.nodes[0].op
    op = op.op if isinstance(op, Fused) else op
    match op:
        case Conv2d() | ConvNd() | ConvTransposed():
            name = "transposed conv" if isinstance(op, ConvTransposed) else "conv"
            stride = f" s{op.stride[0]}" if max(op.stride) > 1 else ""
            return f"{name} {'x'.join(map(str, op.kernel))}{stride}"
        case _:
            name = getattr(op, "kind", None) or getattr(op, "name", None) or type(op).__name__
            return str(name).lower() if layer.kind != "unknown" else str(name)


def by_kind(rows: tuple[LayerCost, ...]) -> dict[str, tuple[int, int]]:
    """MACs and params per kind of layer, as table 2 of the V1 paper splits them."""
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        macs, params = sums.get(row.kind, (0, 0))
        sums[row.kind] = (macs + row.macs, params + row.params)
    return sums
