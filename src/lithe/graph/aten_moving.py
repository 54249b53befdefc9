"""torch's calls that only move elements, in our words: a rule per name in `MOVING_RULES`."""

from collections.abc import Callable
from math import prod

import torch
from torch.fx import Node as FxNode

from lithe.graph.fx import Arguments, seen_shape
from lithe.graph.ops import (
    ChannelShuffle,
    Concat,
    Copy,
    Dropout,
    Expand,
    Flatten,
    Flip,
    Op,
    Pad,
    PadAxes,
    Reshape,
    Roll,
    Slice,
    Take,
    Transpose,
    Windows,
)

Rule = Callable[[Arguments], Op | tuple[Op, ...]]


def _dropout(a: Arguments) -> Op:
    return a.unknown("while training") if a["train"] else Dropout()


def _flatten(a: Arguments) -> Op:
    rank = len(a.shape("self"))
    if a["end_dim"] not in (-1, rank - 1):
        return Reshape(seen_shape(a.node))
    return Flatten(a["start_dim"] % rank)


def _pad(a: Arguments) -> Op | tuple[Op, ...]:
    mode = a["mode"] if str(a.node.target) == "aten.pad.default" else "constant"
    shape, sizes = a.shape("self"), list(a["pad"])
    if len(sizes) % 2 or len(sizes) > 2 * len(shape) or any(type(n) is not int for n in sizes):
        return a.unknown(f"by {tuple(sizes)}")
    sizes += [0] * (2 * len(shape) - len(sizes))
    before, after = sizes[::2][::-1], sizes[1::2][::-1]
    value = float(a["value"] or 0)
    ops: list[Op] = []
    if any(size > 0 for size in sizes):
        more = tuple(max(n, 0) for n in before), tuple(max(n, 0) for n in after)
        if mode == "constant" and len(shape) == 4 and not any((*before[:2], *after[:2])):
            ops.append(Pad(more[0][3], more[1][3], more[0][2], more[1][2], value))
        else:
            ops.append(PadAxes(*more, mode, value))
    for axis, size in enumerate(shape):  # a negative one cuts off
        if before[axis] < 0 or after[axis] < 0:
            wide = max(before[axis], 0) + size + max(after[axis], 0)
            ops.append(Slice(axis, max(-before[axis], 0), wide - max(-after[axis], 0)))
    return tuple(ops) or Copy(shape)


def _slice(a: Arguments) -> Op:
    shape = a.shape("self")
    axis = a["dim"] % len(shape)
    start, stop, step = slice(a["start"], a["end"], a["step"]).indices(shape[axis])
    return Slice(axis, start, max(start, stop), step)


def _narrow(a: Arguments) -> Op:
    shape = a.shape("self")
    axis = a["dim"] % len(shape)
    start = a["start"] % shape[axis]
    return Slice(axis, start, start + a["length"])


def _select(a: Arguments) -> tuple[Op, ...]:
    shape = a.shape("self")
    axis = a["dim"] % len(shape)
    index = a["index"] % shape[axis]
    return Slice(axis, index, index + 1), Reshape(seen_shape(a.node))


def _index(a: Arguments) -> Op:
    given = [(axis, index) for axis, index in enumerate(a["indices"]) if index is not None]
    if len(given) != 1:
        return a.unknown("by several indices")
    ((axis, index),) = given
    return _take(a, axis, index)


def _index_select(a: Arguments) -> Op:
    return _take(a, a["dim"] % len(a.shape("self")), a["index"])


def _take(a: Arguments, axis: int, index: FxNode) -> Op:
    if index.meta["val"].dtype not in (torch.int64, torch.int32):
        return a.unknown("by a mask")
    if index.name not in a.known:
        return a.unknown("by indices that depend on the input")
    return Take(axis, seen_shape(index))


def _transpose(a: Arguments) -> Op:
    # Axes of different sizes tell where each one went, whatever this call names them by.
    axes = torch.empty([2 + axis for axis in range(len(a.shape("self")))], device="meta")
    moved = a.node.target(axes, *a.node.args[1:], **a.node.kwargs)  # type: ignore[operator]
    return Transpose(tuple(size - 2 for size in moved.shape))


def _copy(a: Arguments) -> Op:
    return Copy(seen_shape(a.node))


def _reshape(a: Arguments) -> Op:
    # torch copies only where the bytes are in another order than the new shape needs.
    shape = seen_shape(a.node)
    return Reshape(shape) if a["self"].meta["val"].is_contiguous() else Copy(shape)


def _same(a: Arguments) -> Op:
    return Reshape(seen_shape(a.node))


def _expand(a: Arguments) -> Op | tuple[Op, ...]:
    shape, out = a.shape("self"), seen_shape(a.node)
    return Reshape(out) if prod(shape) == prod(out) else Expand(out)


def _repeat(a: Arguments) -> tuple[Op, ...]:
    times = tuple(a["repeats"] if "repeat." in str(a.node.target) else a["dims"])
    shape = a.shape("self")
    rank = max(len(times), len(shape))
    times = (1,) * (rank - len(times)) + times
    shape = (1,) * (rank - len(shape)) + shape
    split = tuple(size for each in shape for size in (1, each))
    wide = tuple(size for pair in zip(times, shape, strict=True) for size in pair)
    return Reshape(split), Expand(wide), Copy(seen_shape(a.node))


