"""Rows of a run as a real one would leave them, at any size and with any class names."""

import io
import math
import random
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image, ImageDraw

from lithe.arch import architecture, standard_twin
from lithe.profiling import static_profile
from lithe.report.rows import (
    CandidateRow,
    EpochRow,
    ExampleRow,
    LimitRow,
    NetworkRow,
    RunRows,
)

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "lorry",
)  # fmt: skip
MAX_MACS, MAX_LATENCY_S = 40_000_000, 12e-3


def sample(classes: Sequence[str] = CLASSES, candidates: int = 40, epochs: int = 60) -> RunRows:
    """A run of `fit` on small photos under a limit on MACs and one on latency."""
    draw = random.Random(0)
    found = _candidates(candidates, draw)
    winner = next(row for row in found if row.status == "winner")
    twin = static_profile(standard_twin(_table(winner.family, winner.width, winner.resolution)))
    chosen = _measured(winner.network)
    confusion = _confusion(len(classes), draw)
    images = sum(map(sum, confusion))
    right = sum(row[i] for i, row in enumerate(confusion))
    return RunRows(
        title=f"photos: {chosen.label}",
        command="lithe fit photos --max-macs 40M --max-latency 12ms --seed 0 --out runs/photos",
        accuracy=right / images,
        chosen=chosen,
        twin=_measured(_network(twin.name, twin.macs, twin.params, twin.peak_activation_bytes)),
        limits=(
            LimitRow("max_macs", "count", MAX_MACS, chosen.macs, chosen.macs),
            LimitRow("max_latency_s", "seconds", MAX_LATENCY_S, 8.9e-3, chosen.latency_s),
            LimitRow("max_params", "count", 2_000_000, chosen.params, chosen.params),
        ),
        candidates=found,
        history=_history(epochs, draw),
        classes=tuple(classes),
        confusion=confusion,
        examples=_examples(classes, draw),
        facts=(
            ("Images", f"photos: 4000 to train, {images} held out, {len(classes)} classes"),
            ("Training", f"{epochs} epochs, batch 64, sgd, learning rate 0.05"),
            ("Machine", "a processor with 2 cores, Linux, 2 threads"),
            ("Seed", "0"),
        ),
    )  # fmt: skip


def _table(family: str, width: float, resolution: int):  # type: ignore[no-untyped-def]
    return architecture(family, width=width, resolution=resolution, num_classes=10)


def _network(label: str, macs: int, params: int, peak: int) -> NetworkRow:
    return NetworkRow(label, macs, params, peak, latency_s=2e-4 + macs / 4e9)


def _measured(row: NetworkRow) -> NetworkRow:
    assert row.latency_s is not None
    return replace(
        row,
        latency_p20_s=0.96 * row.latency_s,
        latency_p80_s=1.08 * row.latency_s,
        runtime="lithe",
        threads=2,
    )


def _candidates(count: int, draw: random.Random) -> tuple[CandidateRow, ...]:
    rows = []
    for index in range(count):
        family = ("mobilenet_v1", "mobilenet_v2")[index % 2]
        width = (0.1, 0.25, 0.35, 0.5, 0.75)[index // 2 % 5]
        resolution = (16, 24, 32, 48)[index // 10 % 4]
        counted = static_profile(_table(family, width, resolution))
        network = _network(
            counted.name, counted.macs, counted.params, counted.peak_activation_bytes
        )
        over = network.macs > MAX_MACS
        accuracy = 0.97 - 0.9 / math.log(network.macs) ** 0.9 + draw.uniform(-0.03, 0.02)
        raced = not over and network.macs > MAX_MACS / 12
        rows.append(
            CandidateRow(
                network, family, width, resolution,
                "over budget" if over else "raced" if raced else "fits",
                accuracy if raced else None,
                ("max_macs",) if over else (),
            )
        )  # fmt: skip
    best = max(rows, key=lambda row: row.accuracy or 0)
    return tuple(replace(row, status="winner") if row is best else row for row in rows)


def _history(epochs: int, draw: random.Random) -> tuple[EpochRow, ...]:
    rows = []
    for epoch in range(1, epochs + 1):
        done = epoch / epochs
        left = math.exp(-3.2 * done)
        rows.append(
            EpochRow(
                epoch,
                0.025 * (1 + math.cos(math.pi * done)),
                0.25 + 2.0 * left + draw.uniform(-0.02, 0.02),
                0.985 - 0.8 * left + draw.uniform(-0.01, 0.005),
                0.33 + 1.9 * left + draw.uniform(-0.05, 0.05),
                0.955 - 0.75 * left + draw.uniform(-0.01, 0.01),
                4.2,
            )
        )
    return tuple(rows)


def _confusion(classes: int, draw: random.Random) -> tuple[tuple[int, ...], ...]:
    rows = []
    for i in range(classes):
        row = [0] * classes
        row[i] = draw.randint(85, 99)
        for _ in range(100 - row[i]):
            row[(i + draw.choice((1, 1, 2, 5, classes - 1))) % classes] += 1
        rows.append(tuple(row))
    return tuple(rows)


def _examples(classes: Sequence[str], draw: random.Random) -> tuple[ExampleRow, ...]:
    rows = []
    for index in range(24):
        truth = index % len(classes)
        predicted = truth if index >= 11 else (truth + draw.randint(1, 3)) % len(classes)
        rows.append(
            ExampleRow(
                png=_picture(truth, draw),
                name=f"val/{classes[truth]}/{index:04d}.jpg",
                truth=classes[truth],
                predicted=classes[predicted],
                confidence=draw.uniform(0.4, 0.999),
            )
        )
    return tuple(rows)


def _picture(kind: int, draw: random.Random) -> bytes:
    size = (96, 96) if kind % 3 else (96, 64)
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    tint = Image.new("RGB", size, (40 * kind % 200 + 40, 90, 200 - 17 * kind % 150))
    image = Image.blend(image, tint, 0.7)
    pen = ImageDraw.Draw(image)
    for _ in range(4):
        x, y, r = draw.randint(10, 80), draw.randint(10, 60), draw.randint(5, 25)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(draw.randint(60, 255), 150, 90))
    png = io.BytesIO()
    image.save(png, "PNG")
    return png.getvalue()
