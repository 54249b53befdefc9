"""The search of the design space against the grid, as a user runs both.

Three runs for each data set, budget and seed: the design space; the grid with as many
epochs, which trains less; and the grid at equal training time, with so many epochs, in its
race and behind it, that it trains at least as much. Training is counted as epochs x MACs of
the network, which no other program on the machine disturbs; processor seconds stand beside.
The grid's race grows with the epochs of the full training, by the rule of `race_epochs`.

`python -m benchmarks.search` does what is missing in `results/search.json`, one run on each
core; limits on latency come behind all others, one run at a time. `--quick` does one seed of
each data set with few epochs and keeps its rows in `results/quick/search.json`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.kept import Row, fill
from benchmarks.search_data import place_of

from lithe.run.folder import read_state
from lithe.run.settings import State
from lithe.search.race import Standing, race_epochs, survivors

NAME, SEEDS = "search", (0, 1, 2)
BUDGETS = {  # one option and its value for each
    "digits": (("--max-macs", "1M"),),
    "shapes": (("--max-macs", "1500k"),),
}
EFFORT = {"digits": (16, 18), "shapes": (8, 12)}  # epochs of the full training, and trials
QUICK = (2, 8)
RACE_SHARE = 0.85  # of the training images are trained on in a race


def trained_macs(state: State, images: int) -> int:
    """Epochs x MACs x images, of all trials and of the training in full."""
    macs = {candidate.arch.label: candidate.price.macs for candidate in state.candidates}
    race = sum(standing.epochs * macs[label] for label, standing in state.standings.items())
    return int((race * RACE_SHARE + _full_epochs(state) * macs[_winner(state)]) * images)


def epochs_for(state: State, images: int, steps: int, least: int) -> int:
    """For how many epochs the grid has to be asked to train at least that much.

    `state` is that of a finished run of the grid, whose racers and order are taken to stay
    as they are. `steps` are those of one epoch of the race.
    """
    macs = {candidate.arch.label: candidate.price.macs for candidate in state.candidates}
    ranked = sorted(state.standings, key=lambda label: _rank(state.standings[label]))
    further = ranked[: survivors(len(ranked), 0.5)]
    for epochs in range(_full_epochs(state), 100 * _full_epochs(state)):
        race = race_epochs(epochs, steps)
        half = max(1, round(race / 2))
        raced = sum(macs[label] for label in ranked) * half
        raced += sum(macs[label] for label in further) * (race - half)
        if (raced * RACE_SHARE + epochs * macs[_winner(state)]) * images >= least:
            return epochs
    raise ValueError(f"no number of epochs trains {least} MACs")


def _rank(standing: Standing) -> tuple[float, ...]:
    return -standing.epochs, -standing.accuracy, standing.loss


def _winner(state: State) -> str:
    assert state.winner is not None
    return state.winner.label


def _full_epochs(state: State) -> int:
    assert state.recipe is not None
    return state.recipe.epochs


def measure(case: Row, quick: bool) -> list[Row]:
    """The three runs of one case."""
    epochs, trials = QUICK if quick else EFFORT[case["data"]]
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        data = place_of(case["data"], temporary)

        def run(method: str, search: str, epochs: int) -> tuple[Row, State]:
            out = temporary / method.replace(" ", "-")
            options = [*case["budget"].split(), "--search", search, "--epochs", str(epochs)]
            options += ["--trials", str(trials)] * (search == "space")
            options += ["--seed", str(case["seed"]), "--threads", "1", "--workers", "0"]
            result, seconds = _lithe("fit", data, *options, "--out", str(out), "--json")
            state = read_state(out)
            return {
                **case,
                "method": method,
                "accuracy": result["accuracy"],
                "chosen": result["chosen"],
                "limits": result["limits"],
                "epochs": epochs,
                "trials": len(state.standings),
                "trained_macs": trained_macs(state, _images(state, data, case["seed"])),
                "processor_s": round(seconds, 1),
            }, state

        space, _ = run("space", "space", epochs)
        short, state = run("grid", "grid", epochs)
        images = _images(state, data, case["seed"])
        assert state.recipe is not None
        steps = int(images * RACE_SHARE) // state.recipe.batch_size
        longer = epochs_for(state, images, steps, space["trained_macs"])
        equal, _ = run("grid, equal time", "grid", longer)
        return [space, short, equal]


def _images(state: State, data: str, seed: int) -> int:
    from lithe.progress import Progress
    from lithe.training.images import open_data

    return len(open_data(data, seed=seed, progress=Progress(quiet=True)).train)


def _lithe(*arguments: str) -> tuple[dict[str, Any], float]:
    """What a command of lithe prints, and the processor seconds that it took."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "lithe", *arguments], stdout=subprocess.PIPE, check=True
    )
    after = os.times()
    seconds = after.children_user + after.children_system
    return json.loads(done.stdout), seconds - before.children_user - before.children_system


def cases(seeds: tuple[int, ...], timed: bool) -> list[Row]:
    """Data set, budget and seed of each; those with a limit on time, or all others."""
    return [
        {"data": data, "budget": f"{option} {value}", "seed": seed}
        for data, budgets in BUDGETS.items()
        for option, value in budgets
        for seed in seeds
        if (option == "--max-latency") == timed
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    name, seeds = ("quick/search", SEEDS[:1]) if quick else (NAME, SEEDS)
    for timed in (False, True):
        run = partial(measure, quick=quick)
        fill(name, cases(seeds, timed), run, alone=timed)


if __name__ == "__main__":
    main()
