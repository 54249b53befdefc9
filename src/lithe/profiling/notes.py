"""What cannot be had here is left out of a profile, and a note says why."""

from collections.abc import Iterator
from contextlib import contextmanager

from lithe.errors import LitheError

_NAMED = 2  # reasons in a note


@contextmanager
def noted(notes: list[str], what: str) -> Iterator[None]:
    """Something that may fail; then `what`, and the first reasons, are added to the notes."""
    try:
        yield
    except LitheError as error:
        reasons = str(error).split("; ")
        more = f" and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED + 1 else ""
        notes.append(f"{what}: {'; '.join(reasons[:_NAMED])}{more}")
