"""Weights of any torch network from a plain safetensors file: its state dict, name by name."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from lithe.errors import LitheError
from lithe.nets.strict_json import one_line

_COUNTER = "num_batches_tracked"  # of batch norm; old files have none, no inference reads it


def load_state(module: nn.Module, path: Path) -> None:
    """Put the tensors of a file into a network, in place, in the network's own types.

    The file is what `safetensors.torch.save_file(module.state_dict(), path)` writes: nothing
    in it is run. All names and shapes are compared first, so a file that does not fit leaves
    the network as it was.

    Raises:
        LitheError: the file cannot be read, its tensors are not those of the network (says
            how many are missing, too many or of another shape), or values are not finite.
    """
    try:
        given = safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise LitheError(f"there is no file {path}; name a safetensors file of weights") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise LitheError(
            f"{path} cannot be read as a safetensors file ({one_line(error)}); write it with "
            "safetensors.torch.save_file(network.state_dict(), FILE)"
        ) from None
    check_state(module.state_dict(), given, str(path))
    module.load_state_dict(given, strict=False)  # counters alone may be missing by now


def check_state(needed: Mapping[str, Tensor], given: Mapping[str, Tensor], source: str) -> None:
    """Make sure that tensors from `source` are those that a network needs.

    Raises:
        LitheError: they are not; with the numbers and an example of each kind.
    """
    lacking = [name for name in needed.keys() - given.keys() if not name.endswith(_COUNTER)]
    besides = given.keys() - needed.keys()
    other = [
        name for name in needed.keys() & given.keys() if given[name].shape != needed[name].shape
    ]
    if lacking or besides or other:
        said = [
            f"{len(names)} {what}{_first(names)}"
            for names, what in ((lacking, "are missing"), (besides, "are too many"))
            if names
        ]
        if other:
            name = min(other)
            said.append(
                f"{len(other)} are of another shape ({one_line(name)} is "
                f"{list(given[name].shape)}, the network needs {list(needed[name].shape)})"
            )
        raise LitheError(
            f"the tensors in {source} are not the network's: of the {len(needed)} that it needs "
            f"and the {len(given)} in the file {', '.join(said)}; give the weights of this network"
        )
    for name, tensor in given.items():
        finite = int(torch.isfinite(tensor).sum())
        if finite < tensor.numel():
            raise LitheError(
                f"{tensor.numel() - finite} of {tensor.numel()} values of {one_line(name)} in "
                f"{source} are not finite; train it again with a lower learning rate"
            )


def _first(names: Iterable[str]) -> str:
    return f" (such as {one_line(min(names))})"
