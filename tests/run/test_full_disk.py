"""A disk that fills up: an error, nothing lost, and the run goes on when there is space."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNSHARE = shutil.which("unshare")


def in_own_mounts(script: str) -> "subprocess.CompletedProcess[str]":
    assert UNSHARE is not None
    return subprocess.run(
        [UNSHARE, "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> str:
    """A shell line that mounts one megabyte, where the system allows it."""
    if UNSHARE is None:
        pytest.skip("needs unshare: apt-get install util-linux")
    mount = f"mount -t tmpfs -o size=1m lithe-test {tmp_path}"
    if in_own_mounts(mount).returncode:
        pytest.skip("needs leave to mount in a namespace of its own (run as root)")
    return mount


def test_the_last_good_state_is_kept(small_disk: str, tmp_path: Path) -> None:
    lithe = f"{sys.executable} -m lithe"
    out = tmp_path / "run"
    # The checkpoint and the model fit into a megabyte, the page does not.
    script = f"""
        {small_disk}
        {lithe} train shallow_mobilenet digits --width 0.1 --resolution 8 --epochs 2 \\
            --threads 1 --quiet --out {out}
        echo "code $?"
        ls {out} {out}/work
        mount -o remount,size=20m {tmp_path}
        {lithe} train --resume {out} --quiet
        echo "code $?"
        ls {out}
    """
    done = in_own_mounts(script)
    first, second = done.stdout.split("code ")[1:]
    assert first.startswith("2\n"), done.stderr
    assert "final.safetensors" in first
    assert "model.safetensors" in first
    assert not [name for name in first.split() if name.startswith(".")]
    assert second.startswith("0\n"), done.stderr
    assert "report.html" in second
    assert done.stderr.count("\n") == 1
    assert "no space left for" in done.stderr
