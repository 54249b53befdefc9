"""A captured model gives what the module gives, in float64 and operator by operator."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.graph.reference import evaluate
from torch import Tensor, nn

from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.graph import Model, from_arch, model_of, unknown_ops
from lithe.graph.capture import capture, capture_model
from lithe.nets.build import build
from lithe.nets.torchvision_compat import models


class Calls(nn.Module):
    """A module whose forward is a function; `parts` are its submodules and weights."""

    def __init__(self, forward: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *xs: Tensor) -> Any:
        return self.function(self, *xs)


def randomize(module: nn.Module, seed: int = 0) -> nn.Module:
    """The same module in float64 and inference mode with every weight and statistic drawn."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            if part.running_mean is not None and part.running_var is not None:
                part.running_mean.normal_(0, 0.3, generator=generator)
                part.running_var.uniform_(0.5, 2, generator=generator)
            if part.affine:
                nn.init.uniform_(part.weight, 0.5, 1.5, generator=generator)
                nn.init.normal_(part.bias, 0, 0.3, generator=generator)
    return module.double().eval()


def assert_same(module: nn.Module, *xs: Tensor) -> Model:
    model = capture_model(module, xs)
    assert unknown_ops(model.graph) == ()
    with torch.no_grad():
        expected = module(*(x.clone() for x in xs))
    expected = expected if isinstance(expected, tuple | list) else (expected,)
    found = evaluate(model, *xs)
    assert len(found) == len(expected)
    for y, z in zip(found, expected, strict=True):
        torch.testing.assert_close(y, z, rtol=1e-9, atol=1e-9)
    return model


NETWORKS = (
    "tv:mobilenet_v2",
    "tv:mobilenet_v3_small",
    "tv:mobilenet_v3_large",
    "tv:mnasnet0_5",
    "tv:shufflenet_v2_x0_5",
    "tv:squeezenet1_1",
    "tv:resnet18",
    "timm:mobilenetv2_050",
    "timm:mobilenetv3_small_050",
    "timm:mobilenetv1_100",
    "timm:efficientnet_lite0",
    "timm:tf_efficientnet_lite0",
    "timm:tf_mobilenetv3_small_minimal_100",
    "timm:mnasnet_small",
)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    torch.manual_seed(0)
    kind, name = name.split(":")
    if kind == "tv":
        network = models.get_model(name, weights=None)
    else:
        network = importlib.import_module("timm").create_model(name)
    assert_same(randomize(network), torch.randn(2, 3, 40, 40, dtype=torch.float64))


