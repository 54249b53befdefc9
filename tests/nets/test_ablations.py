"""MobileNetV2's ablations against a forward pass written out from the paper's sentences.

The networks are read as flat dictionaries of weights here; nothing of `lithe.nets.blocks`
takes part in what they are compared with.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lithe.arch import Architecture, Conv, InvertedResidual
from lithe.arch.rows import Shortcut
from lithe.graph import from_arch
from lithe.graph.ops import Binary
from lithe.nets.build import Network, build

Weights = dict[str, Tensor]


def table(linear: bool = True, shortcut: Shortcut = "bottleneck") -> Architecture:
    """Rows like those of the paper's table 2: first block unexpanded, repeats, strides."""
    return Architecture(
        name="ablated",
        rows=(
            Conv(k=3, s=2, c=16),
            InvertedResidual(t=1, c=8, linear=linear, shortcut=shortcut),
            InvertedResidual(t=6, c=16, n=3, s=2, linear=linear, shortcut=shortcut),
            InvertedResidual(t=6, c=24, n=2, s=1, linear=linear, shortcut=shortcut),
            InvertedResidual(t=3, c=24, n=2, s=1, linear=linear, shortcut=shortcut),
            Conv(k=1, c=32),
        ),
        resolution=32,
        num_classes=5,
        min_last_map=1,
    )


# Of each block of `table` behind the stem: expansion factor, output channels, stride.
BLOCKS = [
    (1, 8, 1),
    (6, 16, 2), (6, 16, 1), (6, 16, 1),
    (6, 24, 1), (6, 24, 1),
    (3, 24, 1), (3, 24, 1),
]  # fmt: skip


def conv(x: Tensor, w: Weights, path: str, stride: int = 1, depthwise: bool = False) -> Tensor:
    """Convolution and batch norm with the running statistics, spelled out."""
    weight = w[f"{path}.conv.weight"]
    groups = x.shape[1] if depthwise else 1
    y = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
    shape = (1, -1, 1, 1)
    mean, var = w[f"{path}.norm.running_mean"], w[f"{path}.norm.running_var"]
    y = (y - mean.view(shape)) / torch.sqrt(var.view(shape) + 1e-5)
    return y * w[f"{path}.norm.weight"].view(shape) + w[f"{path}.norm.bias"].view(shape)


def relu6(x: Tensor) -> Tensor:
    return x.clamp(0, 6)


def naive(network: Network, x: Tensor, linear: bool, shortcut: Shortcut) -> tuple[Tensor, int]:
    """Logits, and how many shortcuts were taken."""
    w = network.state_dict()
    taken = 0
    x = relu6(conv(x, w, "blocks.0", stride=2))
    earlier: Tensor | None = None  # the expanded tensor of the block before
    for index, (t, c, stride) in enumerate(BLOCKS, start=1):
        path = f"blocks.{index}"
        wide = x if t == 1 else relu6(conv(x, w, f"{path}.expand"))
        if shortcut == "expansion" and earlier is not None and earlier.shape == wide.shape:
            wide = wide + earlier
            taken += 1
        narrow = relu6(conv(wide, w, f"{path}.depthwise", stride, depthwise=True))
        narrow = conv(narrow, w, f"{path}.project")
        if not linear:
            narrow = relu6(narrow)
        if shortcut == "bottleneck" and stride == 1 and x.shape[1] == c:
            narrow = narrow + x
            taken += 1
        earlier, x = wide, narrow
    x = relu6(conv(x, w, f"blocks.{len(BLOCKS) + 1}"))
    return x.mean((2, 3)) @ w["classifier.weight"].T + w["classifier.bias"], taken


def drawn(arch: Architecture) -> Network:
    torch.manual_seed(0)
    network = build(arch).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
            tensor.uniform_(0.5, 2.0)
        elif tensor.ndim == 1:
            tensor.normal_(0, 0.5)
    network.classifier.weight.data.normal_(0, 0.3)
    return network


CASES: list[tuple[bool, Shortcut]] = [
    (linear, shortcut)
    for linear in (True, False)
    for shortcut in ("bottleneck", "expansion", "none")
]


@pytest.mark.parametrize(("linear", "shortcut"), CASES)
@torch.no_grad()
def test_each_ablation_computes_what_the_paper_says(linear: bool, shortcut: Shortcut) -> None:
    network = drawn(table(linear, shortcut))
    x = torch.randn(2, 3, 32, 32)
    expected, _ = naive(network, x, linear, shortcut)
    assert expected.std() > 0.1
    torch.testing.assert_close(network(x), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_no_two_ablations_are_the_same_function() -> None:
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    weights = drawn(table()).state_dict()
    logits = []
    for linear, shortcut in CASES:
        network = build(table(linear, shortcut)).eval()
        network.load_state_dict(weights)  # the switches change no weight's name or shape
        logits.append(network(x))
    for first in range(len(CASES)):
        for second in range(first):
            assert (logits[first] - logits[second]).abs().max() > 1e-2, (
                CASES[first],
                CASES[second],
            )


@pytest.mark.parametrize(
    ("shortcut", "joins"),
    [
        # In c = 16: blocks 3, 4. In c = 24 with t = 6: block 6. In c = 24 with t = 3: 7, 8.
        ("bottleneck", {3, 4, 6, 7, 8}),
        # A wide tensor is handed on by a block of stride 1 and fits a block that reads as many
        # channels and expands them as much: 4 and 5 read 16 by 6, 8 reads 24 by 3.
        ("expansion", {4, 5, 8}),
        ("none", set()),
    ],
)
def test_where_the_shortcuts_are(shortcut: Shortcut, joins: set[int]) -> None:
    arch = table(shortcut=shortcut)
    paths = {f"blocks.{index}" for index in joins}
    assert {n.path for n in from_arch(arch).nodes if n.op == Binary("add")} == paths
    _, taken = naive(drawn(arch), torch.randn(1, 3, 32, 32), True, shortcut)
    assert taken == len(joins)


@torch.no_grad()
def test_a_shortcut_between_expansions_starts_and_ends_at_wide_tensors() -> None:
    """Figure 6b: with a block's convolutions cut, what is left is what its shortcut carries."""

    def wide_into_block(index: int, cut: Callable[[str], bool], arch: Architecture) -> Tensor:
        network = drawn(arch)
        for name, tensor in network.state_dict().items():
            if cut(name):
                tensor.zero_()
        seen: list[Tensor] = []
        depthwise = network.get_submodule(f"blocks.{index}.depthwise")
        handle = depthwise.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        network(torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
        handle.remove()
        return seen[0]

    arch = table(shortcut="expansion")

    # Block 4 reads the narrow tensor of block 3 only through its expansion. With that
    # expansion silent, its wide tensor is block 3's, and nothing else.
    def silent(name: str) -> bool:
        return name.startswith(("blocks.4.expand.norm.weight", "blocks.4.expand.norm.bias"))

    assert torch.equal(wide_into_block(4, silent, arch), wide_into_block(3, silent, arch))
    # Without the shortcut nothing would be left.
    assert not wide_into_block(4, silent, table(shortcut="none")).any()
    # And nothing passes block 2, which halves the map.
    assert not wide_into_block(3, lambda name: name.startswith("blocks.3.expand.norm"), arch).any()
