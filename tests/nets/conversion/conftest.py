"""A file that holds a converted network."""

from pathlib import Path

import pytest
from tests.nets.conversion.files import own_card, own_network

from lithe.nets.conversion.file import save_converted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_converted(path, own_network(), own_card())
    return path
