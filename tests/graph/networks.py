"""Small random networks, values included, for whatever must hold of any network."""

from math import prod

import numpy as np
from hypothesis import strategies as st

from lithe.graph import GraphBuilder, Model
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    ChannelShuffle,
    Concat,
    Conv2d,
    Copy,
    Dropout,
    Flatten,
    Linear,
    Mean,
    Op,
    Pad,
    Pool2d,
    Reshape,
    Resize,
    Shape,
    Slice,
    Softmax,
    Transpose,
)

ACTIVATIONS = (
    Activation("relu"),
    Activation("relu6"),
    Activation("hardswish"),
    Activation("leaky_relu", (0.2,)),
    Activation("clamp", (-0.5, 1.0)),
    Activation("mul_constant", (1.0,)),
    Activation("rsub_constant", (0.5,)),
)
PATTERNS = (
    "conv", "conv", "conv norm", "conv norm", "norm", "activation", "activation", "residual",
    "residual", "binary", "gate", "squeeze", "concat", "slice", "shuffle", "pad conv", "pool",
    "resize", "view", "no-op", "constant", "multiplier",
)  # fmt: skip


class _Writer:
    """A graph under construction with random arrays for its constants."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.graph = draw, GraphBuilder()
        self.random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.values: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = {}

    def add(self, op: Op, *inputs: str) -> str:
        shapes = self._constants(op, self.graph.shape(inputs[0]), len(inputs))
        names = [f"w{len(self.values) + i}" for i in range(len(shapes))]
        for name, shape in zip(names, shapes, strict=True):
            self.values[name] = self.random.normal(size=shape)
        if isinstance(op, BatchNorm):
            self.values[names[3]] = self.random.uniform(0.2, 2, shapes[3])
        return self.graph.add(op, *inputs, params=dict(zip(names, shapes, strict=True)))

    def _constants(self, op: Op, shape: Shape, inputs: int) -> list[Shape]:
        match op:
            case Conv2d():
                weight: Shape = (op.c_out, op.c_in // op.groups, *op.kernel)
            case Linear():
                weight = (op.c_out, op.c_in)
            case BatchNorm():
                return [(op.c,)] * 4
            case Activation(kind="prelu"):
                return [(shape[1],)]
            case Binary() if inputs == 1:
                return [self.draw(st.sampled_from([(shape[1], 1, 1), (1,), (), shape]))]
            case _:
                return []
        return [weight, (op.c_out,)] if op.bias else [weight]

    def conv(self, x: str, c_out: int | None = None, *, same: bool = False) -> str:
        draw, (_, c, h, w) = self.draw, self.graph.shape(x)
        k = draw(st.integers(1, min(3, h, w)))
        k = 1 if same and k == 2 else k
        groups = draw(st.sampled_from([1, c])) if c_out in (None, c) else 1
        bias = draw(st.booleans())
        if c_out is None:
            c_out = c if groups == c else draw(st.integers(1, 6))
        stride = 1 if same else draw(st.integers(1, 2))
        pad = (k - 1) // 2
        conv = Conv2d(c, c_out, (k, k), (stride, stride), (pad, pad), groups=groups, bias=bias)
        return self.add(conv, x)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A network of up to ten patterns and a float64 array for each of its constants."""
    w = _Writer(draw)
    start = w.graph.input((draw(st.integers(1, 2)), draw(st.integers(1, 6)), 6, 5))
    tensors = [start]
    for _ in range(draw(st.integers(1, 10))):
        x = draw(st.sampled_from(tensors[-3:]))
        tensors.append(_pattern(w, x, tensors, draw(st.sampled_from(PATTERNS))))
    if draw(st.booleans()):
        tensors.append(_head(w, tensors[-1]))
    extra = draw(st.lists(st.sampled_from(tensors), max_size=2))
    return Model(w.graph.build(tensors[-1], *extra), w.values)


