"""What a network keeps of a trained neighbour: all where it can, the strongest where it must."""

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType
from torch import Tensor

from lithe.arch import Architecture, Block, architecture, unroll
from lithe.arch.registry import standard_twin
from lithe.arch.rows import Conv, DepthwiseSeparable, InvertedResidual, Row
from lithe.nets.build import Network, build
from lithe.nets.inherit import inherit

WIDTHS = (0.25, 0.5, 1.0)
SQUEEZES: tuple[int | UnsetType, ...] = (UNSET, 4)


def table(*rows: Row, width: float = 1.0, classes: int = 5) -> Architecture:
    return Architecture(
        name="table", rows=rows, width=width, resolution=16, num_classes=classes, min_last_map=2
    )


@st.composite
def residual_tables(draw: st.DrawFn) -> Architecture:
    """Stages as MobileNetV2 has them, few and narrow."""
    rows: list[Row] = [Conv(k=3, s=2, c=draw(st.sampled_from((16, 24)))), InvertedResidual(1, 16)]
    rows += [
        InvertedResidual(
            t=draw(st.sampled_from((2, 3))),
            c=c,
            n=draw(st.integers(1, 3)),
            s=s,
            k=draw(st.sampled_from((3, 5))),
            squeeze=draw(st.sampled_from(SQUEEZES)),
        )
        for c, s in ((32, 2), (48, 1))
    ]
    return table(*rows, Conv(k=1, c=64), width=draw(st.sampled_from(WIDTHS)))


@st.composite
def larger(draw: st.DrawFn, arch: Architecture, squeezes: bool = True) -> Architecture:
    """A table that the other is a part of: wider, deeper, more expanded, larger kernels.

    With `squeezes` it may have squeeze-and-excite where the other has none.
    """
    rows = tuple(
        msgspec.structs.replace(
            row,
            t=row.t + draw(st.integers(0, 2)) if row.t > 1 else 1,
            # The first stage has one block, whose channels may differ.
            n=row.n + draw(st.integers(0, 2)) if row.t > 1 else 1,
            k=row.k + draw(st.sampled_from((0, 2))),
            squeeze=draw(st.sampled_from((row.squeeze, 4))) if squeezes else row.squeeze,
        )
        if isinstance(row, InvertedResidual)
        else row
        for row in arch.rows
    )
    width = draw(st.sampled_from([w for w in WIDTHS if w >= arch.width]))
    return msgspec.structs.replace(arch, rows=rows, width=width)


def pairs(squeezes: bool) -> st.SearchStrategy[tuple[Architecture, Architecture]]:
    return residual_tables().flatmap(lambda arch: st.tuples(st.just(arch), larger(arch, squeezes)))