IMAGE = (2, 4, 7, 9)
CASES: dict[str, Callable[..., Any]] = {
    **{
        name: lambda m, x, name=name: getattr(F, name)(x)
        for name in (
            "relu", "relu6", "leaky_relu", "elu", "silu", "hardswish", "hardsigmoid", "gelu",
            "mish", "softplus", "hardtanh",
        )
    },
    "sigmoid": lambda m, x: x.sigmoid(),
    "tanh": lambda m, x: x.tanh(),
    "leaky_relu 0.2": lambda m, x: F.leaky_relu(x, 0.2, inplace=True),
    "elu 0.5": lambda m, x: F.elu(x, 0.5),
    "softplus 2 1": lambda m, x: F.softplus(x, 2, 1),
    "gelu tanh": lambda m, x: F.gelu(x, approximate="tanh"),
    "clamp": lambda m, x: x.clamp(-0.5, 0.25).clamp(min=0).clamp_(max=1.5),
    "unary": lambda m, x: x.abs().add(1).sqrt().log().exp().neg().square().add(1).rsqrt(),
    "numbers": lambda m, x: (1 - (x * 2 + 1 - 0.5) / 3) ** 3 + 2 / (x**2 + 1),
    "add alpha": lambda m, x: torch.add(x, 2, alpha=3) - torch.sub(x, 1, alpha=2),
    "binary": lambda m, x: torch.maximum(x - x * x, torch.minimum(x, x / (x * x + 1))),
    "broadcast": lambda m, x: x * x.mean((2, 3), keepdim=True) + x[:, :, :1],
    "constants": lambda m, x: m.bias - (m.bias * x) / (2 + m.scale * m.scale) + m.scale,
    "softmax": lambda m, x: x.softmax(1) + F.softmax(x, dim=-1),
    "cat": lambda m, x: torch.cat([x, x * 2], -1),
    "max pool": lambda m, x: F.max_pool2d(x, 3, 2, padding=1, dilation=2),
    "max pool ceil": lambda m, x: F.max_pool2d(x, (2, 3), 2, padding=(1, 0), ceil_mode=True),
    "avg pool": lambda m, x: F.avg_pool2d(x, 3, 2, padding=1),
    "avg pool ceil": lambda m, x: F.avg_pool2d(x, 3, 2, padding=1, ceil_mode=True),
    "avg pool inner": lambda m, x: F.avg_pool2d(x, 3, 2, 1, True, count_include_pad=False),
    "adaptive avg": lambda m, x: F.adaptive_avg_pool2d(x, (3, 4)),
    "adaptive max": lambda m, x: F.adaptive_max_pool2d(x, (3, 5)),
    "mean": lambda m, x: x.mean((1, 3)).mean() + x.mean(1, keepdim=True) + x.mean([-1, -2], True),
    "flatten": lambda m, x: x.flatten(1, 2).flatten(1) + x.flatten(1),
    "views": lambda m, x: x.transpose(1, 3).permute(0, 2, 1, 3).reshape(2, -1).unsqueeze(1),
    "axes": lambda m, x: x.movedim(1, -1).swapaxes(0, 1).mT.contiguous().view(7, -1).t(),
    "slices": lambda m, x: (x[:, 1:, ::2, 2:-1], x[:, -1], x[0], x[..., None, 3], x[:, :0]),
    "chunk": lambda m, x: (*x.chunk(3, 3), *x.split([1, 3], 1), *x.tensor_split(2, 2)),
    "unbind": lambda m, x: x.unbind(2),
    "narrow": lambda m, x: x.narrow(-1, -4, 2),
    "copies": lambda m, x: x.clone().transpose(2, 3).contiguous().squeeze(),
    "pad": lambda m, x: F.pad(x, (1, 2, 3, 0), value=0.5) + F.pad(x, (1, 2, 3, 0)),
    "pad a side": lambda m, x: F.pad(x, (2, 0)),
    "nearest": lambda m, x: F.interpolate(x, scale_factor=2),
    "nearest down": lambda m, x: F.interpolate(x, scale_factor=(0.6, 0.4)),
    "nearest size": lambda m, x: F.interpolate(x, size=(11, 5)),
    "nearest odd": lambda m, x: F.interpolate(x, scale_factor=1.7),
    "bilinear": lambda m, x: F.interpolate(x, scale_factor=1.7, mode="bilinear"),
    "bilinear recomputed": lambda m, x: F.interpolate(
        x, scale_factor=1.7, mode="bilinear", recompute_scale_factor=True
    ),
    "bilinear size": lambda m, x: F.interpolate(x, size=(11, 5), mode="bilinear"),
    "bilinear corners": lambda m, x: F.interpolate(
        x, size=(1, 15), mode="bilinear", align_corners=True
    ),
    "bilinear corners scale": lambda m, x: F.interpolate(
        x, scale_factor=1.5, mode="bilinear", align_corners=True
    ),
    "shuffle": lambda m, x: F.channel_shuffle(x, 2),
    "same type": lambda m, x: x.to(torch.float64).double() + x.detach(),
    "dropout": lambda m, x: F.dropout(x, 0.5, training=m.training),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_operators(name: str) -> None:
    bias = nn.Parameter(torch.linspace(-1, 1, 4).double().view(4, 1, 1))
    module = Calls(CASES[name], bias=bias, scale=torch.tensor(0.7).double()).eval()
    assert_same(module, 2 * torch.randn(IMAGE, dtype=torch.float64))


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 8, (1, 3), stride=(2, 1), padding=(1, 0), groups=2, bias=False),
        nn.Conv2d(4, 4, 2, dilation=3, groups=4),
        nn.Conv2d(4, 4, (3, 5), padding="same", dilation=(2, 1)),
        nn.Conv2d(4, 4, (4, 2), padding="same", dilation=(1, 3)),
        nn.Conv2d(4, 4, (3, 5), padding="valid"),
        nn.Linear(9, 3),
        nn.Linear(9, 3, bias=False),
        nn.BatchNorm2d(4, eps=0.1),
        nn.BatchNorm2d(4, affine=False),
        nn.PReLU(),
        nn.PReLU(4),
        nn.ReLU6(inplace=True),
        nn.Sequential(nn.Flatten(), nn.Linear(252, 4), nn.BatchNorm1d(4)),
        torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 6, 3)),
        torch.nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 6, 3)),
    ],
)
def test_modules(module: nn.Module) -> None:
    assert_same(randomize(module), torch.randn(IMAGE, dtype=torch.float64))


