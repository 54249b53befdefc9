"""What capture reads from modules of every make: no operator is lost, none is free by silence."""

import copy
from collections import OrderedDict
from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lithe.cost import FLOPS_PER_MAC, cost
from lithe.errors import LitheError
from lithe.graph import Graph, param_count, unknown_ops
from lithe.graph.capture import capture
from lithe.graph.ops import (
    Activation,
    AdaptivePool2d,
    BatchNorm,
    Binary,
    Concat,
    Conv2d,
    Copy,
    Flatten,
    Linear,
    Mean,
    Op,
    Pad,
    Pool2d,
    Reshape,
    Slice,
    Transpose,
    Unknown,
)
from lithe.nets.build import create
from lithe.nets.torchvision_compat import models


class Calls(nn.Module):
    """A module whose forward is a function; `parts` are its submodules and weights."""

    def __init__(self, forward: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def ops(graph: Graph) -> list[Op]:
    return [node.op for node in graph.nodes]


IMAGE = (2, 4, 8, 8)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda m, x: F.relu6(x), [Activation("relu6")]),
        (lambda m, x: torch.clamp(x, 0, 6), [Activation("relu6")]),
        (lambda m, x: F.hardtanh(x, -1, 1), [Activation("clamp", (-1, 1))]),
        (lambda m, x: F.hardswish(x), [Activation("hardswish")]),
        (lambda m, x: F.silu(x, inplace=True), [Activation("silu")]),
        (
            lambda m, x: x * 2 + 1,
            [Activation("mul_constant", (2,)), Activation("add_constant", (1,))],
        ),
        (lambda m, x: x - x / x, [Binary("div"), Binary("sub")]),
        (lambda m, x: torch.cat([x, x], dim=-1), [Concat(3)]),
        (lambda m, x: torch.cat(tensors=[x, x], dim=1), [Concat(1)]),
        (lambda m, x: x.mean((2, 3)), [Mean((2, 3))]),
        (lambda m, x: x.mean([-1, -2], keepdim=True), [AdaptivePool2d()]),
        (lambda m, x: F.adaptive_avg_pool2d(x, (None, 2)), [AdaptivePool2d("avg", (8, 2))]),
        (lambda m, x: x.flatten(1), [Flatten(1)]),
        (lambda m, x: x.flatten(1, 2), [Reshape((2, 32, 8))]),
        (lambda m, x: F.avg_pool2d(x, 2), [Pool2d("avg", (2, 2), (2, 2))]),
        (
            lambda m, x: F.max_pool2d(x, 3, 2, padding=1, ceil_mode=True),
            [Pool2d("max", (3, 3), (2, 2), (1, 1), ceil_mode=True)],
        ),
        (
            lambda m, x: x.transpose(1, 2).contiguous(),
            [Transpose((0, 2, 1, 3)), Copy((2, 8, 4, 8))],
        ),
        (lambda m, x: x.contiguous(), []),
        (lambda m, x: x.clone(), [Copy(IMAGE)]),
        (lambda m, x: x.reshape(2, 256), [Reshape((2, 256))]),
        (
            lambda m, x: x.transpose(2, 3).reshape(2, 256),
            [Transpose((0, 1, 3, 2)), Copy((2, 256))],
        ),
        (lambda m, x: x[:, 1:3], [Slice(1, 1, 3)]),
    ],
)
def test_functional_style(function: Callable[..., Any], expected: list[Op]) -> None:
    graph = capture(Calls(function), IMAGE)
    assert ops(graph) == expected
    assert unknown_ops(graph) == ()


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda m, x: x.cumsum(1), ["aten.cumsum.default"]),
        (lambda m, x: torch.fft.fft2(x).abs(), ["aten.abs.default", "aten.fft_fft2.default"]),
        (lambda m, x: F.max_pool2d(x, 2, return_indices=True)[0], None),
        (
            lambda m, x: F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1)),
            ["aten.grid_sampler.default"],
        ),
        (lambda m, x: x.topk(2)[0], ["aten.topk.default"]),
    ],
)
def test_an_operator_without_a_rule_is_a_named_row(
    function: Callable[..., Any], names: list[str] | None
) -> None:
    graph = capture(Calls(function), IMAGE)
    found = cost(graph)
    assert list(found.unknown) == (names or ["aten.max_pool2d_with_indices.default"])
    assert [row.op for row in found.layers if row.kind == "unknown"] != []


@pytest.mark.parametrize(
    ("split", "sizes"),
    [
        (lambda m, x: torch.cat(x.chunk(2, 1)[::-1], 1), [2, 2]),
        (lambda m, x: torch.cat(torch.split(x, [1, 3], dim=1), 1), [1, 3]),
        (lambda m, x: torch.cat(x.split(3, 1), 1), [3, 1]),
        (lambda m, x: torch.cat(x.tensor_split(2, 1), 1), [2, 2]),
    ],
)
def test_each_piece_of_a_split_is_a_view_of_the_whole(
    split: Callable[..., Any], sizes: list[int]
) -> None:
    graph = capture(Calls(split), IMAGE)
    *views, _ = graph.nodes
    assert [node.inputs for node in views] == [("x0",), ("x0",)]
    assert [graph.shapes[node.output][1] for node in views] == sizes
    assert cost(graph, 1).peak_activation_bytes == 2 * prod(IMAGE)


