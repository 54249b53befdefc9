"""JSON files of a folder that say which format they are of."""

from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from lithe.errors import LitheError
from lithe.files import write_atomically

S = TypeVar("S", bound=Struct)


def write_state_file(file: Path, state: Struct) -> None:
    """Put a state on disk, whole or not at all."""
    text = msgspec.json.format(msgspec.json.encode(state), indent=2)
    write_atomically(file, text + b"\n")


def read_state_file(file: Path, of: type[S], formats: tuple[int, ...], what: str) -> S:
    """The state in a file whose field `format` is one of those that can be read.

    Raises:
        LitheError: no file there (the message begins with `no {what} in` its folder), or one
            that this version cannot read.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise LitheError(f"no {what} in {file.parent}: {file.name}: {error.strerror}") from None
    try:
        version = msgspec.json.decode(raw).get("format")
        if version not in formats:
            known = ", ".join(map(str, formats))
            raise LitheError(f"{file} is of format {version}; this version reads {known}")
        return msgspec.json.decode(raw, type=of)
    except (msgspec.MsgspecError, AttributeError) as error:
        raise LitheError(f"{file} cannot be read: {error}") from None
