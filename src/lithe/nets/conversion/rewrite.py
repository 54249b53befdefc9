"""Layers of a network replaced by efficient ones: the structure, and the weights."""

import copy
from collections.abc import Collection, Sequence

from torch import nn

from lithe.errors import LitheError
from lithe.nets.conversion.layers import replacement_for
from lithe.nets.conversion.places import check_replacement
from lithe.nets.conversion.rows import Replacement


def rewritten(
    network: nn.Module,
    rows: Sequence[Replacement],
    *,
    carry: bool = True,
    signed: Collection[str] = (),
) -> nn.Module:
    """A copy of a network with layers replaced; all else has copies of its weights.

    With `carry` a replacement begins with the nearest weights to its layer's (see
    `split`), else with freshly drawn ones. `signed` names the layers whose input has negative
    values.

    Raises:
        LitheError: a row names no layer of the network, or one that it cannot replace,
            there are no finite weights to begin with, or the network cannot be copied.
    """
    try:
        copied = copy.deepcopy(network)
    except RuntimeError as error:
        raise LitheError(
            f"{type(network).__name__} cannot be copied, as with weights that are computed from "
            f"others (weight norm, pruning); make them plain first: {str(error).splitlines()[0]}"
        ) from error
    for row in rows:
        layer = check_replacement(copied, row)
        made = replacement_for(layer, row)
        if carry:
            if not bool(layer.weight.isfinite().all()):
                raise LitheError(f"{row.layer} has weights that are not finite, it cannot be split")
            made.carry(layer, row.layer in signed)  # type: ignore[arg-type]
        parent, _, name = row.layer.rpartition(".")
        setattr(copied.get_submodule(parent), name, made)
    return copied
