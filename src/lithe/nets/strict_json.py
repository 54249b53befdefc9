"""JSON from a file that may be damaged or hostile."""

import json
from typing import TypeVar

import msgspec

_T = TypeVar("_T")


def decode(text: bytes, kind: type[_T]) -> _T:
    """A value of that type; no NaN, no lone surrogates, no name twice in one object.

    Raises:
        ValueError: not such JSON (msgspec's errors are of this class), or nested too deep.
    """
    try:
        value = msgspec.json.decode(text, type=kind)
        # msgspec keeps the last of two fields of one name; another reader may keep the first.
        json.loads(text, object_pairs_hook=_refuse_duplicates)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return value


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a name is there twice")


def one_line(text: object) -> str:
    """What a file says, fit for a message: one line, no control characters, not long.

    >>> one_line("a" + chr(10) + "b")
    'a?b'
    """
    shown = "".join(c if c.isprintable() else "?" for c in str(text)[:201])
    return shown if len(shown) <= 200 else f"{shown[:200]}..."
