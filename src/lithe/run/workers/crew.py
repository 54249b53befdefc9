"""What processes on this machine and on a cluster have in common: giving out works.

A crew knows how to start a member, hand it a work and hear what became of it. Who gets which
work, what happens when a member dies, and who is told of it, is the same for all crews.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from lithe.errors import LitheError
from lithe.interrupt import raise_if_interrupted
from lithe.run.workers.trial import OnEpoch, TrialTask
from lithe.search.race import Standing
from lithe.search.work import Lost, Work
from lithe.training.checkpoint import read_header

POLL_S = 0.2  # between looks at checkpoints, and at members that may have died without a word
MOST_DEATHS = 3  # of members over the same epoch of the same trial
SAY_WAITING_S = 60.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A member can be given a work; it is process `pid` of the machine `host`."""

    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Done:
    """A member has done its work."""

    outcome: Standing | Lost


@dataclass(frozen=True, slots=True)
class Failed:
    """A member met what would meet every trial; a `defect` is of lithe, with its traceback."""

    error: str
    defect: bool = False


@dataclass(frozen=True, slots=True)
class Died:
    """A member is no more; `how` ends a sentence that begins with "its worker died"."""

    how: str


News = Ready | Done | Failed | Died


class Crew(Protocol):
    """Members that each train one trial at a time, by number."""

    @property
    def size(self) -> int:
        """The most members that work at once."""
        ...

    def start(self) -> int:
        """Begin to start a member; `Ready` or `Died` will follow."""
        ...

    def give(self, member: int, work: Work) -> None:
        """Hand a work to a member that is ready; `Done`, `Failed` or `Died` will follow."""
        ...

    def wait(self, timeout_s: float) -> list[tuple[int, News]]:
        """News of members, as soon as there are any; none after `timeout_s`."""
        ...

    def close(self) -> None:
        """End all members at once, whatever they are doing."""
        ...


class Gang:
    """`lithe.search.work.Workers` on a crew.

    Members are started when there is work for them and kept until `close`, which also comes
    before every error that leaves `train`.
    """

    def __init__(
        self, crew: Crew, task: TrialTask, on_epoch: OnEpoch, say: Callable[[str], None]
    ) -> None:
        self._crew = crew
        self._task = task
        self._on_epoch = on_epoch
        self._say = say
        self._starting: set[int] = set()
        self._idle: list[int] = []
        self._busy: dict[int, Work] = {}
        self._places: dict[int, Ready] = {}
        self._looked: dict[int, int] = {}  # when the checkpoint that was read last was written
        self._told: dict[int, int] = {}  # by trial, the last epoch that was told
        # By trial: how many epochs it had when its worker died, and how often that was so.
        self._deaths: dict[int, tuple[int, int]] = {}
        self._failed_starts = 0

    def train(
        self, works: Sequence[Work], on_done: Callable[[Work, Standing | Lost], None]
    ) -> None:
        """Do all works; see `lithe.search.work.Workers`.

        Raises:
            LitheError: no worker can be started, or what would have met every trial.
        """
        waiting = deque(works)
        spoken = time.monotonic()
        try:
            while waiting or self._busy:
                self._start(len(waiting))
                while waiting and self._idle:
                    work = waiting.popleft()
                    member = self._idle.pop()
                    self._busy[member] = work
                    self._crew.give(member, work)
                for member, news in self._crew.wait(POLL_S):
                    self._hear(member, news, waiting, on_done)
                for work in list(self._busy.values()):
                    self._tell(work)
                now = time.monotonic()
                if self._busy or not self._starting:
                    spoken = now
                elif now - spoken > SAY_WAITING_S:
                    spoken = now
                    self._say("waiting for a first worker: no processor is free for it yet")
                raise_if_interrupted()
        except BaseException:
            self.close()
            raise

    def at_work(self) -> dict[int, Ready]:
        """Which process trains which trial just now."""
        return {work.trial: self._places[member] for member, work in self._busy.items()}

    def close(self) -> None:
        """End all members at once."""
        self._crew.close()
        self._places.clear()
        self._starting.clear()
        self._idle.clear()
        self._busy.clear()

    def _start(self, waiting: int) -> None:
        members = len(self._starting) + len(self._idle) + len(self._busy)
        wanted = min(self._crew.size, len(self._busy) + waiting)
        for _ in range(wanted - members):
            self._starting.add(self._crew.start())

    def _hear(
        self,
        member: int,
        news: News,
        waiting: deque[Work],
        on_done: Callable[[Work, Standing | Lost], None],
    ) -> None:
        match news:
            case Ready():
                self._failed_starts = 0
                self._places[member] = news
                self._starting.discard(member)
                self._idle.append(member)
            case Done(outcome):
                work = self._busy.pop(member)
                self._idle.append(member)
                self._deaths.pop(work.trial, None)
                self._tell(work)
                on_done(work, outcome)
            case Failed(error, defect):
                raise RuntimeError(error) if defect else LitheError(error)
            case Died(how):
                place = self._places.pop(member, None)
                if member in self._busy and place is not None:
                    where = f"{how} (process {place.pid} on {place.host})"
                    self._bury(self._busy.pop(member), where, waiting, on_done)
                elif member in self._idle:
                    self._idle.remove(member)
                else:
                    self._starting.discard(member)
                    self._failed_starts += 1
                    if self._failed_starts == MOST_DEATHS:
                        raise LitheError(
                            f"no worker can be started: {MOST_DEATHS} died while they started, "
                            f"the last {how}"
                        )

    def _bury(
        self,
        work: Work,
        how: str,
        waiting: deque[Work],
        on_done: Callable[[Work, Standing | Lost], None],
    ) -> None:
        reached = self._tell(work)
        # On machines that come and go a long trial may lose many workers and still get on.
        epoch, deaths = self._deaths.get(work.trial, (reached, 0))
        deaths = deaths + 1 if epoch == reached else 1
        self._deaths[work.trial] = reached, deaths
        if deaths < MOST_DEATHS:
            self._say(
                f"the worker of trial {work.trial} died {how}; "
                f"another goes on from the end of epoch {reached}"
            )
            waiting.appendleft(work)
            return
        del self._deaths[work.trial]
        on_done(
            work,
            Lost(
                f"its worker died {deaths} times in epoch {reached + 1}, the last {how}; where "
                "memory runs out, a smaller --parallel or --batch-size helps"
            ),
        )

    def _tell(self, work: Work) -> int:
        """Tell of the epochs that a trial has finished since the last time; how many in all."""
        checkpoint = self._task.checkpoint(work.trial)
        with suppress(FileNotFoundError):
            written = checkpoint.stat().st_mtime_ns
            if self._looked.get(work.trial) != written:
                self._looked[work.trial] = written
                for row in read_header(checkpoint).history[self._told.get(work.trial, 0) :]:
                    self._told[work.trial] = row.epoch
                    self._on_epoch(work, row)
        return self._told.get(work.trial, 0)
