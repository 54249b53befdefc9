"""Activations on a vector: one line each, written into the end of every kernel."""

from collections.abc import Callable
from math import sqrt

from lithe.engine.ir import Function
from lithe.engine.kernels.transcendental import (
    clamped,
    erfc,
    exp,
    expm1,
    hyperbolic_tangent,
    log1p_of_exp,
    logarithm,
    magnitude,
    negative,
    power,
    square_root,
)
from lithe.errors import LitheError

Args = tuple[float, ...]
Emit = Callable[[Function, str, Args], str]


def _relu(f: Function, x: str) -> str:
    return f.select("olt", x, f.constant(0), f.constant(0), x)


def _leaky_relu(f: Function, x: str, slope: float) -> str:
    return f.select("ogt", x, f.constant(0), x, f.binary("fmul", x, f.constant(slope)))


def _hardsigmoid(f: Function, x: str) -> str:
    up = clamped(f, f.binary("fadd", x, f.constant(3)), 0, 6)
    return f.binary("fmul", up, f.constant(1 / 6))


def _sigmoid_of(f: Function, x: str, numerator: str) -> str:
    """Numerator / (1 + e^-x)."""
    return f.binary("fdiv", numerator, f.binary("fadd", exp(f, negative(f, x)), f.constant(1)))


def _elu(f: Function, x: str, alpha: float) -> str:
    below = clamped(f, x, -float("inf"), 0)
    return f.select(
        "ogt", x, f.constant(0), x, f.binary("fmul", expm1(f, below), f.constant(alpha))
    )


def _gelu(f: Function, x: str) -> str:
    # erfc of the magnitude does not cancel as 1 + erf(x) does.
    tail = erfc(f, f.binary("fmul", magnitude(f, x), f.constant(sqrt(0.5))))
    both = f.select("olt", x, f.constant(0), tail, f.binary("fsub", f.constant(2), tail))
    return f.binary("fmul", f.binary("fmul", x, f.constant(0.5)), both)


def _gelu_tanh(f: Function, x: str) -> str:
    # x (1 + tanh u) / 2 = x / (1 + e^-2u)
    square = f.binary("fmul", x, x)
    scale = 2 * sqrt(2 / 3.141592653589793)
    twice = f.fma(square, f.constant(scale * 0.044715), f.constant(scale))
    return _sigmoid_of(f, f.binary("fmul", x, twice), x)


def _mish(f: Function, x: str) -> str:
    # tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2), and from e^20 on it is 1.
    e = exp(f, clamped(f, x, -float("inf"), 20))
    top = f.fma(e, e, f.binary("fadd", e, e))
    ratio = f.binary("fdiv", top, f.binary("fadd", top, f.constant(2)))
    return f.binary("fmul", x, ratio)


def _softplus(f: Function, x: str, beta: float, threshold: float) -> str:
    scaled = f.binary("fmul", x, f.constant(beta))
    soft = f.binary("fdiv", log1p_of_exp(f, scaled), f.constant(beta))
    return f.select("ogt", scaled, f.constant(threshold), x, soft)


ACTIVATIONS: dict[str, Emit] = {
    "relu": lambda f, x, _: _relu(f, x),
    "relu6": lambda f, x, _: clamped(f, x, 0, 6),
    "clamp": lambda f, x, a: clamped(f, x, a[0], a[1]),
    "leaky_relu": lambda f, x, a: _leaky_relu(f, x, a[0]),
    "elu": lambda f, x, a: _elu(f, x, a[0]),
    "hardsigmoid": lambda f, x, _: _hardsigmoid(f, x),
    "hardswish": lambda f, x, _: f.binary("fmul", x, _hardsigmoid(f, x)),
    "sigmoid": lambda f, x, _: _sigmoid_of(f, x, f.constant(1)),
    "silu": lambda f, x, _: _sigmoid_of(f, x, x),
    "tanh": lambda f, x, _: hyperbolic_tangent(f, x),
    "gelu": lambda f, x, _: _gelu(f, x),
    "gelu_tanh": lambda f, x, _: _gelu_tanh(f, x),
    "mish": lambda f, x, _: _mish(f, x),
    "softplus": lambda f, x, a: _softplus(f, x, a[0], a[1]),
    "exp": lambda f, x, _: exp(f, x),
    "log": lambda f, x, _: logarithm(f, x),
    "sqrt": lambda f, x, _: square_root(f, x),
    "rsqrt": lambda f, x, _: f.binary("fdiv", f.constant(1), square_root(f, x)),
    "reciprocal": lambda f, x, _: f.binary("fdiv", f.constant(1), x),
    "square": lambda f, x, _: f.binary("fmul", x, x),
    "neg": lambda f, x, _: negative(f, x),
    "abs": lambda f, x, _: magnitude(f, x),
    "add_constant": lambda f, x, a: f.binary("fadd", x, f.constant(a[0])),
    "sub_constant": lambda f, x, a: f.binary("fsub", x, f.constant(a[0])),
    "rsub_constant": lambda f, x, a: f.binary("fsub", f.constant(a[0]), x),
    "mul_constant": lambda f, x, a: f.binary("fmul", x, f.constant(a[0])),
    "div_constant": lambda f, x, a: f.binary("fdiv", x, f.constant(a[0])),
    "pow_constant": lambda f, x, a: power(f, x, a[0]),
}


def activate(f: Function, x: str, kind: str, args: Args = ()) -> str:
    """The activation of that name of a vector; "" is none.

    Raises:
        LitheError: there is no such activation here.
    """
    if not kind:
        return x
    if kind not in ACTIVATIONS:
        raise LitheError(f"no activation {kind!r} in the engine; there are {sorted(ACTIVATIONS)}")
    return ACTIVATIONS[kind](f, x, args)
