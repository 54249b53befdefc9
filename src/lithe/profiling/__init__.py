"""The dimensions of one network, joined: static cost and measured latency."""

from lithe.profiling.static import profile
from lithe.profiling.values import Profile

__all__ = ["Profile", "profile"]
