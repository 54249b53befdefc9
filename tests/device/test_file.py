"""Devices in files: what goes in comes out, and nothing else is taken for one."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.device import FORMAT, Bandwidth, Cache, Device, Launch, Peak
from lithe.device.boards import BOARDS
from lithe.device.file import MAX_BYTES, default_path, load_device, save_device, to_json
from lithe.device.find import find_device
from lithe.errors import LitheError

HERE = Device(
    "Some CPU",
    "measured",
    2,
    "avx512",
    (Cache("L1", 49_152, 1, "listed"),),
    (Peak("fp32", 1, 1.3e11, "vfmadd231ps", "measured"),),
    (Bandwidth("L1", 1, 5e11, 5.1e11, 24_576, "measured"),),
    (Launch("eager", 1, 8.3e-7, "measured"),),
    ("a note",),
    "2026-01-02",
    "0.1.0",
)


@pytest.mark.parametrize("device", [HERE, *BOARDS.values()], ids=lambda device: device.name)
def test_a_device_comes_back_as_it_was(tmp_path: Path, device: Device) -> None:
    path = tmp_path / "device.json"
    save_device(device, path)
    assert load_device(path) == device
    assert [each.name for each in tmp_path.iterdir()] == ["device.json"]


def broken(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "broken.json"
    path.write_bytes(data)
    with pytest.raises(LitheError) as error:
        load_device(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b'"cores": 2', b'"cores": 0', "cores"),
        (b'"cores": 2', b'"cores": "two"', "cores"),
        (b'"avx512"', b'"avx512", "colour": 1', "colour"),
        (b'"kind": "measured"', b'"kind": "guessed"', "guessed"),
        (b'"macs_per_s": 130000000000.0', b'"macs_per_s": -1', "macs_per_s"),
        (b'"macs_per_s": 130000000000.0', b'"macs_per_s": 1e999', ""),
        (b'"macs_per_s": 130000000000.0', b'"macs_per_s": NaN', ""),
        (b'"level": "L1"', b'"level": "L9"', "L9"),
    ],
)
def test_a_changed_file_is_refused(tmp_path: Path, before: bytes, after: bytes, said: str) -> None:
    data = to_json(HERE)
    assert before in data
    message = broken(tmp_path, data.replace(before, after, 1))
    assert said in message
    assert "is damaged" in message


def test_a_newer_format_is_said_to_be_newer(tmp_path: Path) -> None:
    data = to_json(HERE).replace(b'"format": 2', b'"format": 3, "colours": []')
    message = broken(tmp_path, data)
    assert f"format 3 of a newer lithe; this one reads up to {FORMAT}" in message


@given(cut=st.integers(0, len(to_json(HERE)) - 3))
def test_a_file_that_was_cut_short_is_refused(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    broken(tmp_path_factory.mktemp("cut"), to_json(HERE)[:cut])


@given(data=st.binary(max_size=200))
def test_foreign_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    broken(tmp_path_factory.mktemp("foreign"), data)


def test_deep_nesting_and_great_length_are_refused(tmp_path: Path) -> None:
    broken(tmp_path, b"[" * 100_000)
    assert "more than" in broken(tmp_path, b" " * (MAX_BYTES + 1))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in (
        (tmp_path, "Is a directory"),
        (tmp_path / "none.json", "No such file"),
        (tmp_path / "pipe", "not a regular file"),
        (Path("a\0b"), "cannot read"),
    ):
        with pytest.raises(LitheError, match=said):
            load_device(path)


def test_it_is_kept_in_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "lithe" / "device.json"


def test_a_device_is_found_by_board_or_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_device("pixel-1") is BOARDS["pixel-1"]
    save_device(HERE, tmp_path / "phone")  # no suffix
    save_device(HERE, tmp_path / "phone.json")
    for text in ("phone", "phone.json", str(tmp_path / "phone")):
        assert find_device(text) == HERE
    with pytest.raises(LitheError, match="did you mean raspberry-pi-5"):
        find_device("rasberry-pi-5")
    with pytest.raises(LitheError, match="no file and no board 'abacus'; there are jetson-nano"):
        find_device("abacus")
    with pytest.raises(LitheError, match="No such file"):
        find_device("abacus.json")
