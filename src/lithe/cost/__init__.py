"""A graph has a cost; no torch, no measuring: all of it is known before training."""

from lithe.cost.count import FLOPS_PER_MAC, Cost, LayerCost, by_kind, cost
from lithe.cost.layers import KINDS, Layer, kind_of, layers
from lithe.cost.materialized import largest_at_each_size, materialized
from lithe.cost.memory import Lifetime, lifetimes, live_bytes
from lithe.cost.modules import ModuleCost, by_module
from lithe.cost.table import TableCost, table_cost

__all__ = [
    "FLOPS_PER_MAC",
    "KINDS",
    "Cost",
    "Layer",
    "LayerCost",
    "Lifetime",
    "ModuleCost",
    "TableCost",
    "by_kind",
    "by_module",
    "cost",
    "kind_of",
    "largest_at_each_size",
    "layers",
    "lifetimes",
    "live_bytes",
    "materialized",
    "table_cost",
]
