"""A device on a terminal."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from lithe.device import Bandwidth, Cache, Device, LatencyTable, Launch, Peak
from lithe.device.boards import BOARDS
from lithe.device.latency_rows import Kernel, TimedNetwork
from lithe.report.device_text import boards_text, device_text
from lithe.report.terminal import render

MEASURED = Device(
    name="[bold]Some CPU",
    kind="measured",
    cores=2,
    isa="avx512",
    caches=(Cache("L1", 48 * 2**10, 1), Cache("L2", 2**20, 1), Cache("L3", 32 * 2**20, 2)),
    peaks=tuple(
        Peak(dtype, n, n * rate * 0.99 ** (n - 1), name, "measured")  # type: ignore[arg-type]
        for dtype, rate, name in (
            ("fp64", 64.5e9, "vfmadd231pd"),
            ("fp32", 129e9, "vfmadd231ps"),
            ("int8", 516e9, "vpdpbusd"),
        )
        for n in (1, 2)
    ),
    bandwidths=(
        Bandwidth("L1", 1, 515e9, 512e9, 24576),
        Bandwidth("L1", 2, 1020e9, 1010e9, 49152),
        Bandwidth("L3", 1, 107e9, 117e9, 2**24),
        Bandwidth("memory", 1, 39.6e9, 38.9e9, 2**28),
        Bandwidth("memory", 2, 48.5e9, 43.2e9, 2**28),
    ),
    launches=(
        Launch("lithe", 1, 3.2e-8), Launch("lithe", 2, 1.6e-6), Launch("eager", 1, 8.3e-7),
    ),
    notes=("no instruction for fp16, bf16 on this processor",),
    date="2026-01-02",
)  # fmt: skip


def text_of(device: Device, where: str = "") -> str:
    text = render(device_text(device, where), width=80, plain=True)
    assert max(map(len, text.splitlines())) <= 80
    return text


def test_golden_measured(golden: Callable[[str, str], None]) -> None:
    golden("device_measured", text_of(MEASURED, "/home/someone/.cache/lithe/device.json"))


@pytest.mark.parametrize("name", ["raspberry-pi-4", "raspberry-pi-5"])
def test_golden_board(name: str, golden: Callable[[str, str], None]) -> None:
    text = text_of(BOARDS[name])
    assert "from data sheet" in text
    golden(f"device_{name}", text)


def test_latency_tables_are_told_with_their_error(golden: Callable[[str, str], None]) -> None:
    networks = tuple(
        TimedNetwork("{}", (0, 1), (1e-5, 2e-5), 3.1e-5, disturbed=i == 0) for i in range(1200)
    )
    kernels = (Kernel("f32_pw_1", 4, (1.0,)), Kernel("f32_pw_2", 4, (2.0,)))
    one = LatencyTable("Some CPU", "avx512", 1, "0123", 1.02e-4, kernels, networks)
    two = replace(one, threads=2, reference_s=6.1e-5, networks=networks[1:3])
    device = replace(MEASURED, peaks=(), bandwidths=(), launches=(), latency=(one, two))
    text = render(device_text(device, errors={1: 0.0312}), width=80, plain=True)
    golden("device_latency", text)
    assert "error:" not in text_of(device)


def test_golden_boards(golden: Callable[[str, str], None]) -> None:
    text = render(boards_text(BOARDS), width=80, plain=True)
    assert max(map(len, text.splitlines())) <= 80
    golden("device_boards", text)


def test_every_board_shows_every_source() -> None:
    for device in BOARDS.values():
        text = text_of(device)
        assert all(cache.source in text for cache in device.caches)
        assert all(peak.source in text for peak in device.peaks)
        assert all(row.source in text for row in device.bandwidths)


def test_a_device_of_which_little_is_known() -> None:
    bare = Device("Thing", "data sheet", 1, "", (), (), ())
    assert text_of(bare).startswith("Thing, from data sheet\nCores  1 core\n")
