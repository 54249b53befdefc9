"""Trained networks converted: what each step of carrying weights over is worth, on two data sets.

torchvision's ResNet-18 and VGG-11 (batch norm) are trained from scratch; then all their
standard convolutions become separable and linear layers but the last low-rank, and the outcome
is trained in five ways for the same number of epochs: from random weights, from carried
ones, refitted as well, and both ways with the original as teacher. `--times` measures latency
and MACs before and after, on this machine's CPU; nothing else may run then. Accuracies do not
depend on the machine.
"""

import argparse
import copy
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import torch
from benchmarks.convert_tables import EPOCHS
from benchmarks.kept import Row, fill
from benchmarks.search_data import images_of
from lightning_fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import nn

from lithe.cpu import cpu_name
from lithe.engine.target import instruction_set
from lithe.nets.conversion.places import Place, largest, places
from lithe.nets.conversion.rows import Replacement
from lithe.run.conversion.carry import carried
from lithe.run.conversion.original import Original, calibration_of, open_original
from lithe.run.conversion.sensitivity import Calibration
from lithe.run.conversion.state import ConversionSettings
from lithe.run.conversion.tune import Tuning, as_teacher, recipe_of
from lithe.run.machine import make_fabric
from lithe.training.distillation import Distillation
from lithe.training.evaluate import evaluate
from lithe.training.images import ImageData
from lithe.training.recipe import recipe_for

SEEDS, DATA = (0, 1, 2), ("digits", "pictures")
# A result file for each network: they were not all trained on the same machine.
FILES = {"torchvision:resnet18": "convert_resnet18", "torchvision:vgg11_bn": "convert_vgg11"}
SIDES = {"torchvision:resnet18": 128, "torchvision:vgg11_bn": 64}
# Timed besides: what VGG-11 is usually given, too much to train on.
LARGE = {"torchvision:vgg11_bn": 224}
# Of what begins from random weights; VGG-11 stays at chance with more.
RATES = {"torchvision:resnet18": 1e-3, "torchvision:vgg11_bn": 3e-4}
# Which weights a student begins with, whether they are refitted, the share of the teacher.
STUDENTS: dict[str, tuple[bool, bool, float]] = {
    "from scratch": (False, False, 0.0),
    "from scratch, distilled": (False, False, 0.9),
    "carried": (True, False, 0.0),
    "carried, refitted": (True, True, 0.0),
    "carried, refitted, distilled": (True, True, 0.9),
}
# Steps that are not measured of VGG-11, which trains slowly; the last one was with one seed.
SKIPPED = {
    "torchvision:vgg11_bn": ("from scratch, distilled", "carried", "carried, refitted"),
}


def settings_for(case: Row, student: str = "carried, refitted, distilled") -> ConversionSettings:
    side = case.get("side", SIDES[case["network"]])
    carry, refit, distil = STUDENTS[student]
    return ConversionSettings(
        source=case["network"],
        weights=None,
        data=case["data"],
        kinds=("separable", "low-rank"),
        input_shape=(1, 3, side, side),
        epochs=EPOCHS[case["network"]][1],
        carry=carry,
        refit=refit,
        distillation=Distillation(weight=distil),
        seed=case["seed"],
        workers=case.get("workers", 0),
    )


def trained_original(case: Row, data: ImageData, device: torch.device, keep: Path) -> Original:
    """The network trained from scratch, or as it is kept in a folder from an earlier run."""
    settings = settings_for(case)
    torch.manual_seed(case["seed"])
    original = open_original(settings, len(data.classes))
    name = case["network"].rpartition(":")[2]
    file = keep / f"{name}-{case['data']}-{case['seed']}.safetensors"
    if file.exists():
        original.network.load_state_dict(load_file(file))
        return replace(original, network=original.network.to(device).eval())
    recipe = recipe_for(len(data.train), 10_000_000)
    rate = RATES[case["network"]]
    recipe = msgspec.structs.replace(recipe, epochs=EPOCHS[case["network"]][0], learning_rate=rate)
    alone = msgspec.structs.replace(settings, distillation=Distillation(weight=0.0))
    images = (data.train, data.held_out)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "original.safetensors"
        tuning(original, alone).train(original.network, images, recipe, checkpoint)
    keep.mkdir(parents=True, exist_ok=True)
    save_file(original.network.state_dict(), file)
    return replace(original, network=original.network.to(device).eval())


def tuning(original: Original, settings: ConversionSettings) -> Tuning:
    return Tuning(original, as_teacher(settings, original), settings, fabric())


