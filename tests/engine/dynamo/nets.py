"""A network to compile, and how its answers are held against PyTorch's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lithe.engine.dynamo import backend

IMAGE = (2, 3, 12, 12)


def compiled(model: Any, folder: Path, **options: Any) -> Any:
    return torch.compile(
        model, backend=backend, options={"cache": str(folder), "threads": 1, **options}
    )


def block(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, 2, 1), nn.BatchNorm2d(c_out), nn.ReLU6())


class Net(nn.Module):
    """Two convolutions, something between, and whatever form of output."""

    def __init__(
        self,
        between: Callable[[Tensor], Tensor] = lambda x: x,
        returns: Callable[[Tensor], Any] = lambda x: x,
    ) -> None:
        super().__init__()
        self.one, self.two = block(3, 16), block(16, 20)
        self.between, self.returns = between, returns
        self.head = nn.Linear(20, 5)

    def forward(self, x: Tensor) -> Any:
        x = self.two(self.between(self.one(x)))
        return self.returns(self.head(x.mean((2, 3))))


def assert_same(found: Any, expected: Any) -> None:
    """The same values within what float32 allows, in the same form, type and order."""
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    for one, other in zip(*map(torch.utils._pytree.tree_leaves, (found, expected)), strict=True):
        if isinstance(one, Tensor):
            assert one.stride() == other.stride()
            assert one.requires_grad == other.requires_grad


def check(model: nn.Module, *xs: Tensor, folder: Path, **options: Any) -> Any:
    """Compile a model for inference, and compare."""
    model.eval()
    fast = compiled(model, folder, **options)
    with torch.no_grad():
        assert_same(fast(*xs), model(*xs))
    return fast


def randomize(model: nn.Module) -> nn.Module:
    for part in model.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.normal_(part.weight, std=(2 / part.weight[0].numel()) ** 0.5)
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_var, 0.5, 2)  # type: ignore[arg-type]
            nn.init.normal_(part.running_mean, std=0.2)  # type: ignore[arg-type]
    return model
