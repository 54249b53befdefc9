"""What is counted but has no kernel is refused by name, and nothing else is."""

import pytest
import torch
import torch.nn.functional as F
from tests.engine.lowered import ISAS
from tests.graph.test_capture_model import Calls

from lithe.engine.lower import lower
from lithe.engine.lower.lower import LOWERINGS
from lithe.errors import LitheError
from lithe.graph import ops
from lithe.graph.capture import capture_model
from lithe.graph.passes import simplify

CASES = {
    "Concat": lambda m, x: torch.cat([x, torch.ones(1, 2, 4, 4)], 1),
    "Softmax": lambda m, x: x.log_softmax(1),
    "Resize": lambda m, x: F.interpolate(x, (5, 5), mode="bicubic"),
    "erf": lambda m, x: x.erf(),
    "selu": lambda m, x: F.selu(F.conv2d(x, torch.ones(3, 2, 1, 1))),
    "ConvTransposed": lambda m, x: F.conv_transpose2d(x, torch.ones(2, 3, 1, 1)),
    "MatMul": lambda m, x: x @ x,
    "LayerNorm": lambda m, x: F.layer_norm(x, (4,)),
}


@pytest.mark.parametrize("name", CASES)
def test_no_kernel(name: str) -> None:
    model = simplify(capture_model(Calls(CASES[name]).eval(), (1, 2, 4, 4)))
    with pytest.raises(LitheError, match=f"the engine has no kernel for {name} "):
        lower(model, ISAS[0], 1)


def test_no_kernel_for_what_only_counts() -> None:
    only_counted = {
        ops.AddProduct, ops.Attention, ops.ConvNd, ops.ConvTransposed, ops.Einsum, ops.Expand,
        ops.Flip, ops.GroupNorm, ops.LayerNorm, ops.LocalResponseNorm, ops.MatMul, ops.PadAxes,
        ops.Pool3d, ops.Reduce, ops.RmsNorm, ops.Roll, ops.Take, ops.Windows,
    }  # fmt: skip
    assert only_counted.isdisjoint(LOWERINGS)
