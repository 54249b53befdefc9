"""A network becomes a graph: operators as values, without weights and without torch.

Only `lithe.graph.capture`, the door from torch, imports torch; it is imported by name.
"""

from lithe.graph.from_arch import from_arch
from lithe.graph.graph import Graph, GraphBuilder, Node, param_count, param_names, unknown_ops

__all__ = [
    "Graph",
    "GraphBuilder",
    "Node",
    "from_arch",
    "param_count",
    "param_names",
    "unknown_ops",
]
