"""Every convolution is found, with what can take its place or the reason why nothing can."""

import copy

import pytest
import torch
from tests.nets.conversion.networks import Small, Twice
from torch import Tensor, nn
from torch.nn.utils import prune

from lithe.errors import LitheError
from lithe.nets.conversion.places import check_replacement, kinds_for, largest, named, places
from lithe.nets.conversion.rows import KINDS, Replacement
from lithe.nets.torchvision_compat import models as torchvision_models


def test_every_reason() -> None:
    torch.manual_seed(0)
    found = {place.layer: place for place in places(Twice(), torch.randn(1, 3, 8, 8))}
    assert {name: place.reason for name, place in found.items()} == {
        "stem": "only 3 input channels",
        "again": "it runs 2 times on an image",
        "idle": "it does not run",
        "tied": "its weight is also that of tied_too",
        "tied_too": "its weight is also that of tied",
        "same_bias": "its bias is also that of tied",
        "own": "a Own, which computes in its own way",
        "normed": "its weight is computed from others (a parametrization)",
        "old_normed": "its weight is computed from others",
        "grouped": "2 groups",
        "depthwise": "depthwise already",
        "point": "",
        "plain": "",
        "point_to_one": "a 1x1 convolution of 4 to 1 channels",
    }
    able = {name: place.kinds for name, place in found.items() if place.kinds}
    assert able == {"point": ("low-rank",), "plain": KINDS}
    assert next(iter(found)) == "stem"
    assert list(found)[-1] == "idle"
    assert found["again"].macs == 2 * 8 * 8 * 8 * 8 * 9  # both runs
    assert found["grouped"].macs == 8 * 8 * 8 * 4 * 9
    assert found["idle"].macs == 0
    assert not found["point"].signed  # behind a ReLU, and called with a named argument
    assert found["plain"].signed


def test_resnet18() -> None:
    network = torchvision_models.resnet18(weights=None)
    found = places(network, torch.randn(2, 3, 64, 64))
    assert len(found) == 21
    assert found[20].layer == "fc"
    assert (found[20].kinds, found[20].macs) == (("low-rank",), 512 * 1000)
    assert found[0].layer == "conv1"
    assert (found[0].kinds, found[0].reason) == ((), "only 3 input channels")
    assert all(place.kinds == KINDS for place in found if place.layer.startswith("layer") and
               "downsample" not in place.layer)  # fmt: skip
    downs = [place for place in found if "downsample" in place.layer]
    assert [place.kinds for place in downs] == [("low-rank",)] * 3
    # Those behind a ReLU see no negative values; what the stem sees has some.
    assert [place.layer for place in found if place.signed] == ["conv1"]
    assert [place.order for place in found] == list(range(21))
    # MACs are those of one image: 64 to 64 channels of 3x3 on 16x16 pixels.
    assert found[1].macs == 16 * 16 * 64 * 64 * 9


