"""The wheel installs and runs where there is no checkout."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_runs_outside_the_checkout(tmp_path: Path) -> None:
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", f"{tmp_path}", f"{ROOT}"]
    subprocess.run([sys.executable, *build], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", f"{site}", f"{wheel}"]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    train = ["train", "shallow_mobilenet", "digits", "--width", "0.1", "--resolution", "8"]
    done = subprocess.run(
        [sys.executable, "-m", "lithe", *train, "--epochs", "1", "--quiet", "--out", "run"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").stat().st_size > 1_000_000
