"""Activations on a vector: one line each, written into the end of every kernel."""

from collections.abc import Callable

from lithe.engine.ir import Function
from lithe.errors import LitheError

Emit = Callable[[Function, str, tuple[float, ...]], str]


def _clamped(f: Function, x: str, low: float, high: float) -> str:
    # Compare, then select: a NaN compares false and goes through, as it does in PyTorch.
    above = f.select("olt", x, f.constant(low), f.constant(low), x)
    return f.select("ogt", above, f.constant(high), f.constant(high), above)


def _relu(f: Function, x: str, _: tuple[float, ...]) -> str:
    return f.select("olt", x, f.constant(0), f.constant(0), x)


def _relu6(f: Function, x: str, _: tuple[float, ...]) -> str:
    return _clamped(f, x, 0, 6)


ACTIVATIONS: dict[str, Emit] = {
    "relu": _relu,
    "relu6": _relu6,
}


def activate(f: Function, x: str, kind: str, args: tuple[float, ...] = ()) -> str:
    """The activation of that name of a vector; "" is none.

    Raises:
        LitheError: there is no such activation here.
    """
    if not kind:
        return x
    if kind not in ACTIVATIONS:
        raise LitheError(f"no activation {kind!r} in the engine; there are {sorted(ACTIVATIONS)}")
    return ACTIVATIONS[kind](f, x, args)
