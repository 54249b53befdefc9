"""A cache of the hub's client, filled as a download would, with random weights of timm's nets."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import huggingface_hub.constants
import pytest
import safetensors.torch
import torch
from torch import Tensor

from lithe.nets.torchvision_compat import torchvision

COMMIT = "0" * 40
# Nobody listens there: whoever looks for the hub is refused at once.
NOWHERE = "http://127.0.0.1:9"


def drawn(name: str, seed: int = 0) -> dict[str, Tensor]:
    """Random weights of timm's own network; no two channels of a batch norm scale alike."""
    import timm  # after torchvision_compat, see there

    assert torchvision.__version__
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = timm.create_model(name.partition(".")[0], pretrained=False)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.weight, 0.5, 1.5)
                torch.nn.init.normal_(module.bias, std=0.1)
        torch.nn.init.normal_(network.get_parameter("classifier.bias"))
    state: dict[str, Tensor] = network.state_dict()
    return state


def fill(home: Path, names: Iterable[str]) -> Path:
    """Put such weights under `home`, as `HF_HOME`; returns it."""
    for name in names:
        put(home, name, drawn(name))
    return home


def put(home: Path, name: str, weights: Mapping[str, Tensor]) -> None:
    """Put these weights there."""
    repository = home / "hub" / f"models--timm--{name}"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    safetensors.torch.save_file(dict(weights), snapshot / "model.safetensors")


def use(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Have this process, and those that it starts, look there and nowhere else."""
    patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(home / "hub"))
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HUGGINGFACE_HUB_CACHE"):
        patch.delenv(name, raising=False)
    patch.setenv("HF_HOME", str(home))
    patch.setenv("HF_ENDPOINT", NOWHERE)
    patch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    patch.setenv("NO_PROXY", "127.0.0.1")
