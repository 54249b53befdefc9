"""Energy from counters in real files, as Linux lays them out, and from a table by hand."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.cost import LayerCost
from lithe.cost.energy import HOROWITZ_2014, energy_parts
from lithe.errors import LitheError
from lithe.profiling.energy import (
    Reading,
    energy_of,
    estimated_energy,
    measured_energy,
)
from lithe.profiling.meters import Meter, rapl_meters

LARGEST_UJ = 262_143_328_850


def counter(root: Path, folder: str, name: str, energy_uj: int = 0) -> Path:
    """One domain of /sys/class/powercap; its counter's file."""
    domain = root / folder
    domain.mkdir(parents=True)
    (domain / "name").write_text(f"{name}\n")
    (domain / "max_energy_range_uj").write_text(f"{LARGEST_UJ}\n")
    (domain / "energy_uj").write_text(f"{energy_uj}\n")
    return domain / "energy_uj"


def adding(file: Path, joules: float) -> Callable[..., None]:
    """Work that makes a counter go on by so much, and over its end."""

    def work(*_: float) -> None:
        count = int(file.read_text()) + round(joules * 1e6)
        file.write_text(f"{count % LARGEST_UJ}\n")

    return work


def test_packages_and_their_memory_are_meters_and_their_parts_are_not(tmp_path: Path) -> None:
    counter(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    counter(tmp_path, "intel-rapl:0:0", "core")
    counter(tmp_path, "intel-rapl:0:1", "dram", 7_500_000)
    counter(tmp_path, "intel-rapl:1", "package-1")
    counter(tmp_path, "intel-rapl:2", "psys")
    (tmp_path / "intel-rapl").mkdir()
    meters = rapl_meters(tmp_path)
    assert [meter.name for meter in meters] == ["package-0", "package-0 memory", "package-1"]
    assert [meter.read_j() for meter in meters] == [5.0, 7.5, 0.0]


def test_a_machine_without_counters_says_so(tmp_path: Path) -> None:
    with pytest.raises(LitheError, match="no energy counter"):
        rapl_meters(tmp_path)
    with pytest.raises(LitheError, match="no energy counter"):
        rapl_meters(tmp_path / "missing")


def test_a_counter_that_may_not_be_read_says_what_would_help() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        root = Path(name)
        root.chmod(0o755)
        counter(root, "intel-rapl:0", "package-0").chmod(0)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)  # who may read everything is told nothing
        try:
            with pytest.raises(LitheError, match="energy_uj needs read permission"):
                rapl_meters(root)
        finally:
            if is_root:
                os.seteuid(0)


@pytest.mark.parametrize("text", ["", "many"])
def test_a_counter_that_holds_no_number_is_refused(tmp_path: Path, text: str) -> None:
    counter(tmp_path, "intel-rapl:0", "package-0").write_text(text)
    with pytest.raises(LitheError, match="no number of microjoules"):
        rapl_meters(tmp_path)


def test_a_counter_that_disappears_is_refused(tmp_path: Path) -> None:
    file = counter(tmp_path, "intel-rapl:0", "package-0")
    (meter,) = rapl_meters(tmp_path)
    file.unlink()
    with pytest.raises(LitheError, match="cannot be read"):
        meter.read_j()


@pytest.mark.parametrize("start_uj", [0, LARGEST_UJ - 1_500_000])
def test_the_energy_of_a_run_is_what_the_counters_moved(tmp_path: Path, start_uj: int) -> None:
    """Each run takes 2 J, also where the counter begins again meanwhile."""
    file = counter(tmp_path, "intel-rapl:0", "package-0", start_uj)
    found = measured_energy(
        adding(file, 2.0), "lithe", rapl_meters(tmp_path), seconds=0.0, rest=adding(file, 0.0)
    )
    assert found.joules == pytest.approx(2.0)
    assert (found.source, found.estimate, found.runtime) == ("RAPL package-0", False, "lithe")
    expected = {"package-0 above rest": 2.0, "package-0 at rest": 0.0}
    assert dict(found.parts) == pytest.approx(expected)


def _meter(name: str) -> Meter:
    return Meter("RAPL", name, lambda: 0.0)


def test_what_the_machine_uses_at_rest_is_told_apart() -> None:
    """At rest 10 W and 2 W; four runs in 2 s take 60 J and 5 J."""
    meters = _meter("package-0"), _meter("package-0 memory")
    found = energy_of(meters, Reading((5.0, 1.0), 0.5), Reading((60.0, 5.0), 2.0), 4, "eager")
    assert found.joules == 65 / 4
    assert found.parts == (
        ("package-0 above rest", 10.0),
        ("package-0 at rest", 5.0),
        ("package-0 memory above rest", 0.25),
        ("package-0 memory at rest", 1.0),
    )
    assert found.source == "RAPL package-0, RAPL package-0 memory"


@given(st.floats(0, 1e6), st.floats(1e-3, 10), st.floats(0, 1e6), st.floats(1e-3, 10))
def test_parts_add_up_and_none_is_below_zero(
    idle_j: float, idle_s: float, run_j: float, run_s: float
) -> None:
    found = energy_of(
        (_meter("a"),), Reading((idle_j,), idle_s), Reading((run_j,), run_s), 7, "lithe"
    )
    assert all(joules >= 0 for _, joules in found.parts)
    assert sum(joules for _, joules in found.parts) == pytest.approx(found.joules)


LAYERS = (
    LayerCost("a", "standard", "conv", (), (), 1000, 0, 40_000, 0, 50, 24_000, 800_000),
    LayerCost("b", "linear", "linear", (), (), 500, 0, 400, 0, 0, 400, 1_200_000),
)


def test_the_estimate_by_hand() -> None:
    """Weights of 2 MB: 32 KiB from the first level, 1 MiB from the second, the rest memory."""
    arithmetic = 1500 * (3.7 + 0.9) + 50 * 0.9
    near = 32 * 1024 + 800 + 32 * 1024
    middle = (64_000 - 32 * 1024) + 1024 * 1024
    far = 2_000_000 - 32 * 1024 - 1024 * 1024
    expected = {
        "arithmetic": arithmetic * 1e-12,
        "caches": (near * 20 / 8 + middle * 100 / 8) * 1e-12,
        "memory": far * 1300 / 8 * 1e-12,
    }
    assert dict(energy_parts(LAYERS)) == pytest.approx(expected)


def test_an_estimate_says_that_it_is_one_and_after_whom() -> None:
    found = estimated_energy(LAYERS)
    assert found.estimate
    assert found.runtime is None
    assert "Horowitz" in found.source
    assert found.source == HOROWITZ_2014.name
    assert found.joules == pytest.approx(sum(joules for _, joules in found.parts))
    assert estimated_energy(()).joules == 0
