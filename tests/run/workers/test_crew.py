"""Giving out works, with a crew that dies as told."""

from collections import deque
from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.run.workers.tasks import ARCHS, Told, task_in

from lithe.errors import LitheError
from lithe.run.workers.crew import MOST_DEATHS, Died, Done, Failed, Gang, News, Ready
from lithe.run.workers.trial import TrialTask
from lithe.search.race import Standing
from lithe.search.work import Lost, Work
from lithe.training.checkpoint import write_checkpoint
from lithe.training.history import EpochRow
from lithe.training.recipe import Recipe

RECIPE = Recipe(epochs=4, batch_size=2, learning_rate=0.1)
TO_EPOCH = 3


class Scripted:
    """A crew whose members die in their next step with probability `risk`, else do an epoch."""

    def __init__(self, task: TrialTask, size: int, draw: Random, risk: float) -> None:
        self.task = task
        self.size = size
        self.draw = draw
        self.risk = risk
        self.members: dict[int, Work | None] = {}
        self.reached: dict[int, int] = {}
        self.alone: dict[int, int] = {}
        self.begun = 0
        self.news: deque[tuple[int, News]] = deque()
        self.closed = False

    def start(self) -> int:
        self.begun += 1
        self.members[self.begun] = None
        assert len(self.members) <= self.size
        self.news.append((self.begun, Ready("here", self.begun)))
        return self.begun

    def give(self, member: int, work: Work) -> None:
        assert self.members[member] is None
        assert work not in self.members.values()
        self.members[member] = work

    def wait(self, timeout_s: float) -> list[tuple[int, News]]:
        found = list(self.news)
        self.news.clear()
        busy = [(member, work) for member, work in self.members.items() if work is not None]
        if busy and not found:
            member, work = self.draw.choice(busy)
            found.append((member, self.step(member, work)))
        return found

    def step(self, member: int, work: Work) -> News:
        while self.reached.get(work.trial, 0) < TO_EPOCH:
            if self.draw.random() < self.risk:
                del self.members[member]
                self.alone[work.trial] = self.alone.get(work.trial, 0) + 1
                return Died("by signal 9 (SIGKILL)")
            self.reached[work.trial] = epoch = self.reached.get(work.trial, 0) + 1
            self.alone[work.trial] = 0
            self.save(work, epoch)
        self.members[member] = None
        return Done(Standing(work.trial / 100, 1.0, TO_EPOCH))

    def save(self, work: Work, epochs: int) -> None:
        network = torch.nn.Linear(1, 1)
        optimizer = torch.optim.SGD(network.parameters(), 0.1)
        rows = [EpochRow(1 + epoch, 0.1, 1, 0, 1, 0, 1) for epoch in range(epochs)]
        write_checkpoint(
            self.task.checkpoint(work.trial), {"network": network}, optimizer, RECIPE, 0, rows
        )

    def close(self) -> None:
        self.members.clear()
        self.closed = True


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> TrialTask:
    return task_in(tmp_path_factory.mktemp("crew") / "run")


@settings(max_examples=60)
@given(
    count=st.integers(0, 7),
    size=st.integers(1, 4),
    risk=st.sampled_from([0.0, 0.2, 0.6]),
    seed=st.integers(0, 2**32),
)
def test_each_work_is_done_once_or_lost_after_three_deaths_in_one_epoch(
    shared: TrialTask, count: int, size: int, risk: float, seed: int
) -> None:
    for file in (shared.folder / "work").iterdir():
        file.unlink()
    told = Told()
    crew = Scripted(shared, size, Random(seed), risk)
    gang = Gang(crew, shared, told.epoch, told.said.append)
    gang.train([Work(trial, ARCHS[0], TO_EPOCH, 4) for trial in range(count)], told.done)
    assert set(told.outcomes) == set(range(count))
    assert not crew.closed
    for trial, outcome in told.outcomes.items():
        reached = crew.reached.get(trial, 0)
        assert [epoch for of, epoch in told.epochs if of == trial] == list(range(1, reached + 1))
        if isinstance(outcome, Lost):
            assert crew.alone[trial] == MOST_DEATHS
            assert outcome.reason.startswith(f"its worker died 3 times in epoch {reached + 1}, ")
        else:
            assert outcome == Standing(trial / 100, 1.0, TO_EPOCH)
            assert crew.alone.get(trial, 0) < MOST_DEATHS
    assert gang.at_work() == {}


class Unlucky(Scripted):
    """Members die before they are ready."""

    def start(self) -> int:
        self.begun += 1
        self.news.append((self.begun, Died("with exit code 1, after: No module named 'torch'")))
        return self.begun


class Refusing(Scripted):
    """Members meet what every trial would."""

    defect = False

    def step(self, member: int, work: Work) -> News:
        return Failed("the disk is full", self.defect)


class Defective(Refusing):
    defect = True


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (Unlucky, LitheError, "no worker can be started: 3 died .* No module named 'torch'$"),
        (Refusing, LitheError, "^the disk is full$"),
        (Defective, RuntimeError, "^the disk is full$"),
    ],
)
def test_what_ends_the_search_ends_the_crew(
    kind: type[Scripted], error: type[Exception], message: str, tmp_path: Path
) -> None:
    task = task_in(tmp_path / "run")
    crew = kind(task, 2, Random(0), 0.0)
    gang = Gang(crew, task, Told().epoch, Told().said.append)
    with pytest.raises(error, match=message):
        gang.train([Work(0, ARCHS[0], TO_EPOCH, 4)], Told().done)
    assert crew.closed
    assert gang.at_work() == {}
