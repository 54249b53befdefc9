"""Which networks are convolutional: a rule on what they do, not a list of names.

Pixels of different places are mixed by convolutions whose windows overlap (a kernel larger
than its stride) and by products of two tensors, as in attention. A network is convolutional
where such convolutions do at least half of the multiply-accumulates of both. Cutting an
image into patches is no overlap, so a transformer is none; a hybrid is judged by its larger
part. A family is convolutional where at least half of its networks are.
"""

from collections.abc import Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class Mixing(TorchDispatchMode):
    """Counts, while it is entered, the MACs that mix pixels: `conv_macs` and `product_macs`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conv_macs = 0
        self.product_macs = 0

    @property
    def is_convolutional(self) -> bool:
        return self.conv_macs >= max(1, self.product_macs)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        match func._schema.name:
            case "aten::convolution":
                _, weight, _, stride, _, _, transposed, *_ = args
                overlaps = any(k > s for k, s in zip(weight.shape[2:], stride, strict=True))
                if overlaps and not transposed:
                    self.conv_macs += out.numel() * weight[0].numel()
            case "aten::bmm":  # on the device `meta` attention comes as such products, too
                self.product_macs += out.numel() * args[0].shape[-1]
        return out