def _repeat_interleave(a: Arguments) -> Op | tuple[Op, ...]:
    shape = a.shape("self") if a["dim"] is not None else (prod(a.shape("self")),)
    axis = (a["dim"] or 0) % len(shape)
    head, tail = shape[: axis + 1], shape[axis + 1 :]
    return (
        Reshape((*head, 1, *tail)),
        Expand((*head, a["repeats"], *tail)),
        Copy(seen_shape(a.node)),
    )


def _roll(a: Arguments) -> Op | tuple[Op, ...]:
    shape, shifts, axes = a.shape("self"), a["shifts"], a["dims"]
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    if not axes:
        return Reshape((prod(shape),)), Roll(shifts, (0,)), Reshape(shape)
    return Roll(shifts, tuple(axis % len(shape) for axis in axes))


def _flip(a: Arguments) -> Op:
    rank = len(a.shape("self"))
    return Flip(tuple(axis % rank for axis in a["dims"]))


def _stack(a: Arguments) -> tuple[Op, ...]:
    out = seen_shape(a.node)
    axis = a["dim"] % len(out)
    if a.operands():
        return (a.unknown("with constants"),)
    if axis < len(out) - 1:
        return Concat(axis), Reshape(out)
    # Behind the last axis there is none to join along: join in front, then move that axis.
    if axis == 0:
        return (a.unknown("of single numbers"),)
    moved = Transpose((*range(1, len(out)), 0))
    return Concat(0), Reshape((out[-1], *out[:-1])), moved


def _pixel_shuffle(a: Arguments) -> tuple[Op, ...]:
    *n, c, h, w = a.shape("self")
    r, k = a["upscale_factor"], len(n)
    order = (*range(k), k, k + 3, k + 1, k + 4, k + 2)
    split = Reshape((*n, c // r**2, r, r, h, w))
    return split, Transpose(order), Copy(seen_shape(a.node))


def _pixel_unshuffle(a: Arguments) -> tuple[Op, ...]:
    *n, c, h, w = a.shape("self")
    r, k = a["downscale_factor"], len(n)
    order = (*range(k), k, k + 2, k + 4, k + 1, k + 3)
    split = Reshape((*n, c, h // r, r, w // r, r))
    return split, Transpose(order), Copy(seen_shape(a.node))


def _unfold(a: Arguments) -> Op:
    return Windows(a["dimension"] % len(a.shape("self")), a["size"], a["step"])


def _image_to_columns(a: Arguments) -> tuple[Op, ...]:
    (k_h, k_w), (s_h, s_w) = a.pair("kernel_size"), a.pair("stride")
    (d_h, d_w), (top, left) = a.pair("dilation"), a.pair("padding")
    frame = (Pad(left, left, top, top),) if top or left else ()
    windows = Windows(2, k_h, s_h, d_h), Windows(3, k_w, s_w, d_w)
    return (*frame, *windows, Transpose((0, 1, 4, 5, 2, 3)), Copy(seen_shape(a.node)))


# Another shape, or none, for the same bytes.
RESHAPES = (
    "view.default", "_unsafe_view.default", "unflatten.int", "squeeze.default", "squeeze.dim",
    "squeeze.dims", "unsqueeze.default", "alias.default", "detach.default", "detach_.default",
    "to.dtype", "to.dtype_layout", "to.device",
)  # fmt: skip
TRANSPOSES = (
    "permute.default", "transpose.int", "t.default", "mT.default", "swapaxes.default",
    "movedim.int", "movedim.intlist",
)  # fmt: skip

MOVING_RULES: dict[str, Rule] = {
    "aten.cat.default": lambda a: Concat(a["dim"] % len(seen_shape(a.node)), a.operands()),
    "aten.stack.default": _stack,
    "aten.pad.default": _pad,
    "aten.constant_pad_nd.default": _pad,
    "aten.channel_shuffle.default": lambda a: ChannelShuffle(a["groups"]),
    "aten.native_channel_shuffle.default": lambda a: ChannelShuffle(a["groups"]),
    "aten.pixel_shuffle.default": _pixel_shuffle,
    "aten.pixel_unshuffle.default": _pixel_unshuffle,
    "aten.flatten.using_ints": _flatten,
    "aten.dropout.default": _dropout,
    "aten.feature_dropout.default": _dropout,
    "aten.alpha_dropout.default": _dropout,
    "aten.contiguous.default": _copy,
    "aten.clone.default": _copy,
    "aten.reshape.default": _reshape,
    "aten.slice.Tensor": _slice,
    "aten.narrow.default": _narrow,
    "aten.select.int": _select,
    "aten.index.Tensor": _index,
    "aten.index_select.default": _index_select,
    "aten.expand.default": _expand,
    "aten.repeat.default": _repeat,
    "aten.tile.default": _repeat,
    "aten.repeat_interleave.self_int": _repeat_interleave,
    "aten.roll.default": _roll,
    "aten.flip.default": _flip,
    "aten.unfold.default": _unfold,
    "aten.im2col.default": _image_to_columns,
    **{f"aten.{target}": _transpose for target in TRANSPOSES},
    **{f"aten.{target}": _same for target in RESHAPES},
}
