"""Trials in a store that others may hold, break, or work in at the same time."""

import multiprocessing
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from optuna.storages._cached_storage import _CachedStorage
from sqlalchemy.event import listen
from tests.search.made_up import CHOICES, candidate_of, first, study_in, train

from lithe.errors import LitheError
from lithe.search.generations import Effort, search
from lithe.search.sampler import Choices
from lithe.search.store import IN_MEMORY, shown
from lithe.search.study import open_study

EFFORT = Effort(epochs=2, size=3, allowance_epochs=9)


def test_the_dashboard_finds_names_curves_and_costs(tmp_path: Path) -> None:
    search(study_in(tmp_path), first(), candidate_of, train, EFFORT)
    study = optuna.load_study(study_name="photos", storage=f"sqlite:///{tmp_path}/trials.db")
    assert study.metric_names == ["accuracy"]
    assert study.direction.name == "MAXIMIZE"
    row = study.trials[0]
    assert row.params == first()[0][0]
    assert row.user_attrs["label"] == first()[0][1].arch.label
    assert row.user_attrs["MACs"] == first()[0][1].price.macs
    assert row.user_attrs["peak activation (bytes)"] == 9
    assert row.value == row.intermediate_values[row.last_step or 0]
    assert {row.state.name for row in study.trials} <= {"COMPLETE", "PRUNED"}


def test_optuna_is_silent_and_left_as_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    level = optuna.logging.get_verbosity()
    search(study_in(tmp_path), first(), candidate_of, train, EFFORT)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
    assert optuna.logging.get_verbosity() == level


