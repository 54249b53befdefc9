"""The meter of a GPU, read from a stand-in of the driver's library with the same functions."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lithe.errors import LitheError
from lithe.profiling.energy import measured_energy
from lithe.profiling.nvml import nvml_meter

# One GPU that counts 1500 mJ for each reading, and one that counts nothing.
DRIVER = r"""
#include <string.h>
static int ready, counts, quiet;
static unsigned long long energy_mj = 5000;
const char *nvmlErrorString(int code) { return code == 3 ? "Not Supported" : "Not Found"; }
int nvmlInit_v2(void) { ready = 1; return 0; }
int nvmlDeviceGetHandleByUUID(const char *uuid, void **gpu) {
    if (!ready) return 1;
    if (!strcmp(uuid, "GPU-counts")) { *gpu = &counts; return 0; }
    if (!strcmp(uuid, "GPU-quiet")) { *gpu = &quiet; return 0; }
    return 6;
}
int nvmlDeviceGetTotalEnergyConsumption(void *gpu, unsigned long long *mj) {
    if (gpu != &counts) return 3;
    *mj = energy_mj;
    energy_mj += 1500;
    return 0;
}
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> str:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler for the stand-in of the driver")
    folder: Path = tmp_path_factory.mktemp("driver")
    (folder / "nvml.c").write_text(DRIVER)
    library = folder / "libnvidia-ml.so.1"
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(folder / "nvml.c")]
    subprocess.run(command, check=True)
    return str(library)


def test_a_gpu_counts_joules(driver: str) -> None:
    meter = nvml_meter("GPU-counts", driver)
    first = meter.read_j()
    assert meter.read_j() - first == pytest.approx(1.5)
    found = measured_energy(lambda: None, "eager", [meter], seconds=0.0, rest=lambda _: None)
    assert found.source == "NVML GPU-counts"
    assert found.joules == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("uuid", "says"), [("GPU-quiet", "GPU-quiet: Not Supported"), ("GPU-none", "Not Found")]
)
def test_a_gpu_that_cannot_be_read_says_why(driver: str, uuid: str, says: str) -> None:
    with pytest.raises(LitheError, match=says):
        nvml_meter(uuid, driver)


def test_a_machine_without_the_driver_says_so() -> None:
    with pytest.raises(LitheError, match=r"no energy counter \(NVML\)"):
        nvml_meter("GPU-any", "libnvidia-ml-that-is-not-there.so.1")