def test_several_inputs_and_outputs() -> None:
    module = Calls(lambda m, x, y: (x + y.mean(), y, m.conv(y)), conv=nn.Conv2d(4, 2, 1)).double()
    a, b = torch.randn(2, 3).double(), torch.randn(IMAGE).double()
    model = assert_same(module, a, b)
    assert model.graph.inputs == ("x0", "x1")
    assert model.graph.outputs[1] == "x1"


def changes_a_piece(m: nn.Module, x: Tensor) -> Any:
    y = m.get_submodule("norm")(x)
    y[:, :2].mul_(2)
    first = y[:, 0]
    y.add_(1)
    return y, first, y.flatten(1)


def test_a_change_under_another_name_is_seen() -> None:
    norm = nn.BatchNorm2d(4)
    module = Calls(lambda m, x: changes_a_piece(m, x)[1], norm=norm)
    model = capture_model(randomize(module), torch.zeros(IMAGE).double())
    assert any("slice_scatter" in name for name in unknown_ops(model.graph))
    two = Calls(lambda m, x: (F.relu_(y := m.norm(x)), y.flatten(1), y), norm=norm)
    assert_same(randomize(two), torch.randn(IMAGE).double())


def aliases(m: nn.Module, x: Tensor) -> Any:
    y = m.get_submodule("norm")(x)
    flat = y.flatten(1)
    F.relu_(y)
    return flat, m.get_submodule("conv")(y)


def test_an_older_name_of_a_changed_tensor_has_the_new_values() -> None:
    module = Calls(aliases, norm=nn.BatchNorm2d(4), conv=nn.Conv2d(4, 2, 1))
    assert_same(randomize(module), torch.randn(IMAGE).double())


class Stateful(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.arange(9.0))
        self.table: Tensor
        self.order = torch.arange(9)

    def forward(self, x: Tensor) -> Tensor:
        scaled = self.table[:, None].expand(9, 9).diagonal() * 2
        return x * scaled + self.order + torch.tensor([0.5] * 9)


def test_what_does_not_depend_on_the_input_is_worked_out() -> None:
    module = Stateful().double()
    assert_same(module, torch.randn(IMAGE).double())
    assert torch.equal(module.table, torch.arange(9.0).double())


def test_the_weights_are_those_of_the_module() -> None:
    module = nn.Conv2d(4, 2, 1)
    model = capture_model(module, IMAGE)
    assert model.graph.nodes[0].constants == ("weight", "bias")
    assert model.values["weight"].ctypes.data == module.weight.data_ptr()


def test_a_derived_constant_has_a_name_of_its_own() -> None:
    module = torch.nn.utils.parametrizations.weight_norm(nn.Linear(9, 5))
    (node,) = capture_model(module, (1, 9)).graph.nodes
    assert sorted(node.params) == [
        "bias",
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    ]
    assert node.constants[0].startswith("derived:")
    assert node.constants[1] == "bias"


def test_half_weights_and_bfloat16() -> None:
    half = capture_model(nn.Linear(3, 2).half(), (1, 3))
    assert {value.dtype.name for value in half.values.values()} == {"float16"}
    brain = capture_model(nn.Linear(3, 2).bfloat16(), (1, 3))
    assert {value.dtype.name for value in brain.values.values()} == {"float32"}


