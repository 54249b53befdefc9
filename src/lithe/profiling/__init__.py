"""The dimensions of one network, joined: static cost and measured latency."""

from lithe.profiling.static import Profile, profile

__all__ = ["Profile", "profile"]
