"""Networks compiled and timed, so that the table knows what their steps take here.

Between two turns of a network others are compiled and timed: a network is open for some
seconds, and written with all of its steps when it is done. Stopped or killed, what is written
stays, and the few that are open are lost.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lithe.arch import Architecture
from lithe.engine.cache import Cache
from lithe.engine.compile import compile_model
from lithe.engine.isa import InstructionSet
from lithe.errors import LitheError
from lithe.graph import from_arch, zero_model
from lithe.graph.passes import simplify
from lithe.latency_table.context import context_of
from lithe.latency_table.reference import DISTURBED, REFERENCE, best_known
from lithe.latency_table.store import Table, network_name
from lithe.latency_table.turns import USUAL, Effort, Runs, Turn, agreed, ready, take_turn
from lithe.latency_table.values import NetworkTimes, PlannedStep, StepTime
from lithe.progress import SILENT, Progress
from lithe.units import format_seconds

# `Planner.steps`: the steps of each network.
Plan = Callable[[Sequence[Architecture]], Sequence[Sequence[PlannedStep]]]


@dataclass(slots=True)
class _Open:
    """A network that is being measured; `age` counts the networks begun since."""

    arch: Architecture
    steps: Sequence[PlannedStep]
    runs: Runs
    turns: list[Turn] = field(default_factory=list)
    age: int = 0


def measure_networks(
    archs: Iterable[Architecture],
    isa: InstructionSet,
    threads: int,
    plan: Plan,
    table: Table,
    *,
    cache: Cache | None = None,
    effort: Effort = USUAL,
    progress: Progress = SILENT,
) -> Iterator[NetworkTimes]:
    """Compile and time networks one after the other; each is in the table when it comes back.

    It takes some two seconds a network, most of them to compile it. `plan` tells the steps
    that each network is known to have. What was compiled is kept in `cache`, the user's unless
    given. Where the reference network shows that the machine became slow, a network gets
    more turns; if that does not help it is kept as disturbed, and `progress` says so once.

    Raises:
        LitheError: a network cannot be built, has other steps than were planned, or the
            table cannot be written.
    """
    watch = _Watch(isa, threads, plan, table, cache or Cache(), effort, progress)
    for arch in archs:
        watch.begin(arch)
        yield from watch.finished()
    while watch.open:
        watch.wait()
        yield from watch.finished()


class _Watch:
    """The networks that are open, and what is known of the reference."""

    def __init__(
        self,
        isa: InstructionSet,
        threads: int,
        plan: Plan,
        table: Table,
        cache: Cache,
        effort: Effort,
        progress: Progress,
    ) -> None:
        self.open: list[_Open] = []
        self._isa, self._threads, self._plan = isa, threads, plan
        self._table, self._cache, self._effort = table, cache, effort
        self._progress = progress
        self._context = context_of(isa, threads)
        self._known_s = table.reference_s(self._context)
        self._seen_s: list[float] = []  # the reference's time in every turn
        self._reference = self._compiled(REFERENCE)
        self._said = False

    def begin(self, arch: Architecture) -> None:
        """Open a network, and give a turn to it and to those whose time has come."""
        (steps,) = self._plan((arch,))
        runs = self._compiled(arch)
        _check(arch, steps, runs)
        self.wait()
        self.open.append(one := _Open(arch, steps, runs))
        self._turn(one)

    def wait(self) -> None:
        """Let the open ones grow older."""
        for one in self.open:
            one.age += 1
            if one.age % self._effort.apart == 0 or len(self.open) <= self._effort.apart:
                self._turn(one)

    def finished(self) -> Iterator[NetworkTimes]:
        """Close, write and return those that have been measured enough."""
        for one in [one for one in self.open if self._is_enough(one)]:
            self.open.remove(one)
            times = self._times(one)
            self._table.add(self._context, times)
            yield times

    def _compiled(self, arch: Architecture) -> Runs:
        model = simplify(zero_model(from_arch(arch)))
        return ready(compile_model(model, self._isa, self._threads, self._cache))

    def _turn(self, one: _Open) -> None:
        turn = take_turn(one.runs, self._reference, self._effort.turn_s)
        one.turns.append(turn)
        self._seen_s.append(turn.reference_s)

    def _best_s(self) -> float:
        seen_s = best_known(self._seen_s)
        return seen_s if self._known_s is None else min(seen_s, self._known_s)

    def _calm(self, one: _Open) -> list[Turn]:
        limit_s = DISTURBED * self._best_s()
        return [turn for turn in one.turns if turn.undisturbed and turn.reference_s <= limit_s]

    def _is_enough(self, one: _Open) -> bool:
        if len(one.turns) < self._effort.turns:
            return False
        if len(one.turns) >= self._effort.most_turns:
            return True
        wholes = sorted(turn.whole for turn in self._calm(one))
        return any(more <= self._effort.agree * less for less, more in pairwise(wholes))

    def _times(self, one: _Open) -> NetworkTimes:
        calm = self._calm(one)
        disturbed = not calm
        turn = agreed(calm or one.turns)
        if disturbed and not self._said:
            self._said = True
            took, best = format_seconds(turn.reference_s), format_seconds(self._best_s())
            self._progress.say(
                "other work slows this machine down: the reference network takes "
                f"{took}, at its best {best}; "
                "networks are measured again, and marked where that does not help"
            )
        name, scale = network_name(one.arch), turn.reference_s
        steps = tuple(
            StepTime(step, name, scale * float(relative))
            for step, relative in zip(one.steps, turn.steps, strict=True)
        )
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        return NetworkTimes(one.arch, steps, scale * turn.whole, scale, disturbed, today)


def _check(arch: Architecture, steps: Sequence[PlannedStep], runs: Runs) -> None:
    """A plan that differs from what is compiled would put times at the wrong steps."""
    planned = [(step.kernel, step.units) for step in steps]
    compiled = [(step.kernel, step.units) for step in runs.network.schedule.steps]
    if planned != compiled:
        at = next(
            (at for at, (a, b) in enumerate(zip(planned, compiled, strict=False)) if a != b),
            min(len(planned), len(compiled)),
        )
        raise LitheError(
            f"{arch.label}: step {at} of {len(compiled)} was planned otherwise than it is compiled "
            f"({len(planned)} planned steps); this is a defect of lithe"
        )
