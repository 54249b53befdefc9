"""Least squares never make a layer worse on the images they see; statistics are the data's."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nets.conversion.networks import small
from torch import Tensor, nn

from lithe.errors import LitheError
from lithe.nets.conversion.layers import fill, last_of
from lithe.nets.conversion.places import largest
from lithe.nets.conversion.refit import Batches, estimate_norms, layer_errors, refit
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import KINDS, Kind, Replacement

quick = settings(max_examples=25, deadline=None)


def batches_of(*shape: int, seed: int = 0, scale: float = 1.0, parts: int = 3) -> Batches:
    """The same batches at every call."""
    drawn = torch.randn(parts, *shape, generator=torch.Generator().manual_seed(seed)) * scale

    def batches() -> Iterator[Tensor]:
        yield from drawn

    return batches


def one(bias: bool, *, c: int = 6, c_out: int = 8, k: int = 3, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Identity(), nn.Conv2d(c, c_out, k, padding=k // 2, bias=bias)).eval()


def damaged(network: nn.Module, row: Replacement, amount: float = 0.3) -> nn.Module:
    """A rewritten network whose last convolution has lost its weights in part."""
    made = rewritten(network, [row], signed=[row.layer])
    last = last_of(made.get_submodule(row.layer))  # type: ignore[arg-type]
    with torch.no_grad():
        last.weight += amount * torch.randn_like(last.weight) * last.weight.std()
    return made


@given(
    kind=st.sampled_from(KINDS),
    size=st.integers(1, 6),
    bias=st.booleans(),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    seed=st.integers(0, 1000),
    images=st.integers(1, 3),
)
@quick
def test_a_layers_error_never_grows(
    kind: Kind, size: int, bias: bool, scale: float, seed: int, images: int
) -> None:
    """Of 8x8 pixels and fewer every position is seen, so it is the layer's whole error."""
    network, row = one(bias, seed=seed), Replacement("1", kind, size)
    batches = batches_of(images, 6, 5, 6, seed=seed, scale=scale, parts=2)
    made = rewritten(network, [row], signed=["1"])
    before = layer_errors(made, network, ["1"], batches)["1"]
    refit(made, network, [row], batches)
    assert layer_errors(made, network, ["1"], batches)["1"] <= before * (1 + 1e-5) + 1e-6


