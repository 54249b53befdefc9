"""Depthwise convolutions of several filters per channel run as several plain ones."""

import numpy as np
import pytest
import torch
from tests.engine.accuracy import assert_as_accurate
from torch import Tensor, nn

import lithe
from lithe.cost import cost, layers
from lithe.engine.lower.lower import lower
from lithe.engine.network import ScheduleStep
from lithe.engine.target import runnable
from lithe.graph.capture import capture_model
from lithe.graph.graph import param_count, param_names
from lithe.graph.model import Model, zero_model
from lithe.graph.ops import Conv2d, Fused
from lithe.graph.passes import simplify
from lithe.nets.conversion.layers import SeparableConv
from lithe.profiling.attribution import layers_of_steps


class Block(nn.Module):
    """A replacement with all that may follow it: batch norm, an addition, an activation."""

    def __init__(self, c: int, r: int, k: int, stride: int) -> None:
        super().__init__()
        conv = nn.Conv2d(c, c, k, stride, k // 2, bias=stride == 2)
        self.conv, self.norm = SeparableConv(conv, r), nn.BatchNorm2d(c)
        self.down = nn.Conv2d(c, c, 1, stride) if stride == 2 and k == 3 else None
        self.adds = stride == 1 or self.down is not None

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        if self.adds:
            y = y + (self.down(x) if self.down is not None else x)
        return torch.relu(y)


def network(c: int, r: int) -> nn.Sequential:
    torch.manual_seed(0)
    sizes = [(3, 1), (5, 2), (5, 1), (3, 2)]
    net = nn.Sequential(nn.Conv2d(3, c, 1), *(Block(c, r, k, stride) for k, stride in sizes))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return net.eval()


def convs(model: Model) -> list[Conv2d]:
    ops = [node.op.op if isinstance(node.op, Fused) else node.op for node in model.graph.nodes]
    return [op for op in ops if isinstance(op, Conv2d)]


@pytest.mark.parametrize("r", [1, 2, 3, 9])
@pytest.mark.parametrize("c", [7, 8, 16, 33])
def test_a_network_of_replacements_is_as_accurate_as_eager(c: int, r: int) -> None:
    net = network(c, r)
    shape = (1, 3, 13, 11)
    model = capture_model(net, shape)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    compiled = lithe.compile(net, torch.from_numpy(x), threads=2)
    assert_as_accurate([compiled(torch.from_numpy(x)).numpy()], model, [x])
    found = convs(simplify(model))
    grouped = [conv for conv in found if conv.groups > 1 and conv.c_out != conv.c_in]
    if r == 1 or 2 * r <= c:
        assert not grouped
        # Nothing else runs: the stem, the downsampling, input and output brought into place.
        steps = [step.kernel for step in compiled.schedule.steps]
        assert sum("_rolling_" in name for name in steps) == 4 * r == len(steps) - 4
    else:
        assert len(grouped) == 4


def pair(c: int = 8, r: int = 2, *between: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    many = nn.Conv2d(c, r * c, 3, padding=1, groups=c)
    return nn.Sequential(many, *between, nn.Conv2d(r * c, c, 1)).eval()


def test_batch_norm_between_is_folded_and_no_obstacle() -> None:
    net = pair(8, 2, nn.BatchNorm2d(16))
    net[1].running_mean.normal_()  # type: ignore[operator]
    before = capture_model(net, (1, 8, 6, 6))
    after = simplify(before)
    assert [conv.groups for conv in convs(after)] == [8, 1, 8, 1]
    assert_as_accurate(_outputs(net), after, [_image()])
    # Each branch has weights and biases of the depthwise convolution, one has the other bias.
    assert [conv.bias for conv in convs(after)] == [True, True, True, False]


def test_parameters_count_once_and_steps_work_for_the_layers_they_came_from() -> None:
    before = capture_model(pair(), (1, 8, 6, 6))
    after = simplify(before)
    assert param_names(after.graph) == param_names(before.graph)
    assert param_count(after.graph) == param_count(before.graph)
    assert cost(after.graph).params == cost(before.graph).params
    assert cost(after.graph).macs == cost(before.graph).macs
    steps = lower(after, runnable()[0], 1).steps
    named = [
        ScheduleStep(step.label, step.kernel.name, step.units, step.macs, step.nodes)
        for step in steps
    ]
    whose = layers_of_steps(before.graph, layers(before.graph), after.graph, named)
    rolling = [work for step, work in zip(steps, whose, strict=True) if step.macs]
    assert rolling == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    "net",
    [
        pair(8, 2, nn.ReLU()),
        nn.Sequential(nn.Conv2d(8, 16, 3, groups=8), nn.Conv2d(16, 8, 1, stride=2)).eval(),
        nn.Sequential(nn.Conv2d(8, 16, 3, groups=4), nn.Conv2d(16, 8, 1)).eval(),
        nn.Sequential(nn.Conv2d(8, 16, 3, groups=8), nn.Conv2d(16, 8, 1, groups=2)).eval(),
        pair(8, 5),
    ],
    ids=["activation between", "pointwise strides", "groups", "grouped pointwise", "few channels"],
)
def test_other_pairs_are_left_alone(net: nn.Module) -> None:
    before = capture_model(net, (1, 8, 6, 6))
    assert convs(simplify(before)) == convs(before)


class TwoReaders(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.many, self.mix = nn.Conv2d(8, 16, 3, groups=8), nn.Conv2d(16, 8, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.many(x)
        return self.mix(y), y.mean((2, 3))


def test_a_depthwise_convolution_that_something_else_reads_is_left_alone() -> None:
    before = capture_model(TwoReaders().eval(), (1, 8, 6, 6))
    assert convs(simplify(before)) == convs(before)


class Sums(nn.Module):
    """Two pairs that are added, one that is added to itself, and one to what follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = pair(), pair(), pair(), pair()

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.a(x) + self.b(x))
        z = self.c(y)
        z = z + z
        late = torch.tanh(z)
        out: Tensor = self.d(z) + late + 1.0
        return out


def test_sums_of_pairs() -> None:
    net = Sums().eval()
    before = capture_model(net, (1, 8, 6, 6))
    after = simplify(before)
    assert [conv.groups for conv in convs(after)] == [8, 1] * 8
    left = [node.op for node in after.graph.nodes if not isinstance(node.op, Conv2d)]
    assert sum(isinstance(op, Fused) and op.residual for op in left) == 6
    assert_as_accurate(_outputs(net), before, [_image()])


def test_a_model_of_zeros_still_takes_no_memory() -> None:
    hollow = simplify(zero_model(capture_model(pair(), (1, 8, 6, 6)).graph))
    assert len(convs(hollow)) == 4
    assert not any(any(array.strides) for array in hollow.values.values())


def _image() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, 8, 6, 6)).astype(np.float32)


def _outputs(net: nn.Module) -> list[np.ndarray]:
    x = torch.from_numpy(_image())
    return [lithe.compile(net, x, threads=1)(x).numpy()]
