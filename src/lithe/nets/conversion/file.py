"""A converted network in one safe file, and back: weights, the table of what was replaced, classes.

The file holds no code and the network is no table, so what was converted is built again by its
name (`source`), and `lithe.nets.tensor_file` fills it.
"""

from os import PathLike

import msgspec
import torch
from torch import Tensor, nn

from lithe import __version__
from lithe.errors import LitheError
from lithe.nets.card import ConvertedCard
from lithe.nets.conversion.card_json import decode_converted, encode_converted
from lithe.nets.conversion.layers import (
    InvertedResidualConv,
    LowRankConv,
    LowRankLinear,
    SeparableConv,
)
from lithe.nets.conversion.rows import Conversion, Replacement
from lithe.nets.conversion.source import drawn, runs_code, structure
from lithe.nets.model_data import CONVERTED_FORMATS
from lithe.nets.strict_json import one_line
from lithe.nets.tensor_file import compare, fill, spec_of, weights_of, whole_file, write

_FORMAT = 3
_CLOSE = 1e-3  # of the largest logit: layouts in memory differ, and with them the order of sums

_Path = str | PathLike[str]


def save_converted(path: _Path, network: nn.Module, card: ConvertedCard) -> None:
    """Write a converted network and its card; the file appears whole or not at all.

    What is saved can be loaded: the network that `card.conversion` builds by name is held
    against this one, by its tensors and by its answer to one drawn input. Of a source that is
    code of the user's own, which is not built here, only the replacements are looked at. An
    empty `card.lithe` is filled in.

    Raises:
        LitheError: the card is at odds with itself or with the network, the network has been
            changed besides, weights are not fp32 or not finite, or the file cannot be written;
            what was at `path` stays.
    """
    conversion = card.conversion
    try:
        text = encode_converted(msgspec.structs.replace(card, lithe=card.lithe or __version__))
        _check_names(network)
        for row in conversion.replacements:
            _check_row(network, row)
        weights = weights_of(network)
        x = _drawn_input(conversion)
        answer = _answer(network, x)
        if tuple(answer.shape) != (1, len(card.classes)):
            raise LitheError(
                f"its answer to one image has the shape {tuple(answer.shape)}, which is not one "
                f"figure for each of {len(card.classes)} classes"
            )
        if not runs_code(conversion.source):
            of, remedy = f"{conversion.source} converted", "save the network as it was converted"
            compare(spec_of(structure(conversion)), spec_of(network), of=of, remedy=remedy)
            again = drawn(conversion)
            again.load_state_dict(weights)
            _check_same(answer, _answer(again, x), conversion)
    except LitheError as error:
        raise LitheError(f"cannot save {path}: {error}") from None
    write(path, weights, _FORMAT, text, len(card.classes))


def load_converted(path: _Path, network: nn.Module | None = None) -> nn.Module:
    """The converted network of a file, in eval mode on the CPU, with `card` and `conversion` set.

    What was converted is built by its name: a network of timm or torchvision, or a table.
    Nothing in the file is run, and no code because a file names it: where the original is
    built by code of your own, give it as `network`, which is copied; its weights do not
    matter. No memory is taken for weights before names and shapes are found to be right.

    Raises:
        LitheError: as for `lithe.nets.model_file.load`, a source that is code of the user's
            own without `network`, or a `network` that is not the one that was converted.
    """
    with whole_file(path, CONVERTED_FORMATS) as whole:
        card = decode_converted(whole.card)
        conversion = card.conversion
        source = one_line(conversion.source)
        if network is None and runs_code(conversion.source):
            raise LitheError(
                f"its network is built by {source}, and lithe runs no code because a file names "
                f"it; name it yourself: --network {source}, or in Python "
                f"lithe.load(path, network={source.replace(':', '.')}())"
            )
        of, remedy = f"{source} converted", "another version of it may have written the file"
        if network is not None:
            of = f"the given {type(network).__name__} converted"
            remedy = f"give the network that was converted, {source}"
        compare(spec_of(structure(conversion, network)), whole.spec, of=of, remedy=remedy)
        made = drawn(conversion, network)
        _check_names(made)
        fill(made, whole)
    vars(made).update(card=card, conversion=conversion)
    return made.eval()


def _check_names(network: nn.Module) -> None:
    """Refuse a network whose own parts are called like what is set on a loaded one."""
    parts = network._modules.keys() | network._parameters.keys() | network._buffers.keys()
    for name in ("card", "conversion"):
        if name in parts:
            raise LitheError(f"it has a part called {name}, lithe's name for something else")


def _check_row(network: nn.Module, row: Replacement) -> None:
    try:
        module = network.get_submodule(row.layer)
    except AttributeError:
        raise LitheError(f"{type(network).__name__} has no layer {row.layer!r}") from None
    match module:
        case SeparableConv():
            found = ("separable", module.depthwise.out_channels // module.depthwise.in_channels)
        case InvertedResidualConv():
            found = ("inverted-residual", module.expand.out_channels // module.expand.in_channels)
        case LowRankConv():
            found = ("low-rank", module.filters.out_channels)
        case LowRankLinear():
            found = ("low-rank", module.filters.out_features)
        case _:
            found = (type(module).__name__, row.size)
    if found != (row.kind, row.size):
        raise LitheError(
            f"{row.layer} is {found[0]} of size {found[1]}, and the conversion says "
            f"{row.kind} of size {row.size}"
        )


def _drawn_input(conversion: Conversion) -> Tensor:
    return torch.randn(conversion.input_shape, generator=torch.Generator().manual_seed(0))


def _answer(network: nn.Module, x: Tensor) -> Tensor:
    """What a network says of an input, in eval mode; it is left as it was."""
    training = {module: module.training for module in network.modules()}
    device = next((weight.device for weight in network.parameters()), x.device)
    try:
        with torch.inference_mode():
            answer = network.eval()(x.to(device))
    except Exception as error:  # what a network's own code raises is up to it
        raise LitheError(
            f"it does not run on an input of {tuple(x.shape)}: {one_line(error)}"
        ) from error
    finally:
        for module, mode in training.items():
            module.training = mode
    if not isinstance(answer, Tensor):
        raise LitheError(f"its answer is a {type(answer).__name__} and not a tensor")
    return answer.float().cpu()


def _check_same(answer: Tensor, again: Tensor, conversion: Conversion) -> None:
    bound = _CLOSE * float(answer.abs().max())
    if not torch.allclose(answer, again, rtol=0, atol=bound, equal_nan=True):
        raise LitheError(
            f"{conversion.source}, built anew and with its weights, answers otherwise: "
            f"by up to {float((answer - again).abs().max()):.3g}; more than its layers was "
            "changed, or it was built with other options"
        )
