"""A few known boards, from their data sheets: what nobody here has measured.

Every number has its source beside it. A peak is worked out from clock, instructions in a
cycle and lanes, as it says; what no document here says is left out. To add a board, add a
row, and what it comes from to `SOURCES`.
"""

from lithe.device.rows import Bandwidth, Cache, Device, DType, Peak

# What the short names in a row's `source` stand for.
SOURCES = {
    "kryo-wp": "Wikipedia, Kryo (microarchitecture), version of 2 November 2016",
    # The first page.
    "nano-ds": "NVIDIA, Jetson Nano Data Sheet, DA-09366-001",
    # Two pipelines that run fmla of any type; Neoverse N1 is Cortex-A76 for servers.
    "llvm-n1": "LLVM, AArch64SchedNeoverseN1.td, after Arm's optimization guide",
    # bcm2711.adoc and bcm2712.adoc, in github.com/raspberrypi/documentation.
    "rpi-doc": "Raspberry Pi documentation, computers/processors",
    "techspot": "TechSpot, Google Pixel XL review, techspot.com/review/1265, page 3",
    # Of Cortex-A57 and A72 and of Kryo in Snapdragon 821, one 128-bit fmla in a cycle.
    # In fp64 two lanes of it, of the A72: wlog.flatlib.jp/2015/10/30/n1787.
    "vfp": "hiroog, VFP benchmark, measured, wlog.flatlib.jp/category/25",
}

_KIB, _MIB = 2**10, 2**20


def _fmla(
    clock_hz: float, per_cycle: int, dtypes: tuple[DType, ...], cores: int, source: str
) -> tuple[Peak, ...]:
    """Peaks of NEON's fmla, for one core and for all."""
    lanes = {"fp64": 2, "fp32": 4, "fp16": 8}
    return tuple(
        Peak(
            dtype,
            threads,
            threads * clock_hz * per_cycle * lanes[dtype],
            "fmla",
            f"{clock_hz / 1e9:g} GHz x {per_cycle} fmla x {lanes[dtype]} lanes"
            f"{f' x {threads} cores' if threads > 1 else ''}; {source}",
        )
        for dtype in dtypes
        for threads in (1, cores)
    )


JETSON_NANO = Device(
    name="Jetson Nano, CPU, 4 x Cortex-A57",
    kind="data sheet",
    cores=4,
    isa="neon",
    caches=(
        Cache("L1", 32 * _KIB, 1, "nano-ds: 32KB L1 data cache per core"),
        Cache("L2", 2 * _MIB, 4, "nano-ds: L2 unified cache 2MB"),
    ),
    peaks=_fmla(1.43e9, 1, ("fp32",), 4, "clock nano-ds, fmla vfp"),
    bandwidths=(Bandwidth("memory", 4, 25.6e9, source="nano-ds: peak bandwidth 25.6 GB/s"),),
)
PIXEL = Device(
    name="Pixel 1, Snapdragon 821, 2 big Kryo",
    kind="data sheet",
    cores=2,
    isa="neon",
    caches=(
        Cache("L1", 32 * _KIB, 1, "kryo-wp: 32 KiB + 32 KiB"),
        Cache("L2", 1 * _MIB, 2, "kryo-wp: 1 MiB (fast cores)"),
    ),
    peaks=_fmla(2.15e9, 1, ("fp32",), 2, "clock techspot, fmla vfp"),
    bandwidths=(Bandwidth("memory", 2, 29.8e9, source="techspot: LPDDR4, 64-bit bus, 29.8 GB/s"),),
    notes=("the phone of the MobileNetV2 paper; its little cores are left out",),
)
RASPBERRY_PI_4 = Device(
    name="Raspberry Pi 4, 4 x Cortex-A72",
    kind="data sheet",
    cores=4,
    isa="neon",
    caches=(
        Cache("L1", 32 * _KIB, 1, "rpi-doc: 32kB data L1 cache per core"),
        Cache("L2", 1 * _MIB, 4, "rpi-doc: 1MB L2 cache"),
    ),
    peaks=_fmla(1.5e9, 1, ("fp64", "fp32"), 4, "clock rpi-doc, fmla vfp"),
    bandwidths=(),
    notes=("no bandwidth of its memory: the documentation gives a data rate and no width",),
)
RASPBERRY_PI_5 = Device(
    name="Raspberry Pi 5, 4 x Cortex-A76",
    kind="data sheet",
    cores=4,
    isa="neon",
    caches=(
        Cache("L1", 64 * _KIB, 1, "rpi-doc: 64KByte I and D caches"),
        Cache("L2", 512 * _KIB, 1, "rpi-doc: 512KB L2 per core"),
        Cache("L3", 2 * _MIB, 4, "rpi-doc: 2MB shared L3"),
    ),
    peaks=_fmla(2.4e9, 2, ("fp64", "fp32", "fp16"), 4, "clock rpi-doc, fmla llvm-n1"),
    bandwidths=(Bandwidth("memory", 4, 17e9, source="rpi-doc: up to 17GB/s"),),
)

BOARDS = {
    "jetson-nano": JETSON_NANO,
    "pixel-1": PIXEL,
    "raspberry-pi-4": RASPBERRY_PI_4,
    "raspberry-pi-5": RASPBERRY_PI_5,
}
