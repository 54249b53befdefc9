"""A device as a small JSON file, so that a machine is measured once and can be taken along."""

import os
import stat
from pathlib import Path

import msgspec

from lithe.device.rows import FORMAT, Device
from lithe.errors import LitheError
from lithe.files import cache_folder, write_atomically

# Of a file that is read. A device takes some thousand, a network in its latency table too.
MAX_BYTES = 16 << 20
_NO_TABLES = b'"latency": []\n}'


class _Header(msgspec.Struct):
    """What every format says of itself."""

    format: int


def default_path() -> Path | None:
    """Where this machine is kept: `device.json` in the user's cache folder; None: no home."""
    folder = cache_folder()
    return folder and folder / "device.json"


def to_json(device: Device) -> bytes:
    """A device as JSON, indented but for its latency tables, with a newline at its end."""
    tables = msgspec.json.encode(device.latency)
    head = msgspec.json.encode(msgspec.structs.replace(device, latency=()))
    text = msgspec.json.format(head, indent=2)
    # One number a line would make ten megabytes of one.
    assert text.endswith(_NO_TABLES)
    return text.removesuffix(_NO_TABLES) + b'"latency": ' + tables + b"\n}\n"


def save_device(device: Device, path: Path) -> None:
    """Write a device to a file, which is there whole or not at all.

    Raises:
        LitheError: the folder does not exist or cannot be written, or there is no space.
    """
    write_atomically(path, to_json(device))


def load_device(path: Path) -> Device:
    """A device from a file that `save_device` wrote, perhaps on another machine.

    Raises:
        LitheError: no such file, not a device, damaged, or written by a newer lithe.
    """
    data = _content(path)
    try:
        header = msgspec.json.decode(data, type=_Header)
        if header.format > FORMAT:
            raise LitheError(
                f"{path} has format {header.format} of a newer lithe; this one reads up to {FORMAT}"
            )
        return msgspec.json.decode(data, type=Device)
    except (msgspec.DecodeError, RecursionError) as error:
        raise LitheError(
            f"{path} is not a device written by `lithe device --out`, or is damaged: {error}"
        ) from None


def _content(path: Path) -> bytes:
    """A regular file of a sensible size: a pipe would block, a disk image would fill memory."""
    try:
        with open(path, "rb", opener=_without_blocking) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise LitheError(f"{path} is not a regular file")
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise LitheError(f"cannot read {path}: {reason}") from None
    if len(data) > MAX_BYTES:
        raise LitheError(f"{path} has more than {MAX_BYTES:,} bytes, so it is not a device")
    return data


def _without_blocking(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)
