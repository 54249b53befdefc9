"""The folder of a conversion, and how far it is."""

from pathlib import Path

import msgspec

from lithe.run.conversion.state import ConversionState, write_state


class Work:
    """A conversion's folder and its state, which is on disk as soon as it changes."""

    def __init__(self, path: Path, state: ConversionState) -> None:
        self.path = path
        self.state = state

    def update(self, **changes: object) -> None:
        """Change fields of the state."""
        self.state = msgspec.structs.replace(self.state, **changes)
        write_state(self.path, self.state)
