"""The head of a safetensors file, read without trusting it.

Such a file is the length of the header (8 bytes, little endian), the header (JSON: per
tensor its type, shape and place, and a table of texts), then the tensors' bytes. What is
read here is bounded before it is read, and places are checked before they are used, so
whatever a file promises, believing it costs no more than 16 MiB of header.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from os import PathLike
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta, Raw, Struct

from lithe.errors import LitheError
from lithe.nets import strict_json
from lithe.nets.strict_json import one_line

MAX_HEADER_BYTES = 16 * 2**20  # room for a million classes of a dozen letters
MAX_TENSORS = 10_000  # 512 blocks of three convolutions have 9216
ELEMENT_BYTES = {"F32": 4, "I64": 8}  # the types that a network's weights have
REMEDY = "give the model.safetensors that lithe wrote"

_Size = Annotated[int, Meta(ge=0, le=2**50)]


class TensorEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One tensor: its type as safetensors spells it, and its place behind the header in bytes."""

    dtype: Annotated[str, Meta(max_length=16)]
    shape: Annotated[tuple[_Size, ...], Meta(max_length=8)]
    data_offsets: tuple[_Size, _Size]


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself; `data_start` and `data_bytes` are where the tensors lie."""

    metadata: dict[str, str]
    tensors: dict[str, TensorEntry]
    data_start: int
    data_bytes: int


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file and its size in bytes; nothing that could block or never end.

    Raises:
        LitheError: no such file, a folder, a device, or a file that cannot be read.
    """
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        raise LitheError(f"there is no file {path}; {REMEDY}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise LitheError(f"{one_line(path)} cannot be read: {_reason(error)}") from None
    if stat.S_ISDIR(status.st_mode):
        raise LitheError(f"{path} is a folder; {REMEDY}")
    if not stat.S_ISREG(status.st_mode):
        raise LitheError(f"{path} is not a regular file; {REMEDY}")
    try:
        with Path(path).open("rb") as file:
            yield file, status.st_size
    except OSError as error:
        raise LitheError(f"{path} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def read_header(file: BinaryIO, size: int, path: str | PathLike[str]) -> Header:
    """Read the header and nothing behind it; `size` is that of the file in bytes.

    Raises:
        LitheError: not a safetensors file, a header of more than 16 MiB or 10,000 tensors, or
            one that is cut off.
    """
    start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    if start[8:] != b"{":
        raise LitheError(f"{path} is not a safetensors file; {REMEDY}")
    if length > MAX_HEADER_BYTES:
        raise LitheError(
            f"{path} has a header of {length:,} bytes, more than the {MAX_HEADER_BYTES:,} that "
            f"a model file of lithe may have; {REMEDY}"
        )
    if size < 8 + length:
        raise LitheError(_cut_off(path, size, 8 + length))
    file.seek(8)
    try:
        entries = strict_json.decode(file.read(length), dict[str, Raw])
        table = bytes(entries.pop("__metadata__", b"{}"))
        metadata = strict_json.decode(table, dict[str, str])
        if len(entries) > MAX_TENSORS:
            raise ValueError(f"{len(entries):,} tensors, and at most {MAX_TENSORS:,} are read here")
        tensors = {name: _TENSOR.decode(entry) for name, entry in entries.items()}
    except ValueError as error:
        raise LitheError(
            f"the header of {path} does not read ({one_line(error)}); {REMEDY}"
        ) from None
    return Header(metadata, tensors, 8 + length, size - 8 - length)


_TENSOR = msgspec.json.Decoder(TensorEntry)


def check_layout(header: Header, path: str | PathLike[str]) -> None:
    """Hold the tensors' places against their shapes and against the size of the file.

    Raises:
        LitheError: the file is shorter or longer than its header says, or tensors overlap,
            leave gaps, or have a type that no network here has.
    """
    end = 0
    for name, entry in sorted(header.tensors.items(), key=lambda item: item[1].data_offsets):
        if entry.dtype not in ELEMENT_BYTES:
            raise LitheError(
                f"{path} has a tensor {one_line(name)} of type {one_line(entry.dtype)}, not one "
                f"of {', '.join(ELEMENT_BYTES)}; {REMEDY}"
            )
        begin, end = end, end + prod(entry.shape) * ELEMENT_BYTES[entry.dtype]
        if entry.data_offsets != (begin, end):
            raise LitheError(
                f"{path} is damaged: tensor {one_line(name)} should lie at bytes {begin} to "
                f"{end}, its header says {list(entry.data_offsets)}; copy it again"
            )
    if header.data_bytes < end:
        size = header.data_start + header.data_bytes
        raise LitheError(_cut_off(path, size, header.data_start + end))
    if header.data_bytes > end:
        raise LitheError(
            f"{path} has {header.data_bytes - end:,} bytes more than its header says; copy it again"
        )


def _cut_off(path: str | PathLike[str], size: int, expected: int) -> str:
    return f"{path} is cut off: {size:,} bytes of {expected:,} are there; copy it again"
