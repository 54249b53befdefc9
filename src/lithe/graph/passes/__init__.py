"""Passes: functions Model -> Model that say the same with less, a verifier between them.

A pass keeps the graph's inputs and outputs, in number, order and shape. Tensors are values
here, so a pass need not ask who else holds their bytes.
"""

from collections.abc import Callable

from lithe.errors import LitheError
from lithe.graph.model import Model
from lithe.graph.passes.drop_no_ops import drop_no_ops
from lithe.graph.passes.fold_batch_norm import fold_batch_norm
from lithe.graph.passes.fold_pad import fold_pad
from lithe.graph.passes.fuse_activation import fuse_activation
from lithe.graph.passes.fuse_residual import fuse_residual
from lithe.graph.passes.recognise_activation import recognise_activation
from lithe.graph.passes.recognise_shuffle import recognise_shuffle
from lithe.graph.passes.split_depthwise import split_depthwise
from lithe.graph.passes.verify import verify

Pass = Callable[[Model], Model]


def simplify(model: Model, passes: tuple[Pass, ...] | None = None) -> Model:
    """The model after `passes` (`DEFAULT_PASSES`), checked before the first and after each.

    Raises:
        LitheError: the model does not hold together; names the pass that broke it.
    """
    verify(model)
    for each in DEFAULT_PASSES if passes is None else passes:
        model = each(model)
        try:
            verify(model)
        except LitheError as error:
            raise LitheError(f"after {each.__name__}: {error}") from None
    return model


DEFAULT_PASSES: tuple[Pass, ...] = (
    drop_no_ops,
    recognise_shuffle,
    recognise_activation,
    fold_pad,
    fold_batch_norm,
    split_depthwise,
    fuse_residual,
    fuse_activation,
)

__all__ = [
    "DEFAULT_PASSES",
    "Pass",
    "drop_no_ops",
    "fold_batch_norm",
    "fold_pad",
    "fuse_activation",
    "fuse_residual",
    "recognise_activation",
    "recognise_shuffle",
    "simplify",
    "split_depthwise",
    "verify",
]