def test_an_operator_with_several_outputs_holds_them_all() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        values, places = F.max_pool2d(x, 2, return_indices=True)
        return values + places

    found = cost(capture(Calls(forward), IMAGE), 1)
    assert found.layers[0].activation_bytes == 2 * prod((2, 4, 4, 4))


@pytest.mark.parametrize(
    ("conv", "padding"),
    [
        (nn.Conv2d(4, 4, (3, 5), padding="same", dilation=(2, 1)), (2, 2)),
        (nn.Conv2d(4, 4, (3, 5), padding="valid"), (0, 0)),
        (nn.Conv2d(4, 4, 3, padding=(0, 1)), (0, 1)),
    ],
)
def test_padding_in_words(conv: nn.Conv2d, padding: tuple[int, int]) -> None:
    (op,) = ops(capture(conv, IMAGE))
    assert isinstance(op, Conv2d)
    assert op.padding == padding


def test_uneven_padding_is_an_operator_of_its_own() -> None:
    conv = nn.Conv2d(4, 4, (2, 3), padding="same", dilation=(3, 1))
    assert ops(capture(conv, IMAGE)) == [
        Pad(1, 1, 1, 2),
        Conv2d(4, 4, (2, 3), dilation=(3, 1), bias=True),
    ]


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 8, (1, 3), stride=(2, 1), padding=(1, 0), groups=2, bias=False),
        nn.Conv2d(4, 4, 2, dilation=3, groups=4),
    ],
)
def test_a_convolutions_own_numbers(conv: nn.Conv2d) -> None:
    (op,) = ops(capture(conv, IMAGE))
    assert op == Conv2d(
        conv.in_channels,
        conv.out_channels,
        (conv.kernel_size[0], conv.kernel_size[1]),
        (conv.stride[0], conv.stride[1]),
        (int(conv.padding[0]), int(conv.padding[1])),
        (conv.dilation[0], conv.dilation[1]),
        conv.groups,
        conv.bias is not None,
    )


def test_tied_weights_count_once_and_a_module_used_twice_works_twice() -> None:
    first, second = nn.Linear(6, 6), nn.Linear(6, 6)
    second.weight = first.weight
    tied = cost(capture(nn.Sequential(first, second), (1, 6)))
    assert (tied.macs, tied.params) == (72, 36 + 6 + 6)
    twice = cost(capture(nn.Sequential(first, first), (1, 6)))
    assert (twice.macs, twice.params) == (72, 36 + 6)
    assert [row.params for row in twice.layers] == [42, 0]


def test_what_does_not_depend_on_the_input_is_no_operator_but_its_weights_count() -> None:
    normed = torch.nn.utils.parametrizations.weight_norm(nn.Linear(6, 5))
    graph = capture(normed, (1, 6))
    assert ops(graph) == [Linear(6, 5)]
    assert param_count(graph) == sum(weight.numel() for weight in normed.parameters()) == 40


def test_a_weight_given_by_keyword_counts() -> None:
    weight, bias = nn.Parameter(torch.zeros(4, 6)), nn.Parameter(torch.zeros(4))
    module = Calls(
        lambda m, x: F.glu(F.linear(input=x, weight=m.w, bias=m.b)).cumsum(dim=1) + m.b[:2],
        w=weight,
        b=bias,
    )
    graph = capture(module, (1, 6))
    assert [type(op) for op in ops(graph)] == [Linear, Unknown, Unknown, Binary]
    assert [set(node.params) for node in graph.nodes] == [{"w", "b"}, set(), set(), {"b"}]


def test_several_inputs_of_one_operator_and_several_outputs() -> None:
    graph = capture(Calls(lambda m, x: {"sum": x + x, "rest": [x * 2, None, 3]}), (1, 6))
    assert len(graph.outputs) == 2
    assert graph.nodes[0].inputs == ("x0", "x0")


def test_no_grad_inside_hides_nothing() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            y: Tensor = m.part(x)
        return y

    assert ops(capture(Calls(forward, part=nn.Conv2d(4, 2, 1)), IMAGE)) == [
        Conv2d(4, 2, (1, 1), bias=True)
    ]


def test_names_are_the_modules() -> None:
    net = nn.Sequential(OrderedDict(stem=nn.Conv2d(4, 4, 1), rest=nn.Sequential(nn.BatchNorm2d(4))))
    graph = capture(net, IMAGE)
    assert [node.path for node in graph.nodes] == ["stem", "rest.0"]
    assert graph.nodes[1].params == ("rest.0.weight", "rest.0.bias")
    assert graph.nodes[1].buffers == ("rest.0.running_mean", "rest.0.running_var")
    assert ops(graph)[1] == BatchNorm(4)


