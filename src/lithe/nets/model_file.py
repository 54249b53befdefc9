"""A network of a table in one safe file, and back: weights, table, classes, preprocessing, figures.

`lithe.nets.tensor_file` writes and reads, `lithe.nets.load` takes files of every kind.
"""

from os import PathLike

import msgspec
import torch

from lithe import __version__
from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.nets.build import Network
from lithe.nets.card import ModelCard
from lithe.nets.card_json import decode_card, encode_card
from lithe.nets.model_data import TABLE_FORMATS, format_of
from lithe.nets.tensor_file import compare, fill, spec_of, weights_of, whole_file, write

_Path = str | PathLike[str]


def save(path: _Path, network: Network, card: ModelCard) -> None:
    """Write a network and its card; the file appears whole or not at all.

    What is saved can be loaded: it passes the checks of `load` first. Weights that are not
    finite are refused, because such a network has no answer to any image. An empty
    `card.lithe` is filled in.

    Raises:
        LitheError: the card is at odds with itself or with the network, the weights are not
            those that the table builds, not fp32 or not finite, or the file cannot be
            written; what was at `path` stays.
    """
    try:
        if card.arch != network.arch:
            raise LitheError(
                f"the card's table {card.arch.label} is not the network's {network.arch.label}; "
                "make the card from network.arch"
            )
        text = encode_card(msgspec.structs.replace(card, lithe=card.lithe or __version__))
        compare(
            spec_of(_without_storage(card.arch)),
            spec_of(network),
            of="the table",
            remedy="save the network as lithe built it, in fp32",
        )
        weights = weights_of(network)
    except LitheError as error:
        raise LitheError(f"cannot save {path}: {error}") from None
    write(path, weights, format_of(card), text, len(card.classes))


def load(path: _Path) -> Network:
    """The network of a table's model file, in eval mode on the CPU, with `card` set.

    Nothing in the file is run. Its digest tells that it was changed since it was written;
    it is no signature: whoever changes a file on purpose can write a new digest, so trust a
    file no further than the place that it is from. No memory is taken for the network
    before the tensors' names and shapes are found to be those of the table.

    Raises:
        LitheError: not a safetensors file, not one of lithe's, of another format, cut off,
            changed, a card or table at odds with itself or with the tensors, or weights
            that are not finite; the message says which.
    """
    with whole_file(path, TABLE_FORMATS) as whole:
        card = decode_card(whole.card)
        network = _without_storage(card.arch)
        compare(
            spec_of(network), whole.spec, of="the table", remedy="write the file with lithe.save"
        )
        network.to_empty(device="cpu")
        fill(network, whole)
    network.card = card
    return network.eval()


def _without_storage(arch: Architecture) -> Network:
    """The network on the meta device: names, types and shapes, and no memory for weights."""
    with torch.device("meta"):
        return Network(arch)
