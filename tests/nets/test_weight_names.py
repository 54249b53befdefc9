"""Our networks against timm's and torchvision's with the same weights, both ways."""

from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from lithe.arch import ARCHITECTURES, Architecture, Conv, InvertedResidual, architecture
from lithe.arch.registry import changed, standard_twin
from lithe.errors import LitheError
from lithe.graph import from_arch
from lithe.nets.build import Network, build
from lithe.nets.torchvision_compat import models
from lithe.nets.weight_names import Scheme, export_weights, load_weights, names

M = TypeVar("M", bound=nn.Module)

TIMM = {
    "mobilenetv1_100": ("mobilenet_v1", 1.0),
    "mobilenetv1_125": ("mobilenet_v1", 1.25),
    "mobilenetv2_035": ("mobilenet_v2", 0.35),
    "mobilenetv2_050": ("mobilenet_v2", 0.5),
    "mobilenetv2_075": ("mobilenet_v2", 0.75),
    "mobilenetv2_100": ("mobilenet_v2", 1.0),
    "mobilenetv2_140": ("mobilenet_v2", 1.4),
    "mobilenetv2_110d": ("mobilenet_v2_110d", 1.1),
    "mobilenetv2_120d": ("mobilenet_v2_120d", 1.2),
}
RIVALS: dict[str, tuple[Scheme, str, float]] = {
    **{name: ("timm", ours, width) for name, (ours, width) in TIMM.items()},
    **{
        f"torchvision {width:g}": ("torchvision", "mobilenet_v2", width)
        for width in (0.35, 1.0, 1.4)
    },
}


def theirs(rival: str, *, classes: int = 1000, channels: int = 3) -> nn.Module:
    scheme, _, width = RIVALS[rival]
    if scheme == "torchvision":
        network = models.mobilenet_v2(width_mult=width, num_classes=classes)
    else:
        import timm  # after torchvision_compat, see there

        network = timm.create_model(rival, num_classes=classes, in_chans=channels)
    assert isinstance(network, nn.Module)
    return network.eval()


def table(
    rival: str, resolution: int = 64, *, classes: int = 1000, channels: int = 3
) -> Architecture:
    return architecture(
        RIVALS[rival][1],
        width=RIVALS[rival][2],
        resolution=resolution,
        num_classes=classes,
        in_channels=channels,
        paper_strides=True,
    )


def randomized(network: M, seed: int) -> M:
    """Every weight and statistic drawn anew, so that no two tensors could be confused."""
    draw = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(int(torch.randint(1, 10_000, (), generator=draw)))
        elif name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
            tensor.uniform_(0.5, 2.0, generator=draw)  # wide enough that ReLU6 cuts at 6
        elif tensor.ndim == 1:
            tensor.normal_(0, 0.3, generator=draw)
        else:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=draw)
    return network


def images(resolution: int, channels: int = 3) -> Tensor:
    return torch.randn(
        2, channels, resolution, resolution, generator=torch.Generator().manual_seed(1)
    )


