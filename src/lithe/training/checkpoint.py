"""Where a training stands after an epoch, in one safe file.

Tensors only, with JSON beside them: like every file that lithe writes, a checkpoint holds
no pickle, so that reading one runs nothing.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.nets.strict_json import one_line
from lithe.training.distillation import Taught
from lithe.training.history import EpochRow
from lithe.training.recipe import Recipe

_AVERAGE = "average/module."  # what comes before the name of an averaged weight
_DAMAGE = (SafetensorError, OSError, KeyError, TypeError, RuntimeError, msgspec.MsgspecError)


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a checkpoint says of itself.

    `arch` is None for a network that has no table, `taught` for one that has no teacher.
    """

    recipe: Recipe
    seed: int
    history: tuple[EpochRow, ...]
    arch: Architecture | None = None
    taught: Taught | None = None


def write_checkpoint(
    path: Path,
    modules: dict[str, nn.Module],
    optimizer: Optimizer,
    recipe: Recipe,
    seed: int,
    history: Sequence[EpochRow],
    arch: Architecture | None = None,
    taught: Taught | None = None,
) -> None:
    """Save the state after `len(history)` epochs, replacing the state before.

    Raises:
        LitheError: the file cannot be written; the one before it is kept.
    """
    tensors: dict[str, Tensor] = {
        f"{name}/{key}": value.detach().cpu().contiguous()
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer/{index}/{key}"] = torch.as_tensor(value).detach().cpu().contiguous()
    header = msgspec.json.encode(Header(recipe, seed, tuple(history), arch, taught)).decode()
    # Storage that two names share would be refused; a clone apart is what a reader needs.
    write_atomically(
        path, save({name: value.clone() for name, value in tensors.items()}, {"lithe": header})
    )


def read_checkpoint(
    path: Path,
    modules: dict[str, nn.Module],
    optimizer: Optimizer,
    recipe: Recipe,
    seed: int,
    taught: Taught | None = None,
) -> tuple[EpochRow, ...]:
    """Restore modules and optimizer in place; the history up to that epoch comes back.

    Raises:
        LitheError: the file is damaged, or of another recipe, seed, teacher or network.
    """
    try:
        header, tensors = _read(path, "")
        if (header.recipe, header.seed) != (recipe, seed):
            raise LitheError(f"{path} was written by a training with another recipe or seed")
        if header.taught != taught:
            raise LitheError(
                f"{path} was written by a training {_by(header.taught)}, not {_by(taught)}; delete "
                "it to train again from the start"
            )
        for name, module in modules.items():
            module.load_state_dict(_under(tensors, f"{name}/"))
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(tensors, "optimizer/").items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    return header.history


def read_header(path: Path) -> Header:
    """What a checkpoint says of itself, without its tensors.

    Raises:
        LitheError: the file cannot be read.
    """
    try:
        return _read(path, None)[0]
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def read_average(path: Path) -> tuple[Architecture, dict[str, Tensor]]:
    """The table of a checkpoint's network and its averaged weights by name.

    Raises:
        LitheError: the file cannot be read, or its network has no table.
    """
    try:
        header, tensors = _read(path, _AVERAGE)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    if header.arch is None:
        raise LitheError(f"{path} does not say what its network's table is")
    return header.arch, _under(tensors, _AVERAGE)


def _read(path: Path, prefix: str | None) -> tuple[Header, dict[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        header = msgspec.json.decode(file.metadata()["lithe"], type=Header)
        names = [] if prefix is None else [n for n in file.keys() if n.startswith(prefix)]  # noqa: SIM118
        return header, {name: file.get_tensor(name) for name in names}


def _by(taught: Taught | None) -> str:
    if taught is None:
        return "without a teacher"
    how = taught.distillation
    pairs = ", ".join("=".join(pair) for pair in how.features)
    return (
        f"by {one_line(taught.teacher)} at temperature {how.temperature:g} and weight "
        f"{how.weight:g}" + (f" with {pairs}" if pairs else "")
    )


def _unreadable(path: Path, error: Exception) -> LitheError:
    return LitheError(
        f"the checkpoint {path} cannot be read ({str(error).splitlines()[0]}); "
        "delete it to train again from the start"
    )


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)}
