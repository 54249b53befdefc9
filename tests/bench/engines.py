"""Engines that go wrong in the ways in which real ones do; a worker loads them by name."""

import os
from pathlib import Path

import numpy as np

from lithe.bench.engines import Case, Loaded


def right(case: Case) -> Loaded:
    """The expected logits, and chatter on stdout, where a worker's answers must not be lost."""
    logits = np.load(Path(case.folder) / "expected.npy")
    os.write(1, b"a library says hello\n")
    return Loaded(lambda: print("and again"), lambda: logits, {"precision": "f32"})


def wrong(case: Case) -> Loaded:
    """Logits of the right shape in the wrong order."""
    logits = np.load(Path(case.folder) / "expected.npy")
    return Loaded(lambda: None, lambda: logits[:, ::-1].copy(), {})


def refuses(case: Case) -> Loaded:
    raise ValueError("operator Foo is not known\nand much more")


def dies(case: Case) -> Loaded:
    os.write(2, b"segmentation fault, say\n")
    os._exit(139)


def dies_later(case: Case) -> Loaded:
    logits = np.load(Path(case.folder) / "expected.npy")
    return Loaded(lambda: os._exit(3), lambda: logits, {})
