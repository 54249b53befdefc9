"""A network in one safe file, and back: weights, table, classes, preprocessing, figures.

The format is described in `lithe.nets.model_data`, which reads it without torch.
"""

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import msgspec
import safetensors.torch
import torch
from msgspec import Raw
from torch import Tensor

from lithe import __version__
from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.nets.build import Network
from lithe.nets.card import ModelCard
from lithe.nets.card_json import decode_card, encode_card
from lithe.nets.model_data import (
    Metadata,
    Spec,
    check_size,
    chunks,
    digest,
    format_of,
    metadata_of,
)
from lithe.nets.safetensors_header import (
    MAX_HEADER_BYTES,
    check_layout,
    opened,
    read_header,
)
from lithe.nets.strict_json import one_line

_DTYPES = {torch.float32: "F32", torch.int64: "I64"}

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
    weights = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }
    try:
        if card.arch != network.arch:
            raise LitheError(
                f"the card's table {card.arch.label} is not the network's {network.arch.label}; "
                "make the card from network.arch"
            )
        text = encode_card(msgspec.structs.replace(card, lithe=card.lithe or __version__))
        needed = _spec(_without_storage(card.arch))
        _compare(needed, _spec(network), "save the network as lithe built it, in fp32")
        check_size(sum(tensor.nbytes for tensor in weights.values()))
        _check_finite(weights)
    except LitheError as error:
        raise LitheError(f"cannot save {path}: {error}") from None
    sha256 = digest(text, _spec(network), {name: (_bytes(t),) for name, t in weights.items()})
    metadata = msgspec.json.encode(Metadata(format_of(card), sha256, Raw(text))).decode()
    data = safetensors.torch.save(weights, {"lithe": metadata})
    if int.from_bytes(data[:8], "little") > MAX_HEADER_BYTES:
        raise LitheError(
            f"cannot save {path}: the names of {len(card.classes):,} classes need a header of "
            f"more than {MAX_HEADER_BYTES:,} bytes; shorten them"
        )
    write_atomically(Path(path), data)


def load(path: _Path) -> Network:
    """The network of a model file, in eval mode on the CPU, with `card` set.

    Nothing in the file is run. Its digest tells that it was changed since it was written;
    it is no signature: whoever changes a file on purpose can write a new digest, so trust a
    file no further than the place that it is from. No memory is taken for the network
    before the tensors' names and shapes are found to be those of its table.

    Raises:
        LitheError: not a safetensors file, not one of lithe's, of another format, cut off,
            changed, a card or table at odds with itself or with the tensors, or weights
            that are not finite; the message says which.
    """
    with opened(path) as (file, size):
        header = read_header(file, size, path)
        metadata = metadata_of(header, path)
        check_layout(header, path)
        try:
            check_size(header.data_bytes)
            spec = {name: (entry.dtype, entry.shape) for name, entry in header.tensors.items()}
            data = {name: chunks(file, header, entry) for name, entry in header.tensors.items()}
            if digest(bytes(metadata.card), spec, data) != metadata.sha256:
                raise LitheError("it was changed or damaged since it was written; copy it again")
            card = decode_card(bytes(metadata.card))
            network = _without_storage(card.arch)
            _compare(_spec(network), spec, "write the file with lithe.save")
            network.to_empty(device="cpu")
            weights = network.state_dict()
            for name, tensor in weights.items():
                _fill(tensor, file, header.data_start + header.tensors[name].data_offsets[0])
            _check_finite(weights)
        except LitheError as error:
            raise LitheError(f"{path} cannot be loaded: {error}") from None
    network.card = card
    return network.eval()


def _without_storage(arch: Architecture) -> Network:
    """The network on the meta device: names, types and shapes, and no memory for weights."""
    with torch.device("meta"):
        return Network(arch)


def _spec(network: Network) -> Spec:
    return {
        name: (_DTYPES.get(tensor.dtype, str(tensor.dtype)), tuple(tensor.shape))
        for name, tensor in network.state_dict().items()
    }


def _compare(needed: Spec, given: Spec, remedy: str) -> None:
    lacking, besides = needed.keys() - given.keys(), given.keys() - needed.keys()
    if lacking or besides:
        raise LitheError(
            "its tensors are not those of its table: "
            f"{len(lacking)} are missing{_first(lacking)}, {len(besides)} too "
            f"many{_first(besides)}; {remedy}"
        )
    for name, expected in needed.items():
        if given[name] != expected:
            raise LitheError(
                f"its tensors are not those of its table: {name} is {_shown(given[name])}, "
                f"the table needs {_shown(expected)}; {remedy}"
            )


def _first(names: Iterable[str]) -> str:
    return f" (such as {one_line(name)})" if (name := min(names, default="")) else ""


def _shown(spec: tuple[str, tuple[int, ...]]) -> str:
    return f"{spec[0]} {list(spec[1])}"


def _check_finite(weights: Mapping[str, Tensor]) -> None:
    for name, tensor in weights.items():
        finite = int(torch.isfinite(tensor).sum())
        if finite < tensor.numel():
            raise LitheError(
                f"{tensor.numel() - finite} of {tensor.numel()} values of {name} are not finite; "
                "train it again with a lower learning rate"
            )


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).numpy().data.cast("B")


def _fill(tensor: Tensor, file: BinaryIO, position: int) -> None:
    target = _bytes(tensor)
    file.seek(position)
    if file.readinto(target) != len(target):  # type: ignore[attr-defined]
        raise LitheError("it became shorter while it was read; copy it again")
