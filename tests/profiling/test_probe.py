"""Measuring this machine, and keeping what was measured."""

import contextlib
import os
import threading
from pathlib import Path

import msgspec
import pytest

from lithe.device import LEVELS, Device, bandwidth_of, peak_of
from lithe.device.file import default_path, load_device, save_device
from lithe.engine.multiply_adds import rows_here
from lithe.engine.runtime import pinned, usable_processors
from lithe.profiling import probe
from lithe.profiling.probe import Reading, keep_device, measure_device, this_device


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return measure_device(rounds=2)


def test_everything_is_measured_for_one_thread_and_all(device: Device) -> None:
    cores = usable_processors()
    counts = sorted({1, cores})
    assert (device.kind, device.cores) == ("measured", cores)
    types = {row.dtype for row in rows_here()}
    assert {(peak.dtype, peak.threads) for peak in device.peaks} == {
        (dtype, n) for dtype in types for n in counts
    }
    assert {(row.level, row.threads) for row in device.bandwidths} >= {
        (level, n) for level in ("L1", "L2") for n in counts
    }
    assert all(row.copy_bytes_per_s and row.buffer_bytes for row in device.bandwidths)
    launched = {(launch.runtime, launch.threads) for launch in device.launches}
    assert launched == {*(("lithe", n) for n in counts), ("eager", 1)}
    assert {peak.source for peak in device.peaks} == {"measured"}
    assert {row.source for row in device.bandwidths} == {"measured"}


def test_it_is_no_other_machine_afterwards(device: Device) -> None:
    assert device.cores == usable_processors()  # threads are no longer pinned


def test_the_figures_are_of_a_machine(device: Device) -> None:
    """No speed is tested, but that no unit is wrong by a thousand."""
    peak, first = peak_of(device), bandwidth_of(device, "L1")
    assert peak is not None
    assert first is not None
    assert 1e8 < peak < 1e13
    assert 1e8 < first < 1e14
    assert [row.level for row in device.bandwidths] == sorted(
        (row.level for row in device.bandwidths), key=LEVELS.index
    )
    assert all(1e-9 < launch.seconds < 1 for launch in device.launches)


def test_the_best_reading_counts() -> None:
    reading = Reading("lithe", 1, lambda: 0.0, rates=[2.0, 3.0, 1.0])
    assert reading.best == 3.0


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: Device) -> list[int]:
    """A cache folder of its own; measuring only counts how often it was asked for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked: list[int] = []

    def measured(_: object) -> Device:
        asked.append(1)
        return device

    monkeypatch.setattr(probe, "measure_device", measured)
    return asked


def test_a_machine_is_measured_once(kept: list[int], device: Device) -> None:
    assert this_device() == this_device() == device
    assert len(kept) == 1


@pytest.mark.parametrize(
    "change",
    [{"name": "another CPU"}, {"cores": 999}, {"version": "0.0.0"}, {"kind": "data sheet"}],
    ids=lambda change: next(iter(change)),
)
def test_what_was_kept_of_another_machine_is_measured_again(
    kept: list[int], device: Device, change: dict[str, object]
) -> None:
    path = default_path()
    assert path is not None
    path.parent.mkdir()
    save_device(msgspec.structs.replace(device, **change), path)
    assert this_device() == device == load_device(path)
    assert len(kept) == 1


def test_a_damaged_file_is_measured_again(kept: list[int], device: Device) -> None:
    keep_device(device)
    path = default_path()
    assert path is not None
    path.write_bytes(path.read_bytes()[:100])
    assert this_device() == device == load_device(path)


def test_a_folder_that_cannot_be_written_breaks_nothing(
    kept: list[int], device: Device, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert keep_device(device) == ""
    assert this_device() == this_device() == device
    assert len(kept) == 2


def test_pinned_threads_are_let_go_also_after_an_error() -> None:
    before = os.sched_getaffinity(0)
    inside = 0
    with contextlib.suppress(KeyboardInterrupt), pinned():
        inside = len(os.sched_getaffinity(threading.get_native_id()))
        raise KeyboardInterrupt
    assert inside == 1
    assert os.sched_getaffinity(0) == before