def trained(arch: Architecture, seed: int = 0) -> Network:
    """A network whose every tensor is as if it had been trained, for no draw is 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    network = build(arch).eval()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith(("norm.weight", "running_var")):
                tensor.copy_(1.1 + torch.rand(tensor.shape, generator=generator))
            elif tensor.ndim == 1:
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            elif tensor.ndim:
                tensor.copy_(0.2 * torch.randn(tensor.shape, generator=generator))
    return network


def images(seed: int = 0) -> Tensor:
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def said(network: Network) -> Tensor:
    with torch.no_grad():
        return network(images())  # type: ignore[no-any-return]


def assert_same_weights(one: Network, other: Network) -> None:
    theirs = other.state_dict()
    for name, tensor in one.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=0, msg=name)


TABLES = {
    name: architecture(name, width=0.25, resolution=32, num_classes=5)
    for name in ("mobilenet_v1", "mobilenet_v2", "shallow_mobilenet", "conv_mobilenet")
} | {
    "fused": standard_twin(architecture("mobilenet_v2", width=0.25, num_classes=5)),
    "expansions": table(
        Conv(k=3, c=16), InvertedResidual(2, 16, 3, shortcut="expansion", linear=False)
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_same_table_is_copied_exactly(name: str) -> None:
    parent = trained(TABLES[name])
    child = build(TABLES[name])
    assert inherit(child, parent.arch, parent.state_dict()).share == 1
    assert_same_weights(child, parent)


@given(pairs(squeezes=True))
@settings(max_examples=15, deadline=None)
def test_a_network_that_holds_its_parent_says_at_first_what_the_parent_says(
    pair: tuple[Architecture, Architecture],
) -> None:
    small, large = pair
    parent, child = trained(small), build(large).eval()
    # At some widths neighbouring stages have equally many channels, and a shortcut appears.
    if [b.adds_input for b in _first_repeats(small)] != [
        b.adds_input for b in _first_repeats(large)
    ]:
        return
    inherited = inherit(child, small, parent.state_dict())
    assert inherited.params == sum(p.numel() for p in parent.parameters())
    assert inherited.of == sum(p.numel() for p in child.parameters())
    torch.testing.assert_close(said(child), said(parent), rtol=1e-4, atol=1e-4)


def _first_repeats(arch: Architecture) -> list[Block]:
    blocks = unroll(arch)
    return [b for i, b in enumerate(blocks) if i == 0 or blocks[i - 1].row_index != b.row_index]


@given(pairs(squeezes=False))
@settings(max_examples=15, deadline=None)
def test_a_network_that_was_enlarged_and_cut_again_is_the_same(
    pair: tuple[Architecture, Architecture],
) -> None:
    """What was new is scaled by 1 and less, what was trained by more: the trained part is kept."""
    small, large = pair
    parent, child, again = trained(small), build(large), build(small)
    inherit(child, small, parent.state_dict())
    assert inherit(again, large, child.state_dict()).share == 1
    assert_same_weights(again, parent)


@given(residual_tables(), residual_tables())
@settings(max_examples=15, deadline=None)
def test_any_two_neighbours_fit_and_what_is_inherited_can_be_trained(
    one: Architecture, other: Architecture
) -> None:
    torch.manual_seed(0)
    parent, child = trained(one), build(other).train()
    fresh = build(other)
    fresh.load_state_dict(child.state_dict())
    inherited = inherit(child, one, parent.state_dict())
    assert 0 < inherited.params <= min(inherited.of, sum(p.numel() for p in parent.parameters()))
    changed = sum(
        int((a != b).sum()) for a, b in zip(child.parameters(), fresh.parameters(), strict=True)
    )
    # Zeros are set besides what is copied; a bias that was drawn as zero may be one again.
    assert changed >= 0.9 * inherited.params
    child(images()).square().sum().backward()
    for name, parameter in child.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_the_channels_with_the_largest_scales_are_kept() -> None:
    rows = (Conv(k=1, c=16), DepthwiseSeparable(c=32))
    parent, child = trained(table(*rows)), build(table(*rows, width=0.5))
    state = parent.state_dict()
    stem = torch.tensor([15, 2, 3, 5, 7, 8, 9, 11])
    state["blocks.0.norm.weight"][stem] = -5.0  # a scale's sign does not matter
    inherit(child, parent.arch, state)
    kept = stem.sort().values
    mine = child.state_dict()
    for name in ("blocks.0.conv.weight", "blocks.0.norm.weight", "blocks.0.norm.running_var"):
        assert torch.equal(mine[name], state[name][kept])
    assert torch.equal(
        mine["blocks.1.depthwise.conv.weight"], state["blocks.1.depthwise.conv.weight"][kept]
    )


def test_blocks_joined_by_shortcuts_keep_the_same_channels() -> None:
    rows = (Conv(k=1, c=16), InvertedResidual(2, 16, 3))
    parent, child = trained(table(*rows)), build(table(*rows, width=0.5))
    state = parent.state_dict()
    strong = torch.tensor([0, 1, 4, 6, 9, 10, 13, 14])
    state["blocks.2.project.norm.weight"][strong] = 9.0  # one block's say decides for all
    inherit(child, parent.arch, state)
    mine = child.state_dict()
    for index in (1, 2, 3):
        name = f"blocks.{index}.project.norm.bias"
        assert torch.equal(mine[name], state[name][strong])
    assert torch.equal(mine["blocks.0.norm.bias"], state["blocks.0.norm.bias"][strong])
    assert torch.equal(mine["classifier.weight"], state["classifier.weight"][:, strong])


def test_a_kernel_is_cut_and_padded_around_its_centre() -> None:
    def rows(k: int) -> tuple[Row, ...]:
        return Conv(k=3, c=8), DepthwiseSeparable(c=8, k=k)

    name = "blocks.1.depthwise.conv.weight"
    small, large = trained(table(*rows(3))), trained(table(*rows(7)))
    cut, padded = build(table(*rows(3))), build(table(*rows(7)))
    inherit(cut, large.arch, large.state_dict())
    inherit(padded, small.arch, small.state_dict())
    assert torch.equal(cut.state_dict()[name], large.state_dict()[name][:, :, 2:5, 2:5])
    assert torch.equal(padded.state_dict()[name][:, :, 2:5, 2:5], small.state_dict()[name])
    assert padded.state_dict()[name].abs().sum() == small.state_dict()[name].abs().sum()


def test_other_classes_are_learned_anew() -> None:
    rows = (Conv(k=3, c=8), DepthwiseSeparable(c=8))
    parent, child = trained(table(*rows)), build(table(*rows, classes=7))
    before = child.classifier.weight.clone()
    inherit(child, parent.arch, parent.state_dict())
    assert torch.equal(child.classifier.weight, before)
    assert torch.equal(
        child.state_dict()["blocks.0.conv.weight"], parent.state_dict()["blocks.0.conv.weight"]
    )


def test_of_another_family_only_the_stem_fits() -> None:
    parent, child = trained(TABLES["mobilenet_v1"]), build(TABLES["mobilenet_v2"])
    inherited = inherit(child, parent.arch, parent.state_dict())
    stem = sum(p.numel() for p in child.blocks[0].parameters())
    assert inherited.params == stem


def test_a_separable_block_gets_squeeze_and_excite_without_a_change_of_what_it_says() -> None:
    def rows(squeeze: int | UnsetType) -> tuple[Row, ...]:
        return Conv(k=3, c=16), DepthwiseSeparable(c=24, squeeze=squeeze)

    parent, child = trained(table(*rows(UNSET))), build(table(*rows(4))).eval()
    inherited = inherit(child, parent.arch, parent.state_dict())
    assert inherited.params == sum(p.numel() for p in parent.parameters())
    torch.testing.assert_close(said(child), said(parent), rtol=1e-4, atol=1e-4)
