"""A network becomes a graph: operators as values, weights beside it, all without torch.

Only `lithe.graph.capture`, the door from torch, imports torch; it is imported by name.
"""

from lithe.graph.from_arch import from_arch
from lithe.graph.graph import Graph, GraphBuilder, Node, param_count, param_names, unknown_ops
from lithe.graph.model import Model, model_of, zero_model

__all__ = [
    "Graph",
    "GraphBuilder",
    "Model",
    "Node",
    "from_arch",
    "model_of",
    "param_count",
    "param_names",
    "unknown_ops",
    "zero_model",
]
