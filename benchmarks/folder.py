"""`lithe fit` on folders of images against timm's mobilenetv2_050, same images and epochs.

The rival is trained by the same loop and recipe on inputs of 64 pixels, and its MACs are the
budget that `lithe fit` gets. Both are judged on the same held-out fifth. The images are
generated: ten kinds of shape and texture, grey and coloured, of mixed sizes, with noise.
"""

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import torch
from benchmarks.conditions import write
from tests.data_sets import make_folder

import lithe
from lithe.nets.torchvision_compat import torchvision  # noqa: F401  timm needs it first
from lithe.progress import Progress
from lithe.run.machine import make_fabric
from lithe.training.images import open_data
from lithe.training.loader import loader
from lithe.training.loop import train
from lithe.training.recipe import recipe_for
from lithe.training.transforms import preprocessing

RIVAL, SIDE, EPOCHS, SEEDS = "mobilenetv2_050", 64, 40, (0, 1, 2)


def rival(folder: Path, seed: int) -> dict[str, Any]:
    import timm

    torch.manual_seed(seed)
    network = timm.create_model(RIVAL, num_classes=10)
    counted = lithe.profile(network, (1, 3, SIDE, SIDE), static=True)
    data = open_data(str(folder), seed=seed, progress=Progress(quiet=True))
    recipe = msgspec.structs.replace(recipe_for(len(data.train), counted.params), epochs=EPOCHS)
    prep = preprocessing(SIDE, 3)
    batches = loader(
        data.train,
        prep,
        batch_size=recipe.batch_size,
        seed=seed,
        strength=recipe.augmentation,
        workers=1,
    )
    held_out = loader(data.held_out, prep, batch_size=128, seed=seed, strength=None, workers=1)
    torch.set_num_threads(1)  # the other processor decodes, as in `lithe fit`
    history = train(network, batches, held_out, recipe, fabric=make_fabric(), seed=seed)
    return {
        "network": f"timm {RIVAL}, {SIDE} pixels",
        "seed": seed,
        "accuracy": history[-1].val_accuracy,
        "macs": counted.macs,
        "params": counted.params,
        "peak_activation_bytes": counted.peak_activation_bytes,
        "epochs": EPOCHS,
    }


def ours(folder: Path, seed: int, max_macs: int, out: Path) -> dict[str, Any]:
    budget = lithe.Budget(max_macs=max_macs)
    result = lithe.fit(folder, budget, out=out, epochs=EPOCHS, seed=seed, quiet=False)
    chosen = result.rows.chosen
    return {
        "network": f"lithe fit: {chosen.label}",
        "seed": seed,
        "accuracy": result.accuracy,
        "macs": chosen.macs,
        "params": chosen.params,
        "peak_activation_bytes": chosen.peak_activation_bytes,
        "epochs": EPOCHS,
    }


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = make_folder(
            Path(temporary) / "images",
            per_class=300,
            colour="mixed",
            sides=(48, 96),
            noise=0.45,
        )
        for seed in SEEDS:
            row = rival(folder, seed)
            rows += [row, ours(folder, seed, row["macs"], Path(temporary) / f"run{seed}")]
            for each in rows[-2:]:
                print(each)
    write("folder", rows)


if __name__ == "__main__":
    main()
