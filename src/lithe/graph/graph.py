"""A graph: operators in order, the tensors between them, the weights they read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from types import MappingProxyType

from lithe.errors import LitheError
from lithe.graph.ops import Op, Shape, Unknown


@dataclass(frozen=True, slots=True)
class Node:
    """One operator at work: `inputs` and `output` name tensors, the others arrays.

    `constants` are the arrays that the operator reads, in the order that its docstring
    gives; `params` and `buffers` are the weights that these are made of, for counting.
    `path` is the module that it came from (`blocks.3.expand.conv`), as torch names it, and
    `source` the line (`model.py:12`), which is no part of what makes two nodes equal.
    """

    op: Op
    inputs: tuple[str, ...]
    output: str
    path: str = ""
    params: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in an order in which they can run; every tensor is written once.

    `shapes` holds the shape of every tensor, `weights` that of every parameter, buffer and
    constant; both are read-only copies of what is given.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    weights: Mapping[str, Shape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("shapes", "weights"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[type["Graph"], tuple[object, ...]]:
        # A mapping proxy cannot be pickled, and a graph has to travel between processes.
        mappings = dict(self.shapes), dict(self.weights)
        return Graph, (self.inputs, self.outputs, self.nodes, *mappings)


class GraphBuilder:
    """Appends nodes and works out each shape from the operator's own rule."""

    def __init__(self) -> None:
        self._inputs: list[str] = []
        self._nodes: list[Node] = []
        self._shapes: dict[str, Shape] = {}
        self._weights: dict[str, Shape] = {}

    def input(self, shape: Shape) -> str:
        """A tensor that the caller brings."""
        name = f"x{len(self._inputs)}"
        self._inputs.append(name)
        self._shapes[name] = shape
        return name

    def add(
        self,
        op: Op,
        *inputs: str,
        path: str = "",
        params: Mapping[str, Shape] = MappingProxyType({}),
        buffers: Mapping[str, Shape] = MappingProxyType({}),
        constants: Iterable[tuple[str, Shape]] | None = None,
        source: str = "",
    ) -> str:
        """Append a node and name its output.

        Where `constants` are not given the operator reads its `params`, then its `buffers`.

        Raises:
            LitheError: the operator does not take inputs of these shapes; says where.
        """
        name = f"v{len(self._nodes)}"
        try:
            self._shapes[name] = op.shape(*(self._shapes[tensor] for tensor in inputs))
        except LitheError as error:
            raise LitheError(f"{path or name}: {error}") from None
        read = tuple({**params, **buffers}.items() if constants is None else constants)
        self._weights |= {**params, **buffers, **dict(read)}
        self._nodes.append(
            Node(
                op,
                inputs,
                name,
                path,
                tuple(params),
                tuple(buffers),
                tuple(name for name, _ in read),
                source,
            )
        )
        return name

    def shape(self, tensor: str) -> Shape:
        """Shape of a tensor so far."""
        return self._shapes[tensor]

    def build(self, *outputs: str) -> Graph:
        """The finished graph."""
        return Graph(
            tuple(self._inputs),
            outputs,
            tuple(self._nodes),
            self._shapes,
            self._weights,
        )


def param_names(graph: Graph) -> frozenset[str]:
    """Trainable weights; one that two nodes share is named once."""
    return frozenset(name for node in graph.nodes for name in node.params)


def param_count(graph: Graph) -> int:
    """Trainable parameters, batch norm's scale and shift included, shared ones once."""
    return sum(prod(graph.weights[name]) for name in param_names(graph))


def unknown_ops(graph: Graph) -> tuple[str, ...]:
    """Names of the operators that have no rule here."""
    return tuple(sorted({node.op.name for node in graph.nodes if isinstance(node.op, Unknown)}))
