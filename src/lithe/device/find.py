"""From what a user writes, a board's name or a file, to the device."""

import difflib
from pathlib import Path

from lithe.device.boards import BOARDS
from lithe.device.file import load_device
from lithe.device.rows import Device
from lithe.errors import LitheError


def find_device(text: str) -> Device:
    """The board of that name, or else the device in that file.

    Raises:
        LitheError: neither; or a file that is damaged, foreign or of a newer lithe.
    """
    if text in BOARDS:
        return BOARDS[text]
    path = Path(text)
    if path.exists() or path.suffix or path.name != text:
        return load_device(path)
    close = difflib.get_close_matches(text, BOARDS, n=1, cutoff=0.5)
    hint = f", did you mean {close[0]}?" if close else ";"
    raise LitheError(f"no file and no board {text!r}{hint} there are {', '.join(BOARDS)}")
