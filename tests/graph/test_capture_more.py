"""Captured operators that no kernel computes give what torch gives, and count what torch counts."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.graph.test_capture_model import Calls, assert_same
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lithe.cost import FLOPS_PER_MAC, cost

IMAGE = (2, 4, 6, 8)
LINE = (2, 4, 9)
BLOCK = (1, 4, 4, 5, 6)
TOKENS = (2, 3, 5, 8)

CASES: dict[str, tuple[tuple[int, ...], Callable[..., Any]]] = {
    "matmul": (IMAGE, lambda m, x: x @ x.transpose(2, 3)),
    "matmul of one image and all": (IMAGE, lambda m, x: x @ x[0].transpose(1, 2)),
    "matmul row": (IMAGE, lambda m, x: x[0, 0, 0] @ x.transpose(2, 3)),
    "matmul column": (IMAGE, lambda m, x: x @ x[0, 0, 0]),
    "matmul constant": (IMAGE, lambda m, x: (m.a @ x) @ m.b),
    "matmul const 1d": (IMAGE, lambda m, x: x @ m.b[:, 0]),
    "bmm": (LINE, lambda m, x: torch.bmm(x, x.transpose(1, 2))),
    "mm": (LINE, lambda m, x: torch.mm(x[0], x[1].t())),
    "einsum": (IMAGE, lambda m, x: torch.einsum("b c h w, b d h w -> b c d", x, x)),
    "einsum implicit": (IMAGE, lambda m, x: torch.einsum("bchw,wk", x, m.b)),
    "einsum sum": (IMAGE, lambda m, x: torch.einsum("bchw->bw", x)),
    "attention": (TOKENS, lambda m, x: F.scaled_dot_product_attention(x, x * 2, x + 1)),
    "attention scale": (TOKENS, lambda m, x: F.scaled_dot_product_attention(x, x, x, scale=0.3)),
    "attention causal": (
        TOKENS, lambda m, x: F.scaled_dot_product_attention(x, x, x, is_causal=True)
    ),
    "attention mask": (
        TOKENS, lambda m, x: F.scaled_dot_product_attention(x, x, x, torch.ones(5, 5).to(x).tril())
    ),
    "attention query": (
        TOKENS, lambda m, x: F.scaled_dot_product_attention(torch.ones(2, 3, 1, 8).to(x), x, x)
    ),
    "attention grouped": (
        (2, 4, 5, 8),
        lambda m, x: F.scaled_dot_product_attention(x, x[:, :2], x[:, 2:], enable_gqa=True),
    ),
    "layer norm": (IMAGE, lambda m, x: F.layer_norm(x, (6, 8))),
    "rms norm": (IMAGE, lambda m, x: F.rms_norm(x, (8,), m.b[:, 0], 1e-3)),
    "group norm": (IMAGE, lambda m, x: F.group_norm(x, 2, eps=1e-3)),
    "instance norm": (IMAGE, lambda m, x: F.instance_norm(x)),
    "local response norm": (IMAGE, lambda m, x: F.local_response_norm(x, 3)),
    "normalize": (IMAGE, lambda m, x: F.normalize(x, dim=1)),
    "addcmul": (IMAGE, lambda m, x: torch.addcmul(m.a[:, :1], x, m.b[:, 0])),
    "addcmul value": (IMAGE, lambda m, x: torch.addcmul(x, x, x, value=0.5)),
    "reductions": (
        IMAGE,
        lambda m, x: x.sum(1) + x.amax(1) + x.amin(1) + x.var(1) + x.std(1, correction=0)
        + x.max(1)[0] + x.min(1)[0] + x.sum() + x.max() + x.norm(dim=1) + x.norm(p=1, dim=1)
        + x.prod(1) + x.var() + x.std(1, keepdim=True)[:, 0],
    ),
    "expand": (IMAGE, lambda m, x: x[:, :, None].expand(-1, -1, 3, -1, -1) + 1),
    "expand as": (IMAGE, lambda m, x: x[:, :1].expand_as(x) * x),
    "view as": (IMAGE, lambda m, x: x.flatten(2).view_as(x).flatten(1).reshape_as(x).type_as(x)),
    "repeat": (IMAGE, lambda m, x: x.repeat(2, 1, 1, 3, 1)),
    "tile": (IMAGE, lambda m, x: x.tile(2, 3)),
    "repeat interleave": (IMAGE, lambda m, x: x.repeat_interleave(3, 1)),
    "wide constant": (IMAGE, lambda m, x: m.a[:, :1] * x[..., :1]),
    "stack": (
        IMAGE,
        lambda m, x: torch.stack([x, 2 * x], 1).sum((1, 2)) + torch.stack([x, x]).sum((0, 2))
        + torch.stack([x, x + 1, x], -1).sum((1, 4)),
    ),
    "cat constant": (IMAGE, lambda m, x: torch.cat([m.a[None, None].expand(2, 4, 6, 6), x], 3)),
    "roll": (IMAGE, lambda m, x: x.roll((1, -2), (2, 3)) + x.roll(3)),
    "flip": (IMAGE, lambda m, x: x.flip((1, -1))),
    "take": (IMAGE, lambda m, x: x[:, [2, 0, -1]] + x.index_select(1, torch.tensor([0, 1, 3]))),
    "pixel shuffle": (IMAGE, lambda m, x: F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2) - x),
    "windows": (IMAGE, lambda m, x: x.unfold(2, 3, 2).unfold(3, 4, 1)),
    "im2col": (IMAGE, lambda m, x: F.unfold(x, (3, 2), padding=(1, 0), stride=2, dilation=2)),
    "pads": (
        IMAGE,
        lambda m, x: F.pad(F.pad(x, (-1, 2, 1, -1), value=3.0), (0, 0, 0, 0, 1, 2, 0, 0))
        + F.pad(x, (0, 1, 0, 0, 1, 2)).sum(),
    ),
    "pad nothing": (IMAGE, lambda m, x: F.pad(x, (0, 0, 0, 0)) + 1),
    "pad reflect": (IMAGE, lambda m, x: F.pad(x, (1, 2, 3, 0), mode="reflect")),
    "pad replicate": (IMAGE, lambda m, x: F.pad(x, (1, 2, 3, 0), mode="replicate")),
    "pad circular": (IMAGE, lambda m, x: F.pad(x, (1, 2, 3, 0), mode="circular")),
    "bicubic": (IMAGE, lambda m, x: F.interpolate(x, (9, 5), mode="bicubic")),
    "log softmax": (IMAGE, lambda m, x: x.log_softmax(1)),
    "rounding": (IMAGE, lambda m, x: x.floor() + x.ceil() + (3 * x).round() + x.sign()),
    "curves": (
        IMAGE,
        lambda m, x: x.erf() + x.sin() + x.cos() + x.abs().log1p() + x.expm1() + F.selu(x)
        + F.celu(x, 0.7) + F.logsigmoid(x) + F.hardshrink(x) + F.softshrink(x, 0.2)
        + F.softsign(x) + F.tanhshrink(x),
    ),
    "pools along a line": (
        LINE,
        lambda m, x: F.max_pool1d(x, 3, 2, 1) + F.avg_pool1d(x, 3, 2, 1)
        + F.adaptive_avg_pool1d(x, 5) + F.adaptive_max_pool1d(x, 5),
    ),
    "pools of volumes": (
        BLOCK,
        lambda m, x: F.max_pool3d(x, 2, 2).sum() + F.avg_pool3d(x, (2, 3, 2), padding=1)
        + F.adaptive_avg_pool3d(x, 1),
    ),
    "dynamic convolution": (
        IMAGE, lambda m, x: F.conv2d(x, x.mean((0, 3))[:, :4].reshape(4, 4, 1, 1), padding=1)
    ),
    "same padding": (LINE, lambda m, x: F.conv1d(x, m.line, padding="same")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_operators(name: str) -> None:
    torch.manual_seed(0)
    shape, function = CASES[name]
    parts = {
        "a": nn.Parameter(torch.rand(6, 6) + 0.5),
        "b": nn.Parameter(torch.rand(8, 5)),
        "line": nn.Parameter(torch.randn(3, 4, 2)),
    }
    assert_same(Calls(function, **parts).double().eval(), torch.randn(shape).double())


MODULES: tuple[tuple[nn.Module, tuple[int, ...]], ...] = (
    (nn.Conv1d(4, 6, 3, 2, 1, groups=2), LINE),
    (nn.Conv1d(4, 8, 3, dilation=2, groups=4, bias=False), LINE),
    (nn.Conv3d(4, 6, (1, 3, 2), (1, 2, 1), (0, 1, 1)), BLOCK),
    (nn.Conv3d(4, 4, 3, groups=4), BLOCK),
    (nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, 2), LINE),
    (nn.ConvTranspose2d(4, 6, 4, 2, 1), IMAGE),
    (nn.ConvTranspose2d(4, 4, 3, (2, 3), 1, (1, 2), 4, False, (1, 2)), IMAGE),
    (nn.ConvTranspose3d(4, 2, 2, 2), (1, 4, 2, 2, 3)),
    (nn.LayerNorm(8), IMAGE),
    (nn.LayerNorm((6, 8), bias=False), IMAGE),
    (nn.GroupNorm(2, 4), IMAGE),
    (nn.InstanceNorm2d(4, affine=True), IMAGE),
    (nn.InstanceNorm2d(4, track_running_stats=True), IMAGE),
    (nn.RMSNorm(8), IMAGE),
    (nn.MultiheadAttention(8, 2, batch_first=True), (2, 5, 8)),
)


def _attending(m: Any, x: Tensor) -> Any:
    return m.part(x, x, x, need_weights=False)[0]


@pytest.mark.parametrize("case", MODULES, ids=lambda case: str(case[0]))
def test_modules_give_and_count_what_torch_does(case: tuple[nn.Module, tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    module, shape = case
    for weight in module.parameters():
        nn.init.normal_(weight)
    attention = isinstance(module, nn.MultiheadAttention)
    called = Calls(_attending if attention else lambda m, x: m.part(x), part=module)
    x = torch.randn(shape).double()
    model = assert_same(called.double().eval(), x)
    counted = cost(model.graph)
    assert counted.params == sum(weight.numel() for weight in module.parameters())
    # In one piece, attention is an operator that torch's counter takes for nothing.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        called(x)
    assert FLOPS_PER_MAC * counted.macs == counter.get_total_flops()
