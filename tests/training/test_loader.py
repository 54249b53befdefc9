"""Batches: the same for any number of workers, for any process and after a resume."""

import gc
import re
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.data_sets import make_folder

from lithe.errors import LitheError
from lithe.training.image_set import ArrayImages, FileImages
from lithe.training.images import open_data
from lithe.training.loader import EpochSampler, loader, worker_count
from lithe.training.transforms import preprocessing

PREP = preprocessing(8, 1)


def numbered(count: int) -> ArrayImages:
    """Image i is all grey level i, and its label is i."""
    pixels = np.arange(count, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    return ArrayImages("image", pixels, tuple(range(count)))


def epoch(batches: Any, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    batches.sampler.set_epoch(number)
    found = list(batches)
    return torch.cat([x for x, _ in found]), torch.cat([labels for _, labels in found])


@pytest.mark.smoke
def test_measuring_shows_every_image_once_and_in_order() -> None:
    batches = loader(numbered(10), PREP, batch_size=4)
    x, labels = epoch(batches, 3)
    assert labels.tolist() == list(range(10))
    assert labels.dtype == torch.int64
    grey = (x[:, 0, 0, 0] * PREP.std[0] + PREP.mean[0]) * 255
    assert torch.allclose(grey, torch.arange(10.0), atol=1e-4)
    assert len(batches) == 3


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"), [(10, 4, [4, 4]), (8, 4, [4, 4]), (3, 4, [3]), (4, 4, [4])]
)
def test_a_short_batch_is_dropped_unless_it_is_the_only_one(
    count: int, batch_size: int, sizes: list[int]
) -> None:
    batches = loader(numbered(count), PREP, batch_size=batch_size, strength=0.5)
    assert [len(x) for x, _ in batches] == sizes
    assert len(batches) == len(sizes)


@pytest.mark.parametrize("channels", [1, 3])
def test_any_number_of_workers_draws_the_same(tmp_path: Path, channels: int) -> None:
    make_folder(tmp_path, classes=3, per_class=8)
    images = open_data(tmp_path).train
    prep = preprocessing(16, channels)
    runs = []
    for workers in (0, 1, 2):
        batches = loader(images, prep, batch_size=5, seed=7, strength=1.0, workers=workers)
        runs.append([epoch(batches, number) for number in (0, 1)])
    for run in runs[1:]:
        for (x, labels), (expected, expected_labels) in zip(run, runs[0], strict=True):
            assert torch.equal(x, expected)
            assert torch.equal(labels, expected_labels)
    assert not torch.equal(runs[0][0][0], runs[0][1][0])


def test_an_epoch_does_not_depend_on_those_before_it() -> None:
    def batches() -> Any:
        return loader(numbered(30), PREP, batch_size=4, seed=1, strength=0.5)

    whole = batches()
    for number in range(3):
        epoch(whole, number)
    went_on, resumed = epoch(whole, 3), epoch(batches(), 3)
    assert torch.equal(went_on[0], resumed[0])
    assert torch.equal(went_on[1], resumed[1])


def test_the_seed_and_the_epoch_change_order_and_distortion() -> None:
    drawn = {}
    for seed in (0, 1):
        batches = loader(numbered(30), PREP, batch_size=30, seed=seed, strength=1.0)
        for number in (0, 1):
            x, labels = epoch(batches, number)
            drawn[seed, number] = (labels.tolist(), x[labels.argsort()])
    keys = list(drawn)
    for a in keys:
        for b in keys[: keys.index(a)]:
            assert drawn[a][0] != drawn[b][0]
            assert not torch.equal(drawn[a][1], drawn[b][1])


@pytest.mark.parametrize("workers", [0, 1])
def test_torchs_own_draws_are_left_alone(workers: int) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    epoch(loader(numbered(9), PREP, batch_size=2, strength=1.0, workers=workers), 0)
    assert torch.equal(torch.rand(3), expected)


@given(count=st.integers(1, 60), world_size=st.integers(1, 8), number=st.integers(0, 5))
def test_processes_share_the_images(count: int, world_size: int, number: int) -> None:
    for shuffled in (False, True):
        seen: list[int] = []
        lengths = set()
        for rank in range(world_size):
            sampler = EpochSampler(count, 3, shuffled, rank, world_size)
            sampler.set_epoch(number)
            part = [draw.image for draw in sampler]
            assert len(part) == len(sampler)
            lengths.add(len(part))
            seen.extend(part)
        times = Counter(seen)
        if not shuffled:
            assert times == dict.fromkeys(range(count), 1)
            assert max(lengths) - min(lengths) <= 1
        elif count >= world_size:
            assert len(lengths) == 1
            assert set(times.values()) == {1}
            assert count - len(seen) < world_size
        else:
            assert lengths == {1}


def test_the_images_left_over_differ_from_epoch_to_epoch() -> None:
    samplers = [EpochSampler(11, 0, True, rank, 4) for rank in range(4)]
    seen: set[int] = set()
    for number in range(20):
        for sampler in samplers:
            sampler.set_epoch(number)
            seen.update(draw.image for draw in sampler)
    assert seen == set(range(11))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("strength", [None, 0.5])
def test_an_image_that_goes_bad_later_is_one_line(
    tmp_path: Path, workers: int, strength: float | None
) -> None:
    make_folder(tmp_path, classes=2, per_class=8, formats=("png",))
    data = open_data(tmp_path)
    batches = loader(data.train, PREP, batch_size=4, strength=strength, workers=workers)
    assert len(list(batches)) == 3
    (tmp_path / data.train.name(5)).write_bytes(b"gone")
    line = f"cannot read the image '{data.train.name(5)}': not an image of a kind that is read here"
    with pytest.raises(LitheError, match=f"^{re.escape(line)}$"):
        list(batches)


def test_an_error_leaves_nothing_to_the_garbage_collector(tmp_path: Path) -> None:
    # Workers whose loader is collected, not released, are waited for in vain for ten seconds.
    make_folder(tmp_path, classes=2, per_class=8, formats=("png",))
    images = open_data(tmp_path, workers=0).train
    batches = loader(images, PREP, batch_size=4, workers=1)
    (tmp_path / images.name(0)).write_bytes(b"gone")
    gc.disable()
    try:
        with pytest.raises(LitheError):
            list(batches)
        alive = weakref.ref(batches)
        del batches
        assert alive() is None
    finally:
        gc.enable()


def test_nothing_to_load_is_an_error() -> None:
    with pytest.raises(LitheError, match="no images"):
        loader(FileImages(Path(), (), ()), PREP, batch_size=2)


def test_workers_are_as_asked_or_as_many_as_merit_it() -> None:
    assert worker_count(3, 1) == 3
    assert worker_count(None, 10) == 0
    assert 1 <= worker_count(None, 100_000) <= 16
    with pytest.raises(LitheError, match="-1 workers"):
        worker_count(-1, 10)
