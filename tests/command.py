"""The command line as a user runs it: a process of its own."""

import subprocess
import sys
from pathlib import Path


def lithe(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start `lithe` with these arguments."""
    command = [sys.executable, "-m", "lithe", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finished(*arguments: str | Path) -> tuple[int, str, str]:
    """Run `lithe` to its end: exit code, stdout, stderr."""
    process = lithe(*arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err
