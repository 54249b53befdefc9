"""What every test of the torch.compile backend starts from."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import lithe.engine.dynamo


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of another test's graphs, and every warning anew."""
    monkeypatch.setattr(lithe.engine.dynamo, "_said", set())
    torch._dynamo.reset()
    torch.manual_seed(0)
    yield
    torch._dynamo.reset()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    caplog.set_level(logging.INFO, logger="lithe.engine.dynamo")
    return lambda: "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("lithe"))
