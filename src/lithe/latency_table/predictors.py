"""The predictor of this machine, whose table is filled where it is empty, and of a device file."""

from collections.abc import Callable, Sequence

from lithe.arch import Architecture
from lithe.cost.table import table_cost
from lithe.device import Device
from lithe.engine.isa import InstructionSet
from lithe.engine.programs import threads_for
from lithe.engine.target import instruction_set, known_instruction_set
from lithe.errors import LitheError
from lithe.latency_table.carried import context_in, networks_in, table_for
from lithe.latency_table.context import context_of, generator_digest
from lithe.latency_table.fill import measure_networks
from lithe.latency_table.machine import FEWEST, NETWORKS, fill_table
from lithe.latency_table.plan import Planner
from lithe.latency_table.predict import PredictionError, TablePredictor, left_out
from lithe.latency_table.store import Table, open_table
from lithe.latency_table.values import Predicted
from lithe.progress import SILENT, Progress

# A table is good enough where networks that it does not hold are predicted this well.
MEDIAN, WORST = 0.05, 0.15
_NETWORKS_PER_MIN = 30


class MachinePredictor:
    """Predicts latencies on this machine; see `Predictor`.

    Each network runs on as many threads as `lithe.engine` gives it of at most `threads`, and
    each number of threads has a table of its own. One is opened where the first network needs
    it; where it has too few networks for this processor, donors are measured first: once for
    a machine, some minutes, in which nothing else should run. See `filled` for `networks`.
    """

    def __init__(
        self,
        threads: int,
        *,
        table: Table | None = None,
        networks: int | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self._most = threads
        self._table = table or open_table()
        self._networks = networks
        self._progress = progress
        self._of: dict[int, TablePredictor] = {}

    def at(self, threads: int) -> TablePredictor:
        """What predicts networks that run on exactly so many threads.

        Raises:
            LitheError: the engine does not run here, or the table is locked.
            KeyboardInterrupt: Ctrl-C; what was measured is kept.
        """
        if threads not in self._of:
            self._of[threads] = self._opened(threads)
            if not self._is_enough(self._of[threads]):
                isa, planner = instruction_set(None), Planner(instruction_set(None), threads)
                filled(self._table, isa, threads, planner, self._networks, self._progress)
                self._of[threads] = self._opened(threads)
        return self._of[threads]

    def _opened(self, threads: int) -> TablePredictor:
        isa = instruction_set(None)
        context = context_of(isa, threads)
        return TablePredictor(context, self._table.networks(context), Planner(isa, threads).steps)

    def _is_enough(self, found: TablePredictor) -> bool:
        there = len(found.networks)
        wanted = self._networks or NETWORKS
        return there >= wanted or (
            self._networks is None and there >= FEWEST and is_good(found.error)
        )

    def learn(self, arch: Architecture) -> None:
        """Measure a network's steps, so that it and what is like it are predicted better.

        It takes some two seconds; the table keeps it. Raises as `at`.
        """
        threads = threads_for(table_cost(arch).macs, self._most)
        plan = self.at(threads).plan
        for _ in measure_networks([arch], instruction_set(None), threads, plan, self._table):
            pass  # one network, kept in the table as it comes
        self._of[threads] = self._opened(threads)

    def __call__(self, archs: Sequence[Architecture]) -> tuple[Predicted, ...]:
        """One prediction for each table, in order; raises as `at`."""
        threads = [threads_for(table_cost(arch).macs, self._most) for arch in archs]
        found: dict[int, Predicted] = {}
        for count in sorted(set(threads)):
            of_count = [index for index, each in enumerate(threads) if each == count]
            predicted = self.at(count)([archs[index] for index in of_count])
            found |= dict(zip(of_count, predicted, strict=True))
        return tuple(found[index] for index in range(len(archs)))


def runs_on(threads: int) -> Callable[[Architecture], bool]:
    """Whether a network runs on all of so many threads: smaller ones do not."""
    return lambda arch: threads_for(table_cost(arch).macs, threads) == threads


def filled(
    table: Table,
    isa: InstructionSet,
    threads: int,
    planner: Planner,
    networks: int | None,
    progress: Progress,
) -> None:
    """See to it that a table can predict: it has so many networks, or predicts well enough.

    With no number it is filled up to `NETWORKS`, and no further than it has to be.

    Raises:
        LitheError: as `lithe.latency_table.machine.fill_table`.
        KeyboardInterrupt: Ctrl-C; what was measured is kept.
    """
    context = context_of(isa, threads)

    def enough() -> bool:
        return networks is None and is_good(left_out(table.networks(context)))

    wanted = networks or NETWORKS
    there = len(table.networks(context))
    if there >= wanted or (there >= FEWEST and enough()):
        return
    minutes = max(1, round((wanted - there) / _NETWORKS_PER_MIN))
    progress.say(
        f"up to {wanted - there} networks are compiled and timed with {threads} "
        f"thread{'s' * (threads > 1)}, once for this machine, some {minutes} min; let nothing "
        f"else run on it; {there} are there already"
    )
    try:
        done = fill_table(
            table, isa, threads, planner.steps, wanted, enough=enough, progress=progress
        )
    except KeyboardInterrupt:
        kept = len(table.networks(context))
        progress.say(f"{kept} networks are kept; the same command goes on from there")
        raise
    if done.disturbed:
        progress.say(
            f"{done.disturbed} of {done.networks} networks were measured while other work "
            "slowed the machine down; their times are less certain"
        )


def predictor_for(device: Device, threads: int | None = None) -> TablePredictor:
    """What predicts latencies on a device, from the latency table in its file.

    With no number of `threads` it is that of the device's first table.

    Raises:
        LitheError: it has no such table, or one whose steps this version plans otherwise.
    """
    if threads is None:
        threads = device.latency[0].threads if device.latency else 1
    carried = table_for(device, threads)
    context = context_in(carried)
    # Another LLVM there is as good: its times are that machine's. Other steps are not.
    if not context.code.startswith(f"{generator_digest()}-"):
        raise LitheError(
            f"the latency table of {device.name} was measured by another version of lithe's "
            "engine, whose steps are not those of this one; measure it again there: "
            f"lithe device --latency-table --threads {threads} --out FILE"
        )
    planner = Planner(known_instruction_set(context.isa), threads)
    return TablePredictor(context, networks_in(carried), planner.steps)


def is_good(error: PredictionError | None) -> bool:
    """Whether networks are predicted as well as they have to be."""
    return error is not None and error.median <= MEDIAN and error.worst <= WORST