class Tokens(nn.Module):
    """Linear layers on images, on a sequence, tied, and within attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(16, 32)
        self.mix = nn.Linear(32, 32)
        self.tied = nn.Linear(32, 32)
        self.tied.weight = self.mix.weight
        self.attention = nn.MultiheadAttention(32, 2, batch_first=True)
        self.up = nn.Linear(32, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.tied(self.mix(self.embed(x.flatten(2))))
        x = self.up(self.attention(x, x, x)[0].relu())
        out: Tensor = self.head(x.mean(1))
        return out


def test_linear_layers() -> None:
    torch.manual_seed(0)
    found = {place.layer: place for place in places(Tokens(), torch.randn(1, 3, 4, 4))}
    assert {name: place.reason for name, place in found.items()} == {
        "embed": "",
        "mix": "its weight is also that of tied",
        "tied": "its weight is also that of mix",
        "up": "",
        "head": "a linear layer of only 64 to 10 channels",
        "attention.out_proj": "a NonDynamicallyQuantizableLinear, which computes in its own way",
    }
    assert {name for name, place in found.items() if place.kinds == ("low-rank",)} == {
        "embed", "up"
    }  # fmt: skip
    assert found["embed"].macs == 3 * 16 * 32  # three tokens
    assert found["head"].macs == 64 * 10


def test_pruning_leaves_a_weight_that_is_computed() -> None:
    network = Small()
    prune.l1_unstructured(network.conv1, "weight", amount=0.5)
    found = {place.layer: place.reason for place in places(network, torch.randn(1, 3, 8, 8))}
    assert found["conv1"] == "its weight is computed from others"


def test_a_module_under_two_names_is_named() -> None:
    conv = nn.Conv2d(8, 8, 3, padding=1)
    (place,) = places(nn.ModuleDict({"a": conv, "b": conv})["a"], torch.randn(1, 8, 4, 4))
    assert place.reason == "it is the whole network"

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = self.b = conv

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.a(x)
            return y

    (place,) = places(Two(), torch.randn(1, 8, 4, 4))
    assert place.reason == "its weight is also that of b"


def state(network: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(network.state_dict())


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_left_as_it_was(fails: bool) -> None:
    network = Small().train()
    network.norm1.eval()  # frozen, as in fine-tuning
    network.conv1.register_forward_hook(lambda *_: None)
    before, flags = state(network), [module.training for module in network.modules()]
    hooks = [len(module._forward_hooks) for module in network.modules()]
    if fails:
        with pytest.raises(LitheError, match=r"^Small does not run on an input of"):
            places(network, torch.randn(1, 4, 8, 8))
    else:
        places(network, torch.randn(1, 3, 8, 8))
    assert [module.training for module in network.modules()] == flags
    assert [len(module._forward_hooks) for module in network.modules()] == hooks
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())


def test_errors_are_one_line() -> None:
    with pytest.raises(LitheError, match=r"^ReLU has no nn.Conv2d and no nn.Linear, so there is "):
        places(nn.ReLU(), torch.randn(1, 3))
    with pytest.raises(LitheError) as caught:
        places(Small(), torch.randn(1, 2, 8, 8))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("conv", "sizes"),
    [
        (nn.Conv2d(8, 16, 3), (9, 36, 16)),
        (nn.Conv2d(8, 4, 3), (4, 16, 4)),
        (nn.Conv2d(5, 64, (1, 3)), (3, 12, 15)),
    ],
)
def test_the_largest_sizes(conv: nn.Conv2d, sizes: tuple[int, ...]) -> None:
    assert tuple(largest(conv, kind) for kind in KINDS) == sizes
    assert kinds_for(conv) == KINDS


def test_patterns() -> None:
    found = places(Small(), torch.randn(1, 3, 8, 8))
    assert [place.layer for place in named(found, ("blocks.*", "conv1"), ("separable",))] == [
        "blocks.conv2",
        "blocks.conv3",
        "conv1",
    ]
    # What two patterns name is there once; of what a pattern names only what can be replaced.
    assert [place.layer for place in named(found, ("*", "conv1"), ("separable",))] == [
        "conv1",
        "blocks.conv2",
        "blocks.conv3",
    ]
    assert "down" in [place.layer for place in named(found, ("*",), ("low-rank",))]
    with pytest.raises(
        LitheError, match=r"^no convolution or linear layer is called 'layer1.\*'; there are stem"
    ):
        named(found, ("layer1.*",), ("separable",))
    with pytest.raises(LitheError, match=r"^stem.0 names nothing that .*: only 3 input channels$"):
        named(found, ("stem.0",), ("separable",))
    with pytest.raises(LitheError, match=r"^down names nothing that .*: a separable one cannot"):
        named(found, ("down",), ("separable",))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Replacement("conv9", "separable"), "^Small has no layer 'conv9'$"),
        (Replacement("norm1", "separable"), "^norm1 is no nn.Conv2d or nn.Linear but BatchNorm2d$"),
        (Replacement("", "separable"), "^a Small as a whole cannot be replaced, its layers can$"),
        (Replacement("stem.0", "separable"), "^stem.0: separable .* only 3 input channels$"),
        (Replacement("down", "separable"), "^down: separable cannot .* a 1x1 convolution$"),
        (Replacement("conv1", "separable", 9), "^conv1: separable of size 9, 8 is the largest$"),
        (Replacement("conv1", "low-rank", 73), "^conv1: low-rank of size 73, 8 is the largest$"),
        (Replacement("conv1", "low-rank", 0), "^conv1: low-rank of size 0, 1 is the smallest$"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_in_one_line(row: Replacement, message: str) -> None:
    with pytest.raises(LitheError, match=message):
        check_replacement(Small(), row)
