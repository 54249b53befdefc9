"""A rewritten network is the old one but for what its rows name, and works like any other."""

import copy

import pytest
import torch
from tests.nets.conversion.drawn import relative
from tests.nets.conversion.networks import Twice, small
from torch import nn
from torch.nn.utils import parametrizations

import lithe
from lithe.errors import LitheError
from lithe.nets.conversion.layers import CONVERTED
from lithe.nets.conversion.places import largest, places
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Kind, Replacement

ROWS = (
    Replacement("conv1", "separable", 2),
    Replacement("blocks.conv2", "inverted-residual", 4),
    Replacement("blocks.conv3", "low-rank", 3),
    Replacement("down", "low-rank", 4),
)


def images(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def test_all_else_is_bit_equal_and_the_original_untouched() -> None:
    network = small()
    before, modules = copy.deepcopy(network.state_dict()), list(network.modules())
    made = rewritten(network, ROWS)
    assert list(network.modules()) == modules
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    now = made.state_dict()
    kept = [name for name in before if not name.startswith(tuple(row.layer for row in ROWS))]
    assert len(kept) > 10
    assert all(torch.equal(before[name], now[name]) for name in kept)
    assert not {weight.data_ptr() for weight in before.values()} & {
        weight.data_ptr() for weight in now.values()
    }
    assert [isinstance(made.get_submodule(row.layer), CONVERTED) for row in ROWS] == [True] * 4
    # In the same order as in the old one, which is that of the weights in a file.
    assert [name for name, _ in made.named_children()] == [
        name for name, _ in network.named_children()
    ]
    with torch.no_grad():
        made.head.weight.zero_()  # type: ignore[union-attr,operator]
    assert torch.equal(before["head.weight"], network.head.weight)


def test_no_rows_are_a_copy() -> None:
    network = small()
    assert torch.equal(rewritten(network, ())(images()), network(images()))


@pytest.mark.parametrize("kind", ["separable", "inverted-residual", "low-rank"])
@torch.no_grad()
def test_at_the_largest_size_the_network_computes_the_same(kind: Kind) -> None:
    network = small()
    found = [place for place in places(network, images()) if kind in place.kinds]
    rows = [
        Replacement(place.layer, kind, largest(network.get_submodule(place.layer), kind))  # type: ignore[arg-type]
        for place in found
    ]
    signed = [place.layer for place in found if place.signed]
    made = rewritten(network, rows, signed=signed)
    assert len(rows) >= 3
    assert relative(made(images()), network(images())) < 1e-5
    drawn = rewritten(network, rows, carry=False, signed=signed)
    assert relative(drawn(images()), network(images())) > 0.1


@torch.no_grad()
def test_signed_layers_are_those_that_are_named() -> None:
    class Signed(nn.Sequential):
        pass

    torch.manual_seed(0)
    network = Signed(nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 3)).eval()
    row = Replacement("1", "inverted-residual", 24)
    assert relative(rewritten(network, [row], signed=["1"])(images()), network(images())) < 1e-5
    assert relative(rewritten(network, [row])(images()), network(images())) > 0.01


def test_wrong_rows_are_refused_in_one_line_and_leave_the_original_alone() -> None:
    network = small()
    row = Replacement("conv1", "separable")
    for rows, message in (
        ([row, row], "^conv1 is no nn.Conv2d or nn.Linear but SeparableConv$"),
        ([row, Replacement("nowhere", "separable")], "^Small has no layer 'nowhere'$"),
        ([Replacement("conv1.depthwise", "separable")], "^Small has no layer 'conv1.depthwise'$"),
    ):
        with pytest.raises(LitheError, match=message):
            rewritten(network, rows)
    assert type(network.conv1) is nn.Conv2d
    with torch.no_grad():
        network.conv1.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(LitheError, match=r"^conv1 has weights that are not finite, it cannot be"):
        rewritten(network, [row])
    rewritten(network, [row], carry=False)
    parametrizations.weight_norm(network.conv1)
    with pytest.raises(LitheError, match=r"^conv1 is no nn.Conv2d or .* but ParametrizedConv2d$"):
        rewritten(network, [row])
    with pytest.raises(LitheError, match=r"^Twice cannot be copied, as with [^\n]*make them plain"):
        rewritten(Twice(), [Replacement("plain", "separable")])


@pytest.mark.parametrize("carry", [True, False])
def test_a_step_of_training_changes_all_parameters(carry: bool) -> None:
    made = rewritten(small(), ROWS, carry=carry, signed=["blocks.conv2"]).train()
    before = copy.deepcopy(dict(made.named_parameters()))
    optimizer = torch.optim.SGD(made.parameters(), 0.1)
    for _ in range(2):  # a column of zeros shields what is before it from the first step
        optimizer.zero_grad()
        nn.functional.cross_entropy(made(images(8)), torch.arange(8) % 5).backward()
        optimizer.step()
    same = [name for name, now in made.named_parameters() if torch.equal(before[name], now)]
    assert same == []
    assert all(bool(weight.isfinite().all()) for weight in made.parameters())


@torch.no_grad()
def test_it_is_exported_and_compiled() -> None:
    made = rewritten(small(16), ROWS, signed=["blocks.conv2"])
    program = torch.export.export(made, (images(1),))
    torch.testing.assert_close(program.module()(images(1)), made(images(1)))
    compiled = lithe.compile(made, images(1), threads=1)
    torch.testing.assert_close(compiled(images(1)), made(images(1)), rtol=1e-4, atol=1e-5)
    # Two filters per channel run as two plain convolutions.
    kernels = [step.kernel for step in compiled.schedule.steps if step.label.startswith("conv1")]
    assert len(kernels) == 2
    assert all("_rolling_" in kernel for kernel in kernels)