class Lazily(nn.Module):
    """Makes a tensor on its first run, keeps what is no tensor, and one plain tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.grid: Tensor | None = None
        self.scale = torch.full((8,), 2.0)
        self.register_buffer("runs", torch.zeros(8))
        self.runs: Tensor
        self.notes = {"kept": [1, 2]}
        self.conv = nn.Conv2d(4, 4, 1)
        self.conv.register_forward_hook(lambda m, args, y: y + 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.grid is None:
            self.grid = torch.arange(8.0)
        self.runs += 1
        self.scale.mul_(2)
        y: Tensor = self.conv(x * self.scale) + self.grid
        return y


def test_the_module_is_left_as_it_was() -> None:
    module = Lazily().train()
    before = copy.deepcopy(module.state_dict())
    graph = capture(module, IMAGE)
    assert [type(op) for op in ops(graph)] == [Binary, Conv2d, Activation, Binary]
    assert module.grid is None
    assert module.training
    assert module.conv.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert module.conv.weight.requires_grad
    assert torch.equal(module.scale, torch.full((8,), 2.0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_input_has_the_weights_type(dtype: torch.dtype) -> None:
    assert ops(capture(nn.Conv2d(4, 2, 1).to(dtype), IMAGE)) == [Conv2d(4, 2, (1, 1), bias=True)]


def branches(m: Any, x: Tensor) -> Tensor:
    return x if x.sum() > 0 else -x


def takes_a_size(m: Any, x: Tensor) -> Tensor:
    return x[:, : int(x.sum())]


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (Calls(branches), IMAGE, r"depends on the values .* \(test_capture.py, line \d+\)$"),
        (Calls(takes_a_size), IMAGE, r"depends on the values .* \(test_capture.py, line \d+\)$"),
        (Calls(lambda m, x: x[x > 0]), IMAGE, "size that depends on the values"),
        (Calls(lambda m, x: torch.ones(3)), IMAGE, "returns nothing that depends on its input"),
        (nn.Conv2d(3, 4, 3), (1, 1, 8, 8), r"input of \(1, 1, 8, 8\): .*expected .* 3 channels"),
        (nn.Conv2d(3, 4, 3), (3, 8), r"input of \(3, 8\)"),
        (nn.Conv2d(3, 4, 9), (1, 3, 8, 8), "Kernel size can't be greater"),
        (nn.Linear(3, 4), (1, 2), "1x2 and 3x4|cannot be multiplied|must have same reduction"),
        (nn.Linear(3, 4), (1, -3), "negative"),
        (nn.LazyConv2d(4, 3), IMAGE, "run one batch through it first"),
    ],
)
def test_what_cannot_be_captured_is_one_clear_line(
    module: nn.Module,
    shape: tuple[int, ...],
    message: str,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    with pytest.raises(LitheError, match=message) as caught:
        capture(module, shape)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def flops_of_torch(network: nn.Module, resolution: int) -> int:
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, resolution, resolution, device="meta"))
    return int(counter.get_total_flops())


REFERENCES = (
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "alexnet",
    "vgg11_bn",
    "googlenet",
    "mobilenet_v3_small",
    "mnasnet0_5",
)


@pytest.mark.parametrize("name", REFERENCES)
def test_torchvisions_networks_are_understood_whole(name: str) -> None:
    extra = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    with torch.device("meta"):
        network = models.get_model(name, weights=None, **extra).eval()
    found = cost(capture(network, (1, 3, 224, 224)))
    assert found.unknown == ()
    assert found.macs * FLOPS_PER_MAC == flops_of_torch(network, 224)
    assert found.params == sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "shallow_mobilenet"])
def test_our_networks_agree_with_torchs_own_counter(name: str) -> None:
    with torch.device("meta"):
        network = create(name, width=0.5, resolution=96).eval()
    assert cost(capture(network, (1, 3, 96, 96))).macs * FLOPS_PER_MAC == flops_of_torch(
        network, 96
    )


def test_an_encoder_layer_is_understood_and_agrees_with_torchs_own_counter() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    found = cost(capture(layer, (1, 5, 8)))
    assert found.unknown == ()
    # In one piece, attention is an operator that torch's counter takes for nothing.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        layer.train()(torch.zeros(1, 5, 8))
    assert FLOPS_PER_MAC * found.macs == counter.get_total_flops()


def test_weights_are_shared_and_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.Linear(6, 5)
    copied: list[torch.Size] = []
    monkeypatch.setattr(nn.Parameter, "__deepcopy__", lambda self, memo: copied.append(self.shape))
    assert ops(capture(module, (1, 6))) == [Linear(6, 5)]
    assert copied == []


def test_a_weight_with_a_history_is_no_obstacle() -> None:
    module = nn.Linear(6, 5)
    with pytest.warns(FutureWarning):
        torch.nn.utils.weight_norm(module)  # keeps a computed weight as a plain attribute
    assert ops(capture(module, (1, 6))) == [Linear(6, 5)]