@torch.no_grad()
def assert_same_logits(first: nn.Module, second: nn.Module, x: Tensor) -> None:
    logits = first(x)
    assert logits.std() > 0.01, "logits that hardly vary would agree whatever the weights"
    torch.testing.assert_close(second(x), logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rival", RIVALS)
def test_their_weights_give_their_logits_and_go_out_as_they_came(rival: str) -> None:
    scheme = RIVALS[rival][0]
    reference = randomized(theirs(rival), 0)
    state = reference.state_dict()
    ours = build(table(rival)).eval()
    load_weights(ours, state, scheme)
    assert_same_logits(reference, ours, images(64))
    exported = export_weights(ours, scheme)
    assert exported.keys() == state.keys()
    for name, tensor in state.items():
        assert torch.equal(exported[name], tensor), name
    found = names(ours.arch, scheme)
    assert list(found) == list(ours.state_dict())
    assert found.keys() >= from_arch(ours.arch).weights.keys()


@pytest.mark.parametrize("rival", ["mobilenetv1_100", "mobilenetv2_075", "torchvision 1.4"])
def test_our_weights_in_theirs_give_our_logits(rival: str) -> None:
    ours = randomized(build(table(rival)), 0).eval()
    reference = theirs(rival)
    reference.load_state_dict(export_weights(ours, RIVALS[rival][0]), strict=True)
    assert_same_logits(ours, reference, images(64))


@pytest.mark.parametrize("rival", ["mobilenetv1_100", "mobilenetv2_100"])
@torch.no_grad()
def test_parity_would_tell_relu_from_relu6(rival: str) -> None:
    arch, x = table(rival), images(64)
    network = randomized(build(arch), 0).eval()
    other = build(changed(arch, activation="relu")).eval()
    other.load_state_dict(network.state_dict())
    assert (network(x) - other(x)).abs().max() > 1e-2


@pytest.mark.parametrize("rival", ["mobilenetv1_100", "mobilenetv2_100", "torchvision 1"])
def test_parity_at_224_pixels(rival: str) -> None:
    reference = randomized(theirs(rival), 3)
    ours = build(architecture(RIVALS[rival][1])).eval()
    load_weights(ours, reference.state_dict(), RIVALS[rival][0])
    assert_same_logits(reference, ours, images(224)[:1])


@pytest.mark.parametrize("rival", ["mobilenetv1_100", "mobilenetv2_050"])
@pytest.mark.parametrize("resolution", [65, 79])
def test_parity_at_odd_sizes_other_classes_and_channels(rival: str, resolution: int) -> None:
    reference = randomized(theirs(rival, classes=7, channels=1), 4)
    ours = build(table(rival, resolution, classes=7, channels=1)).eval()
    load_weights(ours, reference.state_dict(), "timm")
    assert_same_logits(reference, ours, images(resolution, 1))


@pytest.mark.smoke
def test_exported_weights_are_copies() -> None:
    network = build(architecture("mobilenet_v1", width=0.25, num_classes=3))
    export_weights(network, "timm")["classifier.bias"].fill_(7.0)
    assert torch.equal(network.classifier.bias, torch.zeros(3))


def test_old_checkpoints_without_batch_counts_load() -> None:
    ours = randomized(build(table("mobilenetv2_050")), 0)
    old = {k: v for k, v in export_weights(ours, "timm").items() if "num_batches" not in k}
    load_weights(ours, old, "timm")
    counts = [v for k, v in ours.state_dict().items() if k.endswith("num_batches_tracked")]
    assert counts
    assert not any(counts)


def small(num_classes: int = 1000) -> Network:
    return randomized(build(architecture("mobilenet_v2", width=0.25, num_classes=num_classes)), 1)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda w: w.pop("bn1.weight"), "missing: bn1.weight"),
        (lambda w: w.update(extra=torch.zeros(1)), "unexpected: extra"),
        (
            lambda w: w.update({"classifier.bias": torch.zeros(10)}),
            r"classifier.bias is \[10\], classifier.bias is \[1000\]",
        ),
        (
            lambda w: w.update({"blocks.1.0.conv_dw.weight": torch.zeros(48, 1, 5, 5)}),
            (
                r"blocks.1.0.conv_dw.weight is \[48, 1, 5, 5\], "
                r"blocks.2.depthwise.conv.weight is \[48, 1, 3, 3\]"
            ),
        ),
        (lambda w: w.clear(), "missing: conv_stem.weight, bn1.weight, bn1.bias and 259 more"),
    ],
)
def test_what_does_not_fit_is_named_and_changes_nothing(edit: object, message: str) -> None:
    network = small()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    weights = export_weights(randomized(small(), 2), "timm")
    assert callable(edit)
    edit(weights)
    with pytest.raises(LitheError, match=message) as caught:
        load_weights(network, weights, "timm")
    assert "\n" not in str(caught.value)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_message_says_classes_and_channels() -> None:
    weights = export_weights(small(num_classes=10), "timm")
    with pytest.raises(LitheError, match="1000 classes and 3 input channels"):
        load_weights(small(), weights, "timm")


V2 = ARCHITECTURES["mobilenet_v2"]


@pytest.mark.parametrize(
    ("arch", "scheme", "message"),
    [
        (ARCHITECTURES["mobilenet_v1"], "torchvision", r"row 1 .*DepthwiseSeparable"),
        (ARCHITECTURES["conv_mobilenet"], "timm", r"row 1 .*Conv"),
        (standard_twin(V2), "timm", r"row 1 .*FusedInvertedResidual"),
        (changed(V2, activation="relu"), "timm", "relu6 only"),
        (architecture("mobilenet_v2" + 7 * "-n1t2k3s"), "timm", "row 1 .*with squeeze-and-excite"),
        (
            architecture("mobilenet_v2" + 7 * "-n1t2k3.hs"),
            "torchvision",
            "relu6 only, not with hard_swish",
        ),
        (
            changed(V2, rows=(Conv(k=3, c=8), InvertedResidual(t=6, c=8, linear=False))),
            "timm",
            r"row 1 .*InvertedResidual",
        ),
        (
            changed(V2, rows=(Conv(k=3, c=8), InvertedResidual(t=6, c=8, shortcut="expansion"))),
            "torchvision",
            r"row 1 .*InvertedResidual",
        ),
    ],
)
def test_rows_that_they_lack_are_refused(arch: Architecture, scheme: Scheme, message: str) -> None:
    with pytest.raises(LitheError, match=message):
        names(arch, scheme)
