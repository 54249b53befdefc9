"""Operators that work element by element, and softmax."""

from dataclasses import dataclass
from math import inf, prod

from lithe.errors import LitheError
from lithe.graph.ops.op import Op, Shape, axis_of, broadcast

# x where x > 0, else x times the constant `weight` (1 or c numbers, along axis 1).
PRELU = "prelu"
# Functions of one element x, each with the number of its `args`. All are torch's:
# `leaky_relu` has (slope), `elu` and `celu` (alpha), the shrinks (lambda), `softplus` (beta,
# threshold), `clamp` (low, high) with infinities for no limit. With a number v: x + v, x - v,
# v - x, x v, x / v, x ** v.
ACTIVATIONS = {
    **dict.fromkeys(
        (
            "relu", "relu6", "sigmoid", "tanh", "silu", "hardswish", "hardsigmoid", "gelu",
            "gelu_tanh", "mish", "neg", "abs", "exp", "log", "sqrt", "rsqrt", "reciprocal",
            "square", PRELU, "erf", "sin", "cos", "floor", "ceil", "round", "sign", "log1p",
            "expm1", "log_sigmoid", "selu",
        ),
        0,
    ),
    **dict.fromkeys(
        (
            "leaky_relu", "elu", "add_constant", "sub_constant", "rsub_constant",
            "mul_constant", "div_constant", "pow_constant", "celu", "hardshrink", "softshrink",
        ),
        1,
    ),
    "softplus": 2,
    "clamp": 2,
}  # fmt: skip
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum")


@dataclass(frozen=True, slots=True)
class Activation(Op):
    """An element-wise function of one tensor by its usual name (`relu6`), one of `ACTIVATIONS`.

    `args` are its numbers, such as the slope of `leaky_relu`. Only `prelu` has a constant.
    """

    kind: str
    args: tuple[float, ...] = ()

    def other_ops(self, *inputs: Shape) -> int:
        """One an element, whichever function it is."""
        return prod(inputs[0])


def between(low: float | None, high: float | None) -> Activation:
    """X cut to low ... high, by its own name where it has one; None for no limit.

    >>> between(0, 6).kind, between(0, None).kind, between(-1, 1)
    ('relu6', 'relu', Activation(kind='clamp', args=(-1.0, 1.0)))
    """
    limits = -inf if low is None else float(low), inf if high is None else float(high)
    named = {(0.0, 6.0): "relu6", (0.0, inf): "relu"}.get(limits)
    return Activation(named) if named else Activation("clamp", limits)


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    """Exponentials along an axis that add up to 1; with `log`, the logarithm of that."""

    axis: int
    log: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """That of the input.

        Raises:
            LitheError: there is no such axis.
        """
        axis_of(self.axis, inputs[0])
        return inputs[0]

    def other_ops(self, *inputs: Shape) -> int:
        """Five an element: largest, difference, `exp`, sum, quotient (or its logarithm)."""
        return 5 * prod(inputs[0])


@dataclass(frozen=True, slots=True)
class Binary(Op):
    """Element-wise `add`, `sub`, `mul`, `div`, ... of tensors that broadcast; makes a tensor.

    Where one operand is a constant, there is one input, whose shape the output has, and
    `constant_first` says on which side the constant stands (`constant - x`).
    """

    kind: str
    constant_first: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """The broadcast shape of both inputs.

        Raises:
            LitheError: the shapes do not broadcast.
        """
        return broadcast(*inputs)

    def other_ops(self, *inputs: Shape) -> int:
        """One an output element."""
        return prod(self.shape(*inputs))


@dataclass(frozen=True, slots=True)
class Dropout(Op):
    """Nothing at inference."""


@dataclass(frozen=True, slots=True)
class Fused(Op):
    """activation(op(x) + residual): what a kernel does before it lets go of its output.

    With `residual` the last input is a tensor of the output's shape, which is added before
    the activation; the other inputs and all constants are those of `op`. Made by
    `lithe.graph.passes`, never by a capture.
    """

    op: Op
    activation: Activation | None = None
    residual: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """That of `op`.

        Raises:
            LitheError: `op` does not take these inputs, or the residual has another shape.
        """
        own = inputs[:-1] if self.residual else inputs
        if not own:
            raise LitheError("a fused operator has no input beside its residual")
        out = self.op.shape(*own)
        if self.residual and inputs[-1] != out:
            raise LitheError(f"a residual of shape {inputs[-1]} is added to an output of {out}")
        return out

    def macs(self, *inputs: Shape) -> int:
        """Those of `op`."""
        return self.op.macs(*(inputs[:-1] if self.residual else inputs))

    def other_ops(self, *inputs: Shape) -> int:
        """Those of `op`, of the addition and of the activation."""
        own = inputs[:-1] if self.residual else inputs
        out = self.op.shape(*own)
        after = self.activation.other_ops(out) if self.activation else 0
        return self.op.other_ops(*own) + self.residual * prod(out) + after

    def constants(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Those of `op`."""
        return self.op.constants(*(inputs[:-1] if self.residual else inputs))
