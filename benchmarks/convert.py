"""Trained networks converted: what each step of carrying weights over is worth, on two data sets.

torchvision's ResNet-18 and VGG-11 (batch norm) are trained from scratch; then all their
standard convolutions become separable, and the outcome is trained in five ways for the same
number of epochs: from random weights, from carried ones, refitted as well, and both ways
with the original as teacher. `--times` measures latency and MACs before and after, on this
machine's CPU; nothing else may run then. Accuracies do not depend on the machine.
"""

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import torch
from benchmarks.kept import Row, fill
from benchmarks.search_data import images_of
from torch import nn

from lithe.engine.target import instruction_set
from lithe.nets.conversion.places import places
from lithe.nets.conversion.rows import Replacement
from lithe.progress import SILENT
from lithe.run.conversion.original import Original, calibration_of, open_original
from lithe.run.conversion.sensitivity import Calibration
from lithe.run.conversion.state import ConversionSettings
from lithe.run.conversion.tune import as_teacher, carried, lesson_of, recipe_of, tuned
from lithe.run.machine import make_fabric
from lithe.training.distillation import Distillation
from lithe.training.evaluate import evaluate
from lithe.training.images import ImageData
from lithe.training.recipe import recipe_for

NAME, SEEDS, DATA = "convert", (0, 1, 2), ("digits", "pictures")
SIDES = {"torchvision:resnet18": 128, "torchvision:vgg11_bn": 224}
EPOCHS = {"original": 20, "converted": 10}
# Which weights a student begins with, whether they are refitted, the share of the teacher.
STUDENTS: dict[str, tuple[bool, bool, float]] = {
    "from scratch": (False, False, 0.0),
    "from scratch, distilled": (False, False, 0.9),
    "carried": (True, False, 0.0),
    "carried, refitted": (True, True, 0.0),
    "carried, refitted, distilled": (True, True, 0.9),
}


def settings_for(case: Row, student: str = "carried, refitted, distilled") -> ConversionSettings:
    side = SIDES[case["network"]]
    carry, refit, distil = STUDENTS[student]
    return ConversionSettings(
        source=case["network"],
        weights=None,
        data=case["data"],
        kind="separable",
        input_shape=(1, 3, side, side),
        epochs=EPOCHS["converted"],
        carry=carry,
        refit=refit,
        distillation=Distillation(weight=distil),
        seed=case["seed"],
        workers=case.get("workers", 0),
    )


def trained_original(case: Row, data: ImageData, device: torch.device) -> Original:
    settings = settings_for(case)
    torch.manual_seed(case["seed"])
    original = open_original(settings, len(data.classes))
    recipe = recipe_for(len(data.train), 10_000_000)
    recipe = msgspec.structs.replace(recipe, epochs=EPOCHS["original"], learning_rate=1e-3)
    alone = msgspec.structs.replace(settings, distillation=Distillation(weight=0.0))
    lesson = lesson_of(alone, as_teacher(alone, original), original.network, original)
    images = (data.train, data.held_out)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "original.safetensors"
        tuned(original.network, lesson, images, recipe, alone, make_fabric(), checkpoint, SILENT)
    return replace(original, network=original.network.to(device).eval())


def measure(case: Row, quick: bool = False) -> list[Row]:
    """The original and every student of one network, data set and seed."""
    if quick:
        EPOCHS.update(original=2, converted=1)
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    on = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    with tempfile.TemporaryDirectory() as folder:
        data = images_of(case["data"], Path(folder), case["seed"])
        original = trained_original(case, data, device)
        found = calibration_of(data.train, original.preprocessing, settings_for(case))
        calibration = Calibration(tuple((x.to(device), y.to(device)) for x, y in found.batches))
        there = places(original.network, calibration.inputs[0][:1])
        rows = tuple(Replacement(p.layer, "separable", 1) for p in there if "separable" in p.kinds)
        right = partial(accuracy, data=data, original=original)
        result = [
            case | {"method": "original", "accuracy": right(original.network), "trained_on": on}
        ]
        for student in STUDENTS:
            settings = settings_for(case, student)
            steps: dict[str, float] = {}

            def on_step(name: str, network: nn.Module, steps: dict[str, float] = steps) -> None:
                steps[name] = right(network)

            made = carried(original, rows, there, settings, calibration, on_step)
            params = sum(p.numel() for p in made.network.parameters())
            recipe = recipe_of(settings, len(data.train), params)
            if not settings.carry:  # what begins from nothing gets the rate for that
                recipe = msgspec.structs.replace(recipe, learning_rate=1e-3)
            with tempfile.TemporaryDirectory() as work:
                tuned(
                    made.network,
                    lesson_of(settings, as_teacher(settings, original), made.network, original),
                    (data.train, data.held_out),
                    recipe,
                    settings,
                    make_fabric(),
                    Path(work) / "student.safetensors",
                    SILENT,
                )
            original.network.to(device)
            made.network.to(device)
            row = {"method": student, "accuracy": right(made.network), "before_training": steps}
            rate = {"learning_rate": recipe.learning_rate, "trained_on": on}
            result.append(case | row | rate)
            print(result[-1], flush=True)
        return result


def accuracy(network: nn.Module, data: ImageData, original: Original) -> float:
    names = data.classes
    found = evaluate(
        network, data.held_out, original.preprocessing, classes=names, batch_size=64, workers=0
    )
    return found.accuracy


def times(case: Row) -> list[Row]:
    """Before and after, in turns, in the engine and in eager PyTorch."""
    from lithe.nets.conversion.rewrite import rewritten
    from lithe.profiling.compare import side_by_side
    from lithe.profiling.subject import subject_of

    settings = settings_for(case | {"data": "digits", "seed": 0})
    isa = instruction_set(None).name
    original = open_original(settings, 10)
    there = places(original.network, torch.randn(original.shape))
    rows = [Replacement(p.layer, "separable", 1) for p in there if "separable" in p.kinds]
    networks = (original.network, rewritten(original.network, rows, carry=False))
    subjects = [
        replace(subject_of(network, original.shape), name=name)
        for network, name in zip(networks, ("original", "converted"), strict=True)
    ]
    compared = side_by_side(subjects, threads=case["threads"])
    result: list[dict[str, Any]] = []
    for profile in compared.profiles:
        latency = {run.runtime: run.total.p50_s for run in profile.latencies}
        row = {"method": profile.name, "isa": isa, "macs": profile.macs, "params": profile.params}
        result.append(case | row | {"latency_s": latency, "peak": profile.peak_activation_bytes})
    return result


def cases() -> list[Row]:
    return [
        {"network": network, "data": data, "seed": seed}
        for network in SIDES
        for data in DATA
        for seed in SEEDS
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--times", action="store_true")
    asked = parser.parse_args()
    if asked.times:
        todo = [{"network": name, "threads": threads} for name in SIDES for threads in (1, 2)]
        fill("convert_times", todo, times, alone=True)
    elif asked.quick:
        fill("quick/convert", cases()[:1], partial(measure, quick=True))
    else:
        fill(NAME, cases(), measure)


if __name__ == "__main__":
    main()
