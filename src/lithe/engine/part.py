"""A compiled part inside a program of PyTorch's."""

import torch
from torch import Tensor, nn

from lithe.engine.network import CompiledNetwork


class Part(nn.Module):
    """A compiled network as a module: outputs have the type and strides that tracing saw."""

    def __init__(self, network: CompiledNetwork, seen: list[Tensor], alone: bool) -> None:
        super().__init__()
        self.network = network
        self._alone = alone
        self._like = [_form(value) for value in seen]
        self._plain = all(form is None for form in self._like)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The network's outputs: one tensor where it stands for one, else a tuple."""
        made = self.network(*inputs)
        if not self._plain:
            several = (made,) if isinstance(made, Tensor) else made
            made = tuple(map(_formed, several, self._like))
            made = made[0] if len(made) == 1 else made
        return (made,) if not self._alone and isinstance(made, Tensor) else made


_Form = tuple[torch.dtype, tuple[int, ...] | None]


def _form(seen: Tensor) -> _Form | None:
    """What differs from a float32 tensor in order: the type, the strides where they are dense."""
    strides = None
    if not seen.is_contiguous() and _is_dense(seen):
        strides = tuple(seen.stride())
    return None if seen.dtype == torch.float32 and strides is None else (seen.dtype, strides)


def _is_dense(seen: Tensor) -> bool:
    strides = seen.stride()
    order = sorted(range(seen.ndim), key=lambda axis: -strides[axis])
    return seen.permute(order).is_contiguous()


def _formed(value: Tensor, form: _Form | None) -> Tensor:
    if form is None:
        return value
    dtype, strides = form
    if strides is None:
        return value.to(dtype)
    return torch.empty_strided(value.shape, strides, dtype=dtype).copy_(value)