def _pattern(w: _Writer, x: str, tensors: list[str], pattern: str) -> str:
    draw, shape = w.draw, w.graph.shape(x)
    n, c, *_ = shape
    match pattern:
        case "conv":
            return w.conv(x)
        case "conv norm":
            y = w.conv(x)
            y = w.add(BatchNorm(w.graph.shape(y)[1], 1e-3), y)
            return w.add(draw(st.sampled_from(ACTIVATIONS)), y) if draw(st.booleans()) else y
        case "norm":
            return w.add(BatchNorm(c), x)
        case "activation":
            return w.add(draw(st.sampled_from((*ACTIVATIONS, Activation("prelu")))), x)
        case "residual":
            y = w.conv(x, c, same=True)
            y = w.conv(y, c, same=True) if draw(st.booleans()) else y
            return w.add(Binary("add"), *((x, y) if draw(st.booleans()) else (y, x)))
        case "binary":
            others = [name for name in tensors if w.graph.shape(name) == shape]
            kind = draw(st.sampled_from(["add", "sub", "mul", "maximum"]))
            return w.add(Binary(kind), x, draw(st.sampled_from(others)))
        case "gate":
            gate = w.add(Activation(draw(st.sampled_from(["sigmoid", "hardsigmoid"]))), x)
            return w.add(Binary("mul"), *((x, gate) if draw(st.booleans()) else (gate, x)))
        case "squeeze":
            pool = AdaptivePool2d() if draw(st.booleans()) else Mean((2, 3), keepdim=True)
            gate = w.conv(w.add(Activation("relu"), w.conv(w.add(pool, x))), c)
            return w.add(Binary("mul"), x, w.add(Activation("hardsigmoid"), gate))
        case "concat":
            return w.add(Concat(1), *[x] * draw(st.integers(1, 2)))
        case "slice":
            start = draw(st.integers(0, c - 1))
            return w.add(Slice(1, start, draw(st.integers(start + 1, c))), x)
        case "shuffle":
            groups = draw(st.sampled_from([g for g in range(1, c + 1) if c % g == 0]))
            if draw(st.booleans()):
                return w.add(ChannelShuffle(groups), x)
            y = w.add(Reshape((n, groups, c // groups, *shape[2:])), x)
            y = w.add(Transpose((0, 2, 1, 3, 4)), y)
            y = w.add(Copy(w.graph.shape(y)), y)
            return w.add(Reshape(shape), y)
        case "pad conv":
            left, top = draw(st.integers(0, 2)), draw(st.integers(0, 2))
            right = draw(st.sampled_from([left, 1]))
            return w.conv(w.add(Pad(left, right, top, top, draw(st.sampled_from([0.0, 1.0]))), x))
        case "pool":
            kinds = [AdaptivePool2d("max", (2, 2)), AdaptivePool2d("avg", (shape[2], shape[3]))]
            kinds += [AdaptivePool2d("avg", (1, 1))]
            pools: list[Op] = [Pool2d("max", (1, 1), (1, 1)), Pool2d("avg", (1, 1), (2, 2)), *kinds]
            return w.add(draw(st.sampled_from(pools)), x)
        case "resize":
            return w.add(Resize((4, 3), draw(st.sampled_from(["nearest", "bilinear"]))), x)
        case "view":
            y = w.add(Reshape((n, c, 1, prod(shape[2:]))), x)
            y = w.add(Transpose((0, 2, 1, 3)), y)
            return w.add(Reshape(shape), y)
        case "no-op":
            ops = [Dropout(), Copy(shape), Reshape(shape), Transpose((0, 1, 2, 3)), Concat(1)]
            return w.add(draw(st.sampled_from([*ops, Slice(2, 0, shape[2]), Pad(0, 0, 0, 0)])), x)
        case "constant":
            kind = draw(st.sampled_from(["add", "sub", "mul"]))
            return w.add(Binary(kind, constant_first=draw(st.booleans())), x)
        case "multiplier":
            r, c_out = draw(st.integers(2, 3)), draw(st.sampled_from([c, c, 3]))
            many = Conv2d(c, r * c, (3, 3), padding=(1, 1), groups=c, bias=draw(st.booleans()))
            y = w.add(Conv2d(r * c, c_out, (1, 1), bias=draw(st.booleans())), w.add(many, x))
            return w.add(Binary("add"), x, y) if c_out == c and draw(st.booleans()) else y
    raise AssertionError(pattern)


def _head(w: _Writer, x: str) -> str:
    pool: Op = w.draw(st.sampled_from([AdaptivePool2d(), Mean((2, 3)), Dropout()]))
    x = w.add(Flatten(), w.add(pool, x))
    x = w.add(Linear(w.graph.shape(x)[1], 3, bias=w.draw(st.booleans())), x)
    return w.add(w.draw(st.sampled_from([Softmax(1), BatchNorm(3), Activation("relu")])), x)