def test_trials_that_somebody_queued_in_the_dashboard_are_left_alone(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    study.optuna.enqueue_trial({"family": "mobilenet_v1"})
    trials = search(study, first(), candidate_of, train, EFFORT)
    assert [trial.number for trial in trials[:3]] == [1, 2, 3]
    assert trials[-1].told


def test_two_runs_of_one_name_stop_and_another_name_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/trials.db"
    mine = study_in(tmp_path, run="first")
    with pytest.raises(LitheError, match=r"'photos' in .* belongs to the run first"):
        study_in(tmp_path, run="second")
    theirs = open_study(url, "other photos", "second", CHOICES)
    trials = search(mine, first(), candidate_of, train, EFFORT)
    assert search(theirs, first(), candidate_of, train, EFFORT) == trials
    assert mine.trials() == trials


def test_a_run_that_lost_its_study_to_another_stops(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    study.optuna.set_user_attr("run", "second")
    with pytest.raises(LitheError, match="belongs to the run second"):
        search(study, first(), candidate_of, train, EFFORT)


def test_another_design_space_or_other_objectives_are_another_search(tmp_path: Path) -> None:
    study_in(tmp_path)
    choices: Choices = {**CHOICES, "resolution": (32, 48)}
    with pytest.raises(LitheError, match="another design space"):
        open_study(f"sqlite:///{tmp_path}/trials.db", "photos", "first", choices)


def test_a_locked_store_says_so_and_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/trials.db"
    study = open_study(url, "photos", "first", CHOICES, wait_s=0.01)
    trials = search(study, first(), candidate_of, train, Effort(2, 3, 0))
    other = sqlite3.connect(tmp_path / "trials.db", isolation_level=None)
    other.execute("begin exclusive")
    with pytest.raises(LitheError, match=r"trials\.db is locked by another program"):
        search(study, first(), candidate_of, train, EFFORT)
    with pytest.raises(LitheError, match="is locked by another program"):
        open_study(url, "photos", "first", CHOICES, wait_s=0.01)
    other.execute("rollback")
    again = search(study_in(tmp_path), first(), candidate_of, train, EFFORT)
    assert again[:3] == trials
    assert len(again) == 6


def test_a_store_locked_for_writing_while_trials_are_trained(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/trials.db"
    study = open_study(url, "photos", "first", CHOICES, wait_s=0.01)
    for parameters, candidate in first():
        study.begin(0, parameters, candidate, None)
    other = sqlite3.connect(tmp_path / "trials.db", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(LitheError, match="go on with --resume: nothing is lost"):
        search(study, first(), candidate_of, train, EFFORT)
    other.execute("rollback")
    assert len(search(study, first(), candidate_of, train, EFFORT)) == 6


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("trials.db", "'trials.db' is not the URL of a store; write it like sqlite:///"),
        ("nosuch://host/db", "is not the URL of a store"),
        ("sqlite:////no/such/folder/trials.db", "cannot be opened: its folder does not exist"),
        ("sqlite:////etc/hostname", "is a file of another kind|cannot be written"),
        ("oracle://host/db", "needs a package that is not installed"),
    ],
)
def test_what_is_no_store(url: str, message: str) -> None:
    with pytest.raises(LitheError, match=message) as error:
        open_study(url, "photos", "first", CHOICES)
    assert "\n" not in str(error.value)


def test_a_password_is_not_shown() -> None:
    assert shown("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"


def test_a_store_of_a_newer_optuna(tmp_path: Path) -> None:
    study_in(tmp_path)
    with sqlite3.connect(tmp_path / "trials.db") as file:
        file.execute("update alembic_version set version_num = 'v99.0.0.a'")
    with pytest.raises(LitheError, match=r"another version of Optuna .* install the newer one"):
        study_in(tmp_path)


def test_a_full_disk(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    search(study, first(), candidate_of, train, Effort(2, 3, 0))

    def no_room(connection: sqlite3.Connection, *_: object) -> None:
        pages = connection.execute("pragma page_count").fetchone()[0]
        connection.execute(f"pragma max_page_count = {pages}")

    store = study.optuna._storage
    assert isinstance(store, _CachedStorage)
    listen(store._backend.engine, "checkout", no_room)
    with pytest.raises(LitheError, match="has no room left on its disk; make room"):
        search(study, first(), candidate_of, train, Effort(2, 8, 500))
    begun = study_in(tmp_path).trials()
    assert search(study_in(tmp_path), first(), candidate_of, train, EFFORT)[:3] == begun[:3]


KILLED = """
import os, sys
from pathlib import Path
from tests.search.made_up import candidate_of, first, study_in, train
from lithe.search.generations import Effort, search

left = int(sys.argv[2])

def dies(works, on_done):
    def done(work, outcome):
        global left
        on_done(work, outcome)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
    train(works, done)

search(study_in(Path(sys.argv[1])), first(), candidate_of, dies, Effort(2, 3, 9))
"""


@pytest.mark.parametrize("after", [1, 6])
def test_killed_and_resumed(tmp_path: Path, after: int) -> None:
    """Nothing that was stored is trained again, and the end is the same."""
    whole = search(
        open_study(IN_MEMORY, "photos", "first", CHOICES), first(), candidate_of, train, EFFORT
    )
    process = subprocess.run([sys.executable, "-c", KILLED, tmp_path, str(after)], timeout=60)
    assert process.returncode == -signal.SIGKILL
    study = study_in(tmp_path)
    stored = [trial for trial in study.trials() if trial.standings]
    assert sum(len(trial.standings) for trial in stored) == after
    assert search(study, first(), candidate_of, train, EFFORT) == whole


def test_searches_that_begin_with_a_new_store_at_once(tmp_path: Path) -> None:
    """Of those with one name one is told to choose another; the others all go on."""
    processes = multiprocessing.get_context("fork")
    together, outcomes = processes.Barrier(4), processes.SimpleQueue()
    url = f"sqlite:///{tmp_path}/trials.db"

    def begin(name: str, run: str) -> None:
        together.wait()
        try:
            open_study(url, name, run, CHOICES)
            outcomes.put((name, "goes on"))
        except LitheError as error:
            outcomes.put((name, str(error).split(" belongs to ")[1][:8]))

    names = [("a", "a1"), ("a", "a2"), ("b", "b1"), ("c", "c1")]
    begun = [processes.Process(target=begin, args=args) for args in names]
    for process in begun:
        process.start()
    for process in begun:
        process.join(60)
    said = sorted(outcomes.get() for _ in names)
    assert said == [("a", "goes on"), ("a", "the run "), ("b", "goes on"), ("c", "goes on")]
