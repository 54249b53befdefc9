"""A model file without torch: its card, its arrays, and the digest that holds both together.

The format is safetensors: reading it runs nothing. Its metadata has one entry, `lithe`,
JSON with the version of the format, the model card, and a digest of card and weights.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, BinaryIO

import msgspec
import numpy as np
from msgspec import Raw, Struct

from lithe import __version__
from lithe.errors import LitheError
from lithe.nets import strict_json
from lithe.nets.card import ModelCard
from lithe.nets.card_json import decode_card
from lithe.nets.safetensors_header import (
    REMEDY,
    Header,
    TensorEntry,
    check_layout,
    opened,
    read_header,
)
from lithe.nets.strict_json import one_line

# A change to the fields of the card or of an architecture's rows is a new format: 2 brought
# the rows' `act` and `squeeze`. A card is written in the oldest one that knows its fields.
TABLE_FORMATS = (1, 2)
CONVERTED_FORMATS = (3,)  # the card of `lithe.nets.conversion.card`, which has no table
FORMATS = TABLE_FORMATS + CONVERTED_FORMATS
MAX_WEIGHT_BYTES = 2**30  # what a file can make `load` read and allocate

_CHUNK_BYTES = 2**20
_NUMPY: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8")}

_Path = str | PathLike[str]
Spec = Mapping[str, tuple[str, tuple[int, ...]]]  # a tensor's name -> type, shape


class _Format(Struct, frozen=True):
    format: int


class Metadata(Struct, frozen=True, forbid_unknown_fields=True):
    """What lithe writes into the file beside the tensors; the card as it was written."""

    format: int
    sha256: str
    card: Raw


def read_card(path: _Path) -> ModelCard:
    """The card of a model file; the weights are neither read nor held against the digest.

    Raises:
        LitheError: not a safetensors file, not one of lithe's, of another format, a header
            that is cut off, or a card that does not read or is at odds with itself.
    """
    metadata = read_metadata(path)
    try:
        return decode_card(bytes(metadata.card))
    except LitheError as error:
        raise LitheError(f"{path} cannot be read: {error}") from None


def read_metadata(path: _Path, formats: Collection[int] = TABLE_FORMATS) -> Metadata:
    """What lithe wrote into a file beside the tensors, which are not read.

    Raises:
        LitheError: as for `read_card`, but the card is not decoded.
    """
    with opened(path) as (file, size):
        return metadata_of(read_header(file, size, path), path, formats)


def load_arrays(path: _Path) -> tuple[ModelCard, dict[str, np.ndarray[Any, np.dtype[Any]]]]:
    """Card and arrays of a model file, as `lithe.nets.model_file.load` but without torch.

    What is checked is the file itself: that the arrays are those of the card's table is for
    whoever makes something of the two (`lithe.graph.model.model_of`).

    Raises:
        LitheError: not a safetensors file, not one of lithe's, of another format, cut off,
            changed, a card at odds with itself, or weights that are not finite.
    """
    with opened(path) as (file, size):
        header = read_header(file, size, path)
        metadata = metadata_of(header, path)
        check_layout(header, path)
        try:
            check_size(header.data_bytes)
            # Digest and arrays are of the same bytes in memory, whatever happens to the file.
            data = {
                name: b"".join(chunks(file, header, entry))
                for name, entry in header.tensors.items()
            }
            spec = {name: (entry.dtype, entry.shape) for name, entry in header.tensors.items()}
            found = digest(bytes(metadata.card), spec, {name: (b,) for name, b in data.items()})
            if found != metadata.sha256:
                raise LitheError("it was changed or damaged since it was written; copy it again")
            card = decode_card(bytes(metadata.card))
            arrays = {
                name: np.frombuffer(data[name], _NUMPY[kind]).reshape(shape)
                for name, (kind, shape) in spec.items()
            }
            for name, array in arrays.items():
                if not np.isfinite(array).all():
                    raise LitheError(f"some values of {name} are not finite; train it again")
        except LitheError as error:
            raise LitheError(f"{path} cannot be loaded: {error}") from None
    return card, arrays


def digest(card: bytes, spec: Spec, data: Mapping[str, Iterable[bytes | memoryview]]) -> str:
    """SHA-256, in hex, over the card's JSON and over every tensor in the order of their names.

    Of a tensor its name, type, shape and bytes count, not where in the file it lies.
    """
    state = hashlib.sha256(card)
    for name in sorted(spec):
        state.update(msgspec.json.encode((name, *spec[name])))
        for chunk in data[name]:
            state.update(chunk)
    return state.hexdigest()


def metadata_of(header: Header, path: _Path, formats: Collection[int] = TABLE_FORMATS) -> Metadata:
    """The entry that lithe wrote.

    Raises:
        LitheError: there is none, or one of none of these formats, or it does not read.
    """
    text = header.metadata.get("lithe", "").encode()
    try:
        version = strict_json.decode(text, _Format).format
    except ValueError:
        raise LitheError(
            f"{path} is a safetensors file, but none of lithe's: it names no architecture and no "
            f"classes; {REMEDY}"
        ) from None
    if version not in FORMATS:
        raise LitheError(
            f"{path} is a model file of format {version}, and lithe {__version__} reads formats "
            f"{FORMATS[0]} to {FORMATS[-1]}; use the version of lithe that wrote it"
        )
    if version not in formats:
        holds = "a converted network" if version in CONVERTED_FORMATS else "the network of a table"
        wanted = "that of a table" if version in CONVERTED_FORMATS else "a converted one"
        raise LitheError(f"{path} holds {holds}, and {wanted} is needed here; use lithe.load")
    try:
        return strict_json.decode(text, Metadata)
    except ValueError as error:
        raise LitheError(
            f"{path} is damaged: its metadata does not read ({one_line(error)}); copy it again"
        ) from None


def format_of(card: ModelCard) -> int:
    """The oldest format that knows all fields of a card."""
    arch = card.arch
    own = any(row.act or getattr(row, "squeeze", None) for row in arch.rows)
    return 2 if own or arch.activation not in ("relu", "relu6") else 1


def check_size(size: int) -> None:
    """Refuse more bytes of weights than a model file may have.

    Raises:
        LitheError: there are more.
    """
    if size > MAX_WEIGHT_BYTES:
        raise LitheError(
            f"its weights are {size:,} bytes; a model file takes {MAX_WEIGHT_BYTES:,} at most"
        )


def chunks(file: BinaryIO, header: Header, entry: TensorEntry) -> Iterator[bytes]:
    """The bytes of a tensor, a few at a time.

    Raises:
        LitheError: the file ends before they do.
    """
    position, end = (header.data_start + offset for offset in entry.data_offsets)
    while position < end:
        file.seek(position)
        chunk = file.read(min(_CHUNK_BYTES, end - position))
        if not chunk:
            raise LitheError("it became shorter while it was read; copy it again")
        position += len(chunk)
        yield chunk
