"""The same training as two processes that exchange gradients over gloo."""

import csv
import subprocess
import sys
from pathlib import Path

from lithe.nets.model_file import load


def test_two_cpu_processes_train_one_network(tmp_path: Path) -> None:
    out = tmp_path / "run"
    launch = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "lithe"]
    train = ["train", "shallow_mobilenet", "digits", "--width", "0.1", "--resolution", "8"]
    done = subprocess.run(
        [sys.executable, "-m", *launch, *train, "--epochs", "4", "--threads", "1", "--out", out],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    with (out / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert float(rows[-1]["val_accuracy"]) > 0.3  # ten classes: 0.1 by chance
    card = load(out / "model.safetensors").card
    assert card is not None
    # Both halves of the held-out images were counted, none twice.
    assert abs(card.metrics["val_accuracy"] - float(rows[-1]["val_accuracy"])) < 1e-9
    # A long path is broken into lines, wherever the line is full.
    assert "".join(done.stdout.split()).count("report.html") == 1
