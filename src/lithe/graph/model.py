"""A graph and the numbers that it reads: all that is needed to run a network. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.graph.from_arch import from_arch
from lithe.graph.graph import Graph

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]
else:
    Array = Any  # counting needs no array, so it does not import NumPy either


@dataclass(frozen=True, slots=True)
class Model:
    """A graph and an array for every constant that a node of it names.

    Arrays are of the type that the network holds them in, nearly always float32, and are
    not to be written to.
    """

    graph: Graph
    values: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __reduce__(self) -> tuple[type["Model"], tuple[object, ...]]:
        # A mapping proxy cannot be pickled, and a model has to travel between processes.
        return Model, (self.graph, dict(self.values))


def constant_names(graph: Graph) -> tuple[str, ...]:
    """Every constant that a node reads, once, in order of first reading."""
    return tuple(dict.fromkeys(name for node in graph.nodes for name in node.constants))


def zero_model(graph: Graph) -> Model:
    """A graph with zeros for constants, which take no memory.

    Shapes are all that code and plans depend on.
    """
    import numpy as np

    zero = np.zeros((), np.float32)
    return Model(
        graph,
        {name: np.broadcast_to(zero, graph.weights[name]) for name in constant_names(graph)},
    )


def model_of(arch: Architecture, arrays: Mapping[str, Array], batch: int = 1) -> Model:
    """The model of a table's network from arrays under the names of `lithe.nets`.

    Arrays that the graph does not read are left out.

    Raises:
        LitheError: an array is missing or has another shape, or the table cannot be
            unrolled (see `lithe.arch.unroll`).
    """
    graph = from_arch(arch, batch)
    values = {}
    for name in constant_names(graph):
        array, shape = arrays.get(name), graph.weights[name]
        if array is None or array.shape != shape:
            found = "missing" if array is None else f"of shape {array.shape}"
            raise LitheError(f"{arch.label}: {name} is {found}; it should be of shape {shape}")
        values[name] = array
    return Model(graph, values)
