"""Boards: every number has a source that is named, and the arithmetic in it holds."""

import re

import pytest

from lithe.device import Device, peak_of
from lithe.device.boards import BOARDS, SOURCES


def sources(device: Device) -> list[str]:
    """Of every number of a device."""
    rows = [cache.source for cache in device.caches]
    rows += [peak.source for peak in device.peaks]
    return rows + [row.source for row in device.bandwidths]


EVERY = pytest.mark.parametrize("device", BOARDS.values(), ids=BOARDS)


@EVERY
def test_every_number_names_a_source(device: Device) -> None:
    assert device.kind == "data sheet"
    for source in sources(device):
        assert any(re.search(rf"\b{name}\b", source) for name in SOURCES), source
    assert device.launches == ()


@EVERY
def test_peaks_are_the_product_that_their_source_states(device: Device) -> None:
    for peak in device.peaks:
        product = 1.0
        for number in re.findall(r"([\d.]+) (?:GHz|fmla|lanes|cores)", peak.source.split(";")[0]):
            product *= float(number)
        assert peak.macs_per_s == pytest.approx(1e9 * product)
        single = peak_of(device, peak.dtype, 1)
        assert single is not None
        assert peak.macs_per_s == pytest.approx(peak.threads * single)


def test_every_source_is_used() -> None:
    text = " ".join(source for device in BOARDS.values() for source in sources(device))
    assert [name for name in SOURCES if name not in text] == []