@pytest.mark.parametrize("tokens", [(), (5,), (2, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_of_low_rank_is_refitted(tokens: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.ReLU(), nn.Linear(20, 24, bias=bias)).eval()
    row, batches = Replacement("1", "low-rank", 4), batches_of(16, *tokens, 20)
    made = rewritten(network, [row])
    before = layer_errors(made, network, ["1"], batches)["1"]
    refit(made, network, [row], batches)
    after = layer_errors(made, network, ["1"], batches)["1"]
    # Images that are not negative have a mean, which a bias or the first channel takes up.
    assert after < 0.98 * before
    whole = Replacement("1", "low-rank", 20)
    made = damaged(network, whole)
    refit(made, network, [whole], batches)
    assert layer_errors(made, network, ["1"], batches)["1"] < 0.02


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_where_there_is_an_exact_solution_it_is_found(kind: Kind, bias: bool, scale: float) -> None:
    """Whatever unit the images are in: the ridge has theirs."""
    network = one(bias)
    size = largest(network[1], kind)  # type: ignore[arg-type]
    row = Replacement("1", kind, size)
    made = damaged(network, row)
    batches = batches_of(8, 6, 8, 8, scale=scale)
    lost = layer_errors(made, network, ["1"], batches)["1"]
    assert lost > 0.05 * min(scale, 1)
    refit(made, network, [row], batches)
    assert layer_errors(made, network, ["1"], batches)["1"] < 0.02 * lost


@torch.no_grad()
def test_a_bias_that_was_lost_comes_back() -> None:
    network, row = one(True), Replacement("1", "separable", 8)
    made = rewritten(network, [row])
    last = last_of(made.get_submodule("1"))  # type: ignore[arg-type]
    assert last.bias is not None
    last.bias += 5.0
    refit(made, network, [row], batches_of(4, 6, 8, 8))
    torch.testing.assert_close(last.bias, network[1].bias, atol=5e-3, rtol=0)


def test_images_that_say_nothing_leave_the_weights_alone() -> None:
    """Zero images, and far fewer pixels than there are weights: the ridge keeps what is there."""
    network, row = one(False), Replacement("1", "separable", 8)
    for batches in (batches_of(2, 6, 4, 4, scale=0.0), batches_of(1, 6, 1, 1, parts=1)):
        made = rewritten(network, [row])
        before = last_of(made.get_submodule("1")).weight.clone()  # type: ignore[arg-type]
        refit(made, network, [row], batches)
        after = last_of(made.get_submodule("1")).weight  # type: ignore[arg-type]
        torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_layer_makes_up_for_what_was_lost_before_it() -> None:
    """The first layer halves everything; the second doubles it again."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(6, 6, 1), nn.Conv2d(6, 8, 3, padding=1, bias=False)).eval()
    rows = [Replacement("1", "separable", 8)]
    made = rewritten(network, rows)
    first = made.get_submodule("0")
    assert isinstance(first, nn.Conv2d)
    assert first.bias is not None
    first.weight /= 2
    first.bias /= 2
    batches = batches_of(8, 6, 8, 8)
    assert layer_errors(made, network, ["1"], batches)["1"] == pytest.approx(0.5, abs=1e-4)
    refit(made, network, rows, batches)
    assert layer_errors(made, network, ["1"], batches)["1"] < 5e-3
    torch.testing.assert_close(
        last_of(made.get_submodule("1")).weight,  # type: ignore[arg-type]
        2 * last_of(rewritten(network, rows).get_submodule("1")).weight,  # type: ignore[arg-type]
        atol=0.02,
        rtol=0,
    )


def test_layers_are_refitted_in_order_and_told_of() -> None:
    """Refit whole, every layer ends nearer to the original than the split alone leaves it."""
    network = small()
    rows = [
        Replacement("conv1", "separable", 2),
        Replacement("blocks.conv2", "separable", 2),
        Replacement("blocks.conv3", "low-rank", 6),
    ]
    layers, told = [row.layer for row in rows], []
    made = rewritten(network, rows)
    batches = batches_of(8, 3, 8, 8)
    before = layer_errors(made, network, layers, batches)
    refit(made, network, rows, batches, lambda: told.append(1))
    after = layer_errors(made, network, layers, batches)
    assert len(told) == 3
    assert all(after[name] < before[name] for name in layers)
    assert not any(len(module._forward_hooks) for module in made.modules())
    assert not any(len(module._forward_hooks) for module in network.modules())


def test_an_activation_that_works_in_place_does_not_spoil_the_target() -> None:
    """The output before the ReLU is what counts, negative values too."""
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 8, 3, padding=1)
    network = nn.Sequential(conv, nn.ReLU(inplace=True)).eval()
    row = Replacement("0", "separable", 8)
    made = damaged(network, row)
    batches = batches_of(8, 6, 8, 8)
    refit(made, network, [row], batches)
    (x, *_) = batches()
    with torch.no_grad():
        torch.testing.assert_close(made.get_submodule("0")(x), conv(x), atol=5e-3, rtol=0)
        conv.weight.zero_()
        assert conv.bias is not None
        conv.bias.fill_(-1.0)
        fill(last_of(made.get_submodule("0")).weight, np.zeros((8, 48, 1, 1)))  # type: ignore[arg-type]
        last_of(made.get_submodule("0")).bias.fill_(-2.0)  # type: ignore[arg-type,union-attr]
    assert layer_errors(made, network, ["0"], batches)["0"] == pytest.approx(1.0)


def test_layer_errors_by_hand() -> None:
    """Outputs (3, 4) and (3, 0): the error is 4 of 5. Batches add up before the root is drawn."""
    network = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False))
    made = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False))
    fill(network[0].weight, np.array([3.0, 4.0]).reshape(2, 1, 1, 1))  # type: ignore[arg-type]
    fill(made[0].weight, np.array([3.0, 0.0]).reshape(2, 1, 1, 1))  # type: ignore[arg-type]
    one_pixel = torch.ones(1, 1, 1, 1)
    assert layer_errors(made, network, ["0"], lambda: [one_pixel]) == {"0": pytest.approx(0.8)}
    assert layer_errors(made, network, ["0"], lambda: [one_pixel, 7 * one_pixel]) == {
        "0": pytest.approx(0.8)
    }
    assert layer_errors(network, network, ["0"], lambda: [one_pixel]) == {"0": 0.0}
    # Of an output that is zero everywhere: all is lost, or nothing.
    fill(network[0].weight, np.zeros((2, 1, 1, 1)))  # type: ignore[arg-type]
    assert layer_errors(made, network, ["0"], lambda: [one_pixel]) == {"0": 1.0}
    assert layer_errors(network, network, ["0"], lambda: [one_pixel]) == {"0": 0.0}


def test_batch_norms_get_the_statistics_of_the_data() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.BatchNorm2d(3, momentum=0.3), nn.Dropout(0.5), nn.BatchNorm2d(3, momentum=None)
    ).train()
    first, second = network[0], network[2]
    assert isinstance(first, nn.BatchNorm2d)
    assert isinstance(second, nn.BatchNorm2d)
    with torch.no_grad():
        nn.init.constant_(first.running_mean, 7.0)  # type: ignore[arg-type]
        first.weight.fill_(2.0)
        first.bias.fill_(1.0)
    batches = batches_of(16, 3, 6, 6, scale=3.0)
    for _ in range(2):  # the second time changes nothing
        assert estimate_norms(network, batches) == 2
        xs = list(batches())
        mean = torch.stack([x.mean((0, 2, 3)) for x in xs]).mean(0)
        var = torch.stack([x.var((0, 2, 3)) for x in xs]).mean(0)
        torch.testing.assert_close(first.running_mean, mean)
        torch.testing.assert_close(first.running_var, var)
        # Dropout is off: behind the first, each channel has mean 1 and deviation 2.
        torch.testing.assert_close(second.running_mean, torch.ones(3), atol=1e-3, rtol=0)
        torch.testing.assert_close(second.running_var, torch.full((3,), 4.0), atol=0.02, rtol=0)
    assert (first.momentum, second.momentum) == (0.3, None)
    assert not any(module.training for module in network.modules())


def test_a_network_without_batch_norm_is_not_run() -> None:
    def batches() -> Iterator[Tensor]:
        raise AssertionError

    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, track_running_stats=False))
    assert estimate_norms(network, batches) == 0


class Aux(nn.Module):
    """A batch norm after pooling, and one that only runs in training."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.pooled, self.aux = (nn.BatchNorm2d(3, momentum=0.3) for _ in range(3))
        for norm in (self.norm, self.pooled, self.aux):
            nn.init.constant_(norm.running_mean, 7.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pooled(self.norm(x).mean((2, 3), keepdim=True))
        return self.aux(y) if self.training else y


def test_a_norm_that_does_not_run_keeps_its_statistics() -> None:
    network = Aux()
    assert estimate_norms(network, batches_of(8, 3, 4, 4)) == 2
    assert (network.aux.running_mean == 7).all()  # type: ignore[union-attr]
    assert (network.norm.running_mean.abs() < 1).all()  # type: ignore[union-attr]


def test_a_last_batch_of_one_image_is_passed_over() -> None:
    network, whole = Aux(), Aux()
    (x, *_), last = batches_of(8, 3, 4, 4)(), torch.randn(1, 3, 4, 4)
    assert estimate_norms(network, lambda: [x, last]) == 2
    assert estimate_norms(whole, lambda: [x]) == 2
    assert network.pooled.running_mean is not None
    torch.testing.assert_close(network.pooled.running_mean, whole.pooled.running_mean)
    with pytest.raises(LitheError, match=r"^batch norm needs batches of 2 images or more"):
        estimate_norms(network, lambda: [last])


def test_a_failure_leaves_everything_as_it_was() -> None:
    network = Aux()
    with pytest.raises(ValueError, match="expected 4D"):
        estimate_norms(network, lambda: [torch.ones(2, 3)])
    assert [norm.momentum for norm in (network.norm, network.pooled)] == [0.3, 0.3]
    assert not network.norm.training
    assert (network.norm.running_mean == 7).all()  # type: ignore[union-attr]