def fabric() -> Fabric:
    """In bfloat16 where the machine multiplies that fastest, as Intel's tiles do."""
    if torch.cuda.is_available() or not torch.cpu._is_amx_tile_supported():
        return make_fabric()
    return Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")


def trained_on() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{cpu_name()}{' in bfloat16' * torch.cpu._is_amx_tile_supported()}"


def measure(case: Row, keep: Path, quick: bool = False, only_original: bool = False) -> list[Row]:
    """The original and every student of one network, data set and seed."""
    if quick:
        EPOCHS.update(dict.fromkeys(EPOCHS, (2, 1)))
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    on = trained_on()
    with tempfile.TemporaryDirectory() as folder:
        data = images_of(case["data"], Path(folder), case["seed"])
        original = trained_original(case, data, device, keep)
        if only_original:
            print(case, accuracy(original.network, data, original), flush=True)
            return []
        found = calibration_of(data.train, original.preprocessing, settings_for(case))
        calibration = Calibration(
            *(
                tuple((x.to(device), y.to(device)) for x, y in batches)
                for batches in (found.batches, found.apart)
            )
        )
        there = places(original.network, calibration.inputs[0][:1])
        rows = replacements(original.network, there)
        right = partial(accuracy, data=data, original=original)
        result = [
            case | {"method": "original", "accuracy": right(original.network), "trained_on": on}
        ]
        begun: dict[tuple[bool, bool], tuple[nn.Module, dict[str, float]]] = {}
        for student, (carry, refit, _) in STUDENTS.items():
            if student in SKIPPED.get(case["network"], ()):
                continue
            settings = settings_for(case, student)
            if (carry, refit) not in begun:  # with and without a teacher they begin alike
                steps: dict[str, float] = {}

                def on_step(name: str, network: nn.Module, steps: dict[str, float] = steps) -> None:
                    steps[name] = right(network)

                made = carried(original, rows, there, settings, calibration, on_step)
                begun[carry, refit] = made.network, steps
            network, steps = copy.deepcopy(begun[carry, refit][0]), begun[carry, refit][1]
            images = (data.train, data.held_out)
            losses = None
            with tempfile.TemporaryDirectory() as work:
                teach = tuning(original, settings)
                if settings.carry:
                    recipe = teach.recipe(network, images, calibration, Path(work))
                else:  # what begins from nothing gets the rate for that
                    recipe = recipe_of(settings, len(data.train), network)
                    rate = RATES[case["network"]]
                    recipe = msgspec.structs.replace(recipe, learning_rate=rate)
                if recipe is not None:
                    checkpoint = Path(work) / "student.safetensors"
                    losses = teach.improve(network, recipe, images, calibration, checkpoint)
            original.network.to(device)
            network.to(device)
            row = {"method": student, "accuracy": right(network), "before_training": steps}
            how = {"losses": losses, "learning_rate": recipe.learning_rate if recipe else None}
            result.append(case | row | how | {"trained_on": on})
            print(result[-1], flush=True)
        return result


def replacements(network: nn.Module, there: Sequence[Place]) -> tuple[Replacement, ...]:
    """One filter per channel for convolutions, an eighth of the rank for linear layers."""
    rows = []
    for place in there:
        layer = network.get_submodule(place.layer)
        if "separable" in place.kinds:
            rows.append(Replacement(place.layer, "separable", 1))
        elif place.kinds and isinstance(layer, nn.Linear):
            rank = largest(layer, "low-rank") // 8
            rows.append(Replacement(place.layer, "low-rank", rank))
    return tuple(rows)


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
    rows = replacements(original.network, there)
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


def cases(network: str) -> list[Row]:
    return [{"network": network, "data": data, "seed": seed} for data in DATA for seed in SEEDS]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=FILES, action="append", help="only this one")
    parser.add_argument("--keep", type=Path, help="trained originals are kept and taken here")
    parser.add_argument("--only-originals", action="store_true", help="train those, no students")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--times", action="store_true")
    asked = parser.parse_args()
    networks = asked.network or list(FILES)
    if asked.times:
        todo = [
            {"network": name, "side": side, "threads": threads}
            for name in networks
            for side in dict.fromkeys((SIDES[name], LARGE.get(name, SIDES[name])))
            for threads in (1, 2)
        ]
        fill("convert_times", todo, times, alone=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        keep = asked.keep or Path(folder)
        for name in networks:
            file, todo = FILES[name], cases(name)
            if asked.quick:
                file, todo = f"quick/{file}", todo[:1]
            work = partial(
                measure, keep=keep, quick=asked.quick, only_original=asked.only_originals
            )
            fill(file, todo, work)


if __name__ == "__main__":
    main()
