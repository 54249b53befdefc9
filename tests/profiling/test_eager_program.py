"""Call by call a network says what it says as a whole, and every layer's calls are found."""

import pickle
from collections import Counter

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lithe.arch import architecture
from lithe.cost import cost, layers
from lithe.errors import LitheError
from lithe.graph.capture import traced
from lithe.nets.build import build
from lithe.nets.torchvision_compat import models
from lithe.profiling.eager_calls import eager_program
from lithe.profiling.eager_program import EagerProgram, EagerRunner, Ref
from lithe.profiling.eager_run import channels_last, eager_steps, eager_way, laid_out, program_of
from lithe.profiling.rounds import Way


class Branches(nn.Module):
    """Pieces, lists of tensors, in-place calls, a weight that is worked out, shared modules."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(True))
        self.first = nn.Conv2d(4, 4, 3, padding="same")
        self.act = nn.Hardswish()
        self.weight = nn.Parameter(torch.randn(6, 16))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        a, b = x.chunk(2, dim=1)
        x = torch.cat([self.act(self.first(a)), self.act(b), x], dim=1)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return F.linear(x, F.normalize(self.weight, dim=1))


def _network(name: str) -> nn.Module:
    torch.manual_seed(0)
    if name == "branches":
        return Branches().eval()
    if name == "mobilenet_v2":
        return build(architecture(name, resolution=32)).eval()
    network: nn.Module = models.get_model(name, weights=None).eval()
    return network


def _ways(network: nn.Module, shape: tuple[int, ...]) -> tuple[Way, EagerProgram]:
    trace = traced(network, shape)
    twin, x = channels_last(network), laid_out(torch.randn(shape))
    program = program_of(trace, twin)
    parts, costs = layers(trace.graph), cost(trace.graph).layers
    return eager_steps(eager_way(twin, x), twin, trace, program, x, parts, costs), program


@pytest.mark.parametrize("name", ["branches", "mobilenet_v2", "shufflenet_v2_x0_5", "resnet18"])
def test_every_layer_is_one_step(name: str) -> None:
    network = _network(name)
    way, program = _ways(network, (1, 3, 32, 32))  # refuses other outputs than the module's
    graph = traced(network, (1, 3, 32, 32)).graph
    named = Counter(index for step in way.steps for index in step.layers)
    costs = cost(graph).layers
    assert all(count == 1 for count in named.values())
    assert {i for i, row in enumerate(costs) if row.macs or row.activation_bytes} <= set(named)
    assert sum(step.macs for step in way.steps) == sum(row.macs for row in costs)
    assert way.timed is not None
    seconds = way.timed()
    assert len(seconds) == len(way.steps)
    assert min(seconds) > 0
    assert sum(len(step.kernel.split(" + ")) for step in way.steps) == len(program.calls)


def test_a_value_is_there_for_all_its_readers_and_gone_in_the_end() -> None:
    program = _ways(_network("branches"), (2, 3, 16, 16))[1]
    kept = {*program.constants, *program.outputs}
    alive = {*program.inputs}
    for call in program.calls:
        read = _refs((call.args, call.kwargs))
        assert read <= alive | kept, call
        alive |= {call.name}
        assert set(call.frees) <= alive
        alive -= set(call.frees)
    assert alive <= kept


def test_what_a_module_is_called_with_is_held_until_it_returns() -> None:
    """As by its caller; what it makes inside goes when it is read for the last time."""

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 4, 1)
            self.inner = nn.Sequential(nn.Conv2d(4, 5, 1), nn.ReLU(), nn.Conv2d(5, 6, 1))

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.inner(self.stem(x))) * 2

    program = _ways(Outer().eval(), (1, 3, 4, 4))[1]
    stem, first, act, second, relu, product = program.calls
    assert not {*stem.frees, *first.frees}
    assert act.frees == (first.name,)
    assert set(second.frees) == {stem.name, act.name}
    assert relu.frees == (second.name,)
    assert relu.name in product.frees


def _refs(value: object) -> set[str]:
    match value:
        case Ref(name):
            return {name}
        case list() | tuple():
            return {name for each in value for name in _refs(each)}
        case dict():
            return {name for each in value.values() for name in _refs(each)}
        case _:
            return set()


def test_a_program_travels() -> None:
    network = _network("branches")
    x = torch.randn(1, 3, 16, 16)
    program = eager_program(traced(network, (1, 3, 16, 16)), {})
    there: EagerProgram = pickle.loads(pickle.dumps(program))
    with torch.inference_mode():
        right = network(x)
    assert torch.equal(EagerRunner(there).run(x)[0][0], right)


def test_calls_that_say_something_else_are_refused() -> None:
    network = _network("branches")
    trace = traced(network, (1, 3, 16, 16))
    twin, x = channels_last(network), laid_out(torch.randn(1, 3, 16, 16))
    program = program_of(trace, twin)
    with torch.no_grad():
        network.get_parameter("weight").mul_(-1)  # the twin has its own
        other = channels_last(network)
    parts, costs = layers(trace.graph), cost(trace.graph).layers
    with pytest.raises(LitheError, match="call by call the outputs are off by"):
        eager_steps(eager_way(other, x), other, trace, program, x, parts, costs)


def test_the_network_itself_stays_as_it_is() -> None:
    network = _network("branches")
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    way, _ = _ways(network, (1, 3, 16, 16))
    way.whole()
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, before[name])
        assert weight.is_contiguous()
