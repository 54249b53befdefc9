"""The energy meter of an NVIDIA GPU, read through the library of its driver.

NVML counts millijoules of a whole GPU since the driver was loaded, on Volta and newer
(docs.nvidia.com/deploy/nvml-api, device queries). The library comes with the driver, so
nothing has to be installed for it.
"""

import ctypes

from lithe.errors import LitheError
from lithe.profiling.meters import Meter

LIBRARY = "libnvidia-ml.so.1"
MILLI = 1e-3


def nvml_meter(uuid: str, library: str = LIBRARY) -> Meter:
    """The meter of the GPU of that UUID (`GPU-...`).

    Raises:
        LitheError: no driver's library, no such GPU, or one that counts no energy.
    """
    try:
        nvml = ctypes.CDLL(library)
    except OSError as error:
        raise LitheError(f"no energy counter (NVML) of a GPU: {error}") from None
    nvml.nvmlErrorString.restype = ctypes.c_char_p

    def checked(name: str, *arguments: object) -> None:
        code = getattr(nvml, name)(*arguments)
        if code:
            raise LitheError(f"{name} of {uuid}: {nvml.nvmlErrorString(code).decode()}")

    checked("nvmlInit_v2")
    gpu = ctypes.c_void_p()
    checked("nvmlDeviceGetHandleByUUID", uuid.encode(), ctypes.byref(gpu))

    def read_j() -> float:
        count = ctypes.c_ulonglong()
        checked("nvmlDeviceGetTotalEnergyConsumption", gpu, ctypes.byref(count))
        return count.value * MILLI

    read_j()
    return Meter("NVML", uuid, read_j)
