"""What the CPU of this machine calls itself."""

import platform
from pathlib import Path


def cpu_name() -> str:
    """The model name, as /proc/cpuinfo prints it; the system's word where there is none."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