def test_a_node_says_where_it_was_written() -> None:
    line = Stateful.forward.__code__.co_firstlineno
    graph = capture_model(Stateful(), IMAGE).graph
    assert {node.source for node in graph.nodes} == {f"test_capture_model.py:{line + 2}"}
    graph = capture_model(nn.Sequential(nn.Conv2d(4, 4, 1)), IMAGE).graph
    assert graph.nodes[0].source == ""  # nothing but torch's own lines


@pytest.mark.parametrize(
    ("forward", "name"),
    [
        (lambda m, x: F.conv2d(torch.ones(1, 4, 9, 9), x), "aten.conv2d.default"),
        (lambda m, x: F.layer_norm(x, (9,), x[0, 0, 0]), "aten.layer_norm.default"),
        (lambda m, x: F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1)), "aten.grid_sampler.default"),
        (lambda m, x: F.dropout(x, training=True), "aten.dropout.default while training"),
        (lambda m, x: F.batch_norm(x, None, None, training=True), "aten.batch_norm.default with"),
        (lambda m, x: torch.add(x, x, alpha=2), "aten.add.Tensor with alpha=2"),
        (lambda m, x: x[:, x[0, :, 0, 0].argsort()], "aten.index.Tensor"),
        (lambda m, x: torch.stack([x, torch.ones(IMAGE)]), "aten.stack.default with constants"),
        (lambda m, x: torch.einsum("...i,...i->...", x, x), "aten.einsum.default with an"),
        (lambda m, x: F.glu(x, 1), "aten.glu.default"),
        (lambda m, x: F.adaptive_max_pool2d(x, 2, return_indices=True), "aten.adaptive_max_pool2d"),
        (lambda m, x: x.half() + 1, "aten.to.dtype"),
        (lambda m, x: torch.avg_pool2d(x, 2) if 0 else F.avg_pool2d(x, 2, divisor_override=3),
         "aten.avg_pool2d.default with a divisor"),
    ],
)  # fmt: skip
def test_what_no_rule_says_exactly_is_unknown(forward: Callable[..., Any], name: str) -> None:
    graph = capture_model(Calls(forward).eval(), IMAGE).graph
    assert any(found.startswith(name) for found in unknown_ops(graph)), unknown_ops(graph)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Calls(lambda m, x: (x + 1, torch.ones(3))), "output 1 does not depend on the input"),
        (Calls(lambda m, x: x + torch.rand(9)), "draws random numbers"),
        (nn.Linear(9, 3, device="meta"), "weights without values"),
    ],
)
def test_what_makes_no_model_is_one_clear_line(module: nn.Module, message: str) -> None:
    with pytest.raises(LitheError, match=message):
        capture_model(module, IMAGE)


def test_deterministic_kernels_make_no_other_graph() -> None:
    def resized(m: nn.Module, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear")

    # Off the CPU torch writes it as many operators where it may use those kernels only.
    part = nn.Conv2d(4, 2, 1, device="meta")
    before = capture(Calls(resized, part=part), (1, 4, 8, 8))
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        assert capture(Calls(resized, part=part), (1, 4, 8, 8)) == before
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_table_and_arrays_are_a_model() -> None:
    arch = architecture("mobilenet_v2", width=0.35, resolution=32, num_classes=5)
    network = randomize(build(arch))
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    x = torch.randn(2, 3, 32, 32).double()
    model = model_of(arch, arrays, batch=2)
    assert model.graph == from_arch(arch, 2) == capture_model(network, x).graph
    torch.testing.assert_close(evaluate(model, x)[0], network(x).detach())
    with pytest.raises(LitheError, match=r"classifier.bias is missing; it should be .*\(5,\)"):
        model_of(arch, {name: a for name, a in arrays.items() if name != "classifier.bias"})
    with pytest.raises(LitheError, match=r"classifier.bias is of shape \(7,\); it should be"):
        model_of(arch, {**arrays, "classifier.bias": arrays["classifier.weight"][0, :7]})
