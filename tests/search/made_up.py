"""A small design space with made-up accuracies: a search of it takes no training."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from lithe.arch import architecture
from lithe.search.price import Price
from lithe.search.race import Standing
from lithe.search.sampler import Choices, Parameters
from lithe.search.shortlist import Candidate
from lithe.search.study import Study, open_study
from lithe.search.work import Lost, Work

CHOICES: Choices = {
    "family": ("mobilenet_v1", "mobilenet_v2"),
    "resolution": (32, 48, 64, 96),
    "squeeze": (False, True),
    "mobilenet_v1.0.n": (1, 2, 3, 4),
    "mobilenet_v2.0.n": (1, 2, 3, 4),
    "mobilenet_v2.0.t": (2, 3, 4, 6),
    "mobilenet_v2.0.k": (3, 5, 7),
}


def candidate_of(parameters: Parameters) -> Candidate | None:
    """Its width says which point it is, so that a label does."""
    values = list(parameters.items())
    if parameters.get("mobilenet_v2.0.k") == 7 and parameters["resolution"] == 96:
        return None
    number = 0
    for name, value in values:
        number = number * len(CHOICES[name]) + CHOICES[name].index(value)
    arch = architecture(
        str(parameters["family"]),
        width=1 + number / 1000,
        resolution=int(parameters["resolution"]),
    )
    return Candidate(arch, Price(macs=1000 + number, params=500 - number, peak_activation_bytes=9))


def first() -> list[tuple[Parameters, Candidate]]:
    points: list[Parameters] = [
        {"family": "mobilenet_v1", "resolution": 32, "squeeze": False, "mobilenet_v1.0.n": n}
        for n in (1, 2, 3)
    ]
    return [(point, candidate) for point in points if (candidate := candidate_of(point))]


def accuracy(work: Work) -> float:
    """Decided by the table and the epoch alone."""
    draw = random.Random(f"{work.arch.label} {work.to_epoch}")
    v2 = 0.2 if work.arch.name == "mobilenet_v2" else 0.0
    return 0.3 + v2 + 0.01 * work.to_epoch + 0.1 * draw.random()


def train(works: Sequence[Work], on_done: Callable[[Work, Standing | Lost], None]) -> None:
    for work in works:
        on_done(work, Standing(accuracy(work), 1.0, work.to_epoch))


def study_in(folder: Path, seed: int = 0, run: str = "first") -> Study:
    return open_study(f"sqlite:///{folder}/trials.db", "photos", run, CHOICES, seed=seed)
