"""What a caller may bring: a tensor or an array, as the address of float32 numbers in order."""

from typing import Any

import numpy as np

from lithe.errors import LitheError
from lithe.graph.ops import Shape

_FLOAT32 = np.dtype(np.float32)


def operand(value: Any, torch: Any) -> tuple[int, Any, Shape]:
    """Where a value's numbers are, what keeps them there, and its shape.

    `torch` is given where the value is a tensor. Numbers in another order or precision are
    copied first.

    Raises:
        LitheError: neither a tensor nor an array, no floating-point numbers, or not on the CPU.
    """
    if torch is not None:
        return _tensor(value, torch)
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise LitheError(
            f"a compiled network takes tensors or NumPy arrays, not {type(value).__name__}"
        )
    if value.dtype != _FLOAT32 or not value.flags.c_contiguous or not value.flags.aligned:
        if value.dtype.kind != "f":
            raise LitheError(_not_float(str(value.dtype), "x.astype(numpy.float32)"))
        # An array of its own even where NumPy sees no need, as where it is not aligned.
        value = np.array(value, _FLOAT32, order="C")
    return value.__array_interface__["data"][0], value, value.shape


def _tensor(value: Any, torch: Any) -> tuple[int, Any, Shape]:
    if value.device.type != "cpu" or value.layout is not torch.strided:
        raise LitheError(
            "a compiled network takes a dense tensor on the CPU, not one of "
            f"{value.layout} on {value.device}"
        )
    if value.dtype is not torch.float32 or not value.is_contiguous() or value.is_neg():
        if not value.dtype.is_floating_point:
            raise LitheError(_not_float(str(value.dtype), "x.float()"))
        value = value.detach().to(torch.float32).resolve_neg().contiguous()
    return value.data_ptr(), value, tuple(value.shape)


def _not_float(kind: str, remedy: str) -> str:
    return (
        f"the input is {kind}, and a network takes floating-point numbers, scaled as in its "
        f"training; where they are, {remedy}"
    )
