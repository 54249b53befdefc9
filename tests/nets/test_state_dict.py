"""A plain state dict goes into the network that it is of, and into no other."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lithe.errors import LitheError
from lithe.nets.libraries import from_library
from lithe.nets.state_dict import load_state


def small(classes: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, classes))


def state(classes: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return small(classes).state_dict()


def test_weights_come_in_by_name_also_in_half_precision_and_without_counters(
    tmp_path: Path,
) -> None:
    path = tmp_path / "w.safetensors"
    wanted = {name: value for name, value in state().items() if "batches" not in name}
    save_file({name: value.half() for name, value in wanted.items()}, path)
    network = small()
    load_state(network, path)
    for name, value in wanted.items():
        found = network.state_dict()[name]
        assert found.dtype == torch.float32
        assert torch.equal(found, value.half().float())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"3.weight": None}, r"of the 9 that it needs and the 8 .* 1 are missing \(such as 3.wei"),
        ({"head.bias": torch.ones(2)}, r"1 are too many \(such as head.bias\)"),
        (
            {"3.weight": torch.ones(5, 4), "3.bias": torch.ones(5)},
            r"2 are of another shape \(3.bias is \[5\], the network needs \[3\]\)",
        ),
        ({"3.bias": torch.tensor([1.0, float("nan"), 2.0])}, "1 of 3 values of 3.bias in .* not f"),
    ],
)
def test_what_is_not_the_networks_is_said_with_numbers_and_changes_nothing(
    changes: dict[str, Tensor | None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "w.safetensors"
    tensors = {n: t for n, t in (state() | changes).items() if t is not None}
    save_file(tensors, path)
    network = small()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(LitheError, match=message) as raised:
        load_state(network, path)
    assert "\n" not in str(raised.value)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())


def test_no_file_and_no_safetensors_file(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match="there is no file"):
        load_state(small(), tmp_path / "none.safetensors")
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(LitheError, match="cannot be read as a safetensors file"):
        load_state(small(), path)


@pytest.mark.parametrize(("library", "name"), [("timm", "resnet10t"), ("torchvision", "resnet18")])
def test_a_librarys_network_has_as_many_classes_as_asked(library: str, name: str) -> None:
    network = from_library(library, name, 7)  # type: ignore[arg-type]
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 7)
