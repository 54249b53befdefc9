"""A model file to damage."""

from pathlib import Path

import pytest
from tests.nets.model_file.files import TINY, card_of, drawn

from lithe.nets.model_file import save


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save(path, drawn(TINY), card_of(TINY))
    return path
