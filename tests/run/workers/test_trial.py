"""One trial, in this process."""

from dataclasses import replace

import msgspec
import pytest
import torch
from tests.run.workers import tasks
from tests.run.workers.conftest import EPOCHS
from tests.run.workers.tasks import ARCHS, Told, works

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.run.machine import make_fabric
from lithe.run.settings import Settings
from lithe.run.workers.make import side_by_side
from lithe.run.workers.trial import TrialTask, train_work, trial_epochs
from lithe.search.race import Standing
from lithe.search.work import Lost, Work
from lithe.training.checkpoint import read_average, read_header

Trained = tuple[TrialTask, Told]


def test_a_trial_in_two_parts_is_the_trial_in_one(
    task: TrialTask, here: dict[int, Standing | Lost]
) -> None:
    told = Told()
    for to_epoch in (1, EPOCHS):
        work = Work(0, ARCHS[0], to_epoch, EPOCHS)
        outcome = train_work(task, work, make_fabric(), told.epoch)
        assert isinstance(outcome, Standing)
        assert outcome.epochs == to_epoch
    assert outcome == here[0]
    assert told.epochs == [(0, 1), *((0, 1 + epoch) for epoch in range(EPOCHS))]


def test_every_epoch_is_told_in_order(trained_here: Trained) -> None:
    expected = [(trial, 1 + epoch) for trial in range(len(ARCHS)) for epoch in range(EPOCHS)]
    assert trained_here[1].epochs == expected


def test_what_was_trained_far_enough_is_not_trained_again(trained_here: Trained) -> None:
    task, told = trained_here
    before = task.checkpoint(1).stat().st_mtime_ns
    earlier = train_work(task, Work(1, ARCHS[1], 2, EPOCHS), make_fabric(), Told().epoch)
    again = train_work(task, works(EPOCHS, EPOCHS)[1], make_fabric(), Told().epoch)
    history = read_header(task.checkpoint(1)).history
    assert again == told.outcomes[1]
    assert earlier == Standing(history[1].val_accuracy, history[1].val_loss, 2)
    assert task.checkpoint(1).stat().st_mtime_ns == before


def test_the_checkpoint_of_another_table_is_refused(trained_here: Trained) -> None:
    task, _ = trained_here
    with pytest.raises(
        LitheError, match=r"trial-1.*is the checkpoint of .*w0.08_r8, not of .*w0\.1"
    ):
        train_work(task, Work(1, ARCHS[2], EPOCHS, EPOCHS), make_fabric(), Told().epoch)


def test_a_child_is_given_its_parents_averaged_weights(trained_here: Trained) -> None:
    task, _ = trained_here
    seen: list[tuple[Network, Architecture, dict[str, torch.Tensor]]] = []

    def inherit(network: Network, parent: Architecture, weights: dict[str, torch.Tensor]) -> None:
        seen.append((network, parent, weights))

    task = replace(task, inherit=inherit)  # type: ignore[arg-type]
    train_work(task, Work(10, ARCHS[1], 1, EPOCHS, parent=0), make_fabric(), Told().epoch)
    train_work(task, Work(10, ARCHS[1], 2, EPOCHS, parent=0), make_fabric(), Told().epoch)
    train_work(task, Work(11, ARCHS[1], 1, EPOCHS, parent=99), make_fabric(), Told().epoch)
    ((network, parent, weights),) = seen  # once: neither when it goes on nor without a parent
    assert (network.arch, parent) == (ARCHS[1], ARCHS[0])
    build(parent).load_state_dict(weights)
    arch, average = read_average(task.checkpoint(0))
    assert arch == ARCHS[0]
    assert all(torch.equal(average[name], value) for name, value in weights.items())


@pytest.mark.parametrize(
    ("inherit", "reason"),
    [(tasks.not_a_number, "the loss is no longer a number"), (tasks.out_of_memory, "not fit in")],
)
def test_what_is_wrong_with_one_trial_loses_that_trial(
    trained_here: Trained, inherit: object, reason: str
) -> None:
    task = replace(trained_here[0], inherit=inherit)  # type: ignore[arg-type]
    work = Work(20, ARCHS[0], 1, EPOCHS, parent=0)
    outcome = train_work(task, work, make_fabric(), Told().epoch)
    assert isinstance(outcome, Lost)
    assert reason in outcome.reason


def test_side_by_side_trials_train_in_as_many_threads_however_many_there_are(
    task: TrialTask,
) -> None:
    free = replace(task, settings=replace_threads(task, None))
    for parallel in (1, 2, 64, None):
        assert side_by_side(free, parallel).settings.threads == 1
        assert side_by_side(free, parallel).settings.workers == 0  # digits are in memory
        three = replace(task, settings=replace_threads(task, 3))
        assert side_by_side(three, parallel).settings.threads == 3


def replace_threads(task: TrialTask, threads: int | None) -> Settings:
    return msgspec.structs.replace(task.settings, threads=threads)


def test_a_trials_schedule_is_a_races(task: TrialTask) -> None:
    assert trial_epochs(task, ARCHS[0]) == 10  # a fifth of 10 would be under 240 steps
