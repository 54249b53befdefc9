"""Do weights of a neighbour help a search? The same networks with and without them.

For each data set and seed a family of networks grows: each is a mutation of an earlier one.
Each is trained for a short race with weights of its own, for the same race with the weights
that its parent has after the parent's, and in full with weights of its own. Rows have the
accuracies after all three. What counts is whether the order after the race is the order
after the full training.
"""

import random
import tempfile
from pathlib import Path

import msgspec
import torch
from benchmarks.kept import Row, fill
from benchmarks.search_data import DATA, images_of
from msgspec import UNSET
from torch import Tensor

from lithe.arch import ARCHITECTURES, Architecture, architecture
from lithe.arch.rows import InvertedResidual
from lithe.arch.structure import own_stages, restructured
from lithe.nets.inherit import inherit
from lithe.run.machine import make_fabric
from lithe.run.training import seeded
from lithe.search.price import static_price
from lithe.search.space import WIDTHS
from lithe.training.image_set import ImageSet
from lithe.training.images import ImageData, split
from lithe.training.loader import loader
from lithe.training.loop import train
from lithe.training.recipe import recipe_for
from lithe.training.transforms import preprocessing

NAME, SEEDS = "inherit", (0, 1, 2)
FAMILY = "mobilenet_v2"
NETWORKS, CHANGES = 6, 3  # of each family; choices by which a network differs from its parent
MAX_MACS = {"digits": 2_000_000, "shapes": 4_000_000}
RESOLUTION = {"digits": 8, "shapes": 16}
RACE, FULL = 4, 12  # epochs
CHOICES = {"n": (1, 2), "t": (2, 3, 4, 6), "k": (3, 5, 7), "squeeze": (UNSET, 4)}


def mutation(arch: Architecture, max_macs: int, draw: random.Random) -> Architecture:
    """The table with other choices in some places, as wide as the MACs allow."""
    rows = list(arch.rows)
    places = [i for i, row in enumerate(rows) if isinstance(row, InvertedResidual) and row.t > 1]
    for _ in range(CHANGES):
        place, what = draw.choice(places), draw.choice(list(CHOICES))
        others = [value for value in CHOICES[what] if value != getattr(rows[place], what)]
        rows[place] = msgspec.structs.replace(rows[place], **{what: draw.choice(others)})
    changed = msgspec.structs.replace(arch, rows=tuple(rows))
    # Under the name that says the structure: weights are drawn by names.
    named = restructured(ARCHITECTURES[FAMILY], arch.activation, own_stages(changed))
    return widest(msgspec.structs.replace(changed, name=named.name), max_macs)


def widest(arch: Architecture, max_macs: int) -> Architecture:
    # Below these widths rows have no channel left.
    tables = (msgspec.structs.replace(arch, width=w) for w in reversed(WIDTHS) if w > 0.06)
    return next(table for table in tables if static_price(table).macs <= max_macs)


def family(name: str, data: ImageData, seed: int) -> list[tuple[int | None, Architecture]]:
    """Tables, each with the number of its parent."""
    draw = random.Random(seed)
    root = architecture(
        FAMILY,
        resolution=RESOLUTION[name],
        num_classes=len(data.classes),
        in_channels=data.channels,
    )
    tables: list[tuple[int | None, Architecture]] = [(None, mutation(root, MAX_MACS[name], draw))]
    while len(tables) < NETWORKS:
        parent = draw.randrange(len(tables))
        child = mutation(tables[parent][1], MAX_MACS[name], draw)
        if all(child != table for _, table in tables):
            tables.append((parent, child))
    return tables


Weights = dict[str, Tensor]


def trained(
    arch: Architecture,
    images: tuple[ImageSet, ImageSet],
    epochs: int,
    seed: int,
    parent: tuple[Architecture, Weights] | None = None,
) -> tuple[float, float, Weights]:
    """Accuracy on the second images, the share that was inherited, and the weights."""
    network = seeded(arch, seed)
    share = inherit(network, *parent).share if parent else 0.0
    recipe = recipe_for(len(images[0]), static_price(arch).params)
    recipe = msgspec.structs.replace(recipe, epochs=epochs, warmup_epochs=0.1 * epochs)
    prep = preprocessing(arch.resolution, arch.in_channels)
    size, strength = recipe.batch_size, recipe.augmentation
    batches = loader(images[0], prep, batch_size=size, seed=seed, strength=strength, workers=0)
    judged = loader(images[1], prep, batch_size=256, seed=seed, strength=None, workers=0)
    history = train(network, batches, judged, recipe, fabric=make_fabric(), seed=seed)
    return history[-1].val_accuracy, share, network.state_dict()


def measure(case: Row) -> list[Row]:
    """The family of one data set and seed."""
    torch.set_num_threads(1)
    seed = case["seed"]
    with tempfile.TemporaryDirectory() as temporary:
        data = images_of(case["data"], Path(temporary), seed)
        race = split(data.train, 0.15, seed)
        rows: list[Row] = []
        weights: list[Weights] = []
        tables = family(case["data"], data, seed)
        for number, (parent, arch) in enumerate(tables):
            alone, _, state = trained(arch, race, RACE, seed)
            inherited, share = alone, 0.0
            if parent is not None:
                of = tables[parent][1], weights[parent]
                inherited, share, state = trained(arch, race, RACE, seed, of)
            weights.append(state)
            full, _, _ = trained(arch, (data.train, data.held_out), FULL, seed)
            rows.append(
                case
                | {
                    "number": number,
                    "label": arch.label,
                    "macs": static_price(arch).macs,
                    "parent": parent,
                    "share": share,
                    "race_alone": alone,
                    "race_inherited": inherited,
                    "full": full,
                }
            )
    return rows


if __name__ == "__main__":
    fill(NAME, [{"data": data, "seed": seed} for data in DATA for seed in SEEDS], measure)
