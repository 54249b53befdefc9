"""A model becomes a program: which kernels, on which shapes, in which order."""

from lithe.engine.lower.lower import lower

__all__ = ["lower"]
