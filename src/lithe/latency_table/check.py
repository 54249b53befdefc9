"""How good predictions are here: random candidates predicted first, and then measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from lithe.arch import Architecture
from lithe.engine.isa import InstructionSet
from lithe.latency_table.fill import measure_networks
from lithe.latency_table.predict import PredictionError, TablePredictor, error_of
from lithe.latency_table.reference import as_if
from lithe.latency_table.store import Table
from lithe.latency_table.turns import USUAL, Effort
from lithe.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class Checked:
    """One network: seconds predicted before it was compiled, and measured after.

    `looked_up` is the share of the predicted seconds that came from measured steps;
    `disturbed` says that the machine was busy each time that the network was measured.
    """

    arch: Architecture
    predicted_s: float
    looked_up: float
    measured_s: float
    disturbed: bool

    @property
    def error(self) -> float:
        """The share of the measured time by which the prediction is too long."""
        return self.predicted_s / self.measured_s - 1


def check(
    predictor: TablePredictor,
    archs: Sequence[Architecture],
    isa: InstructionSet,
    table: Table,
    *,
    effort: Effort = USUAL,
    progress: Progress = SILENT,
) -> tuple[Checked, ...]:
    """Predict all networks, and then compile and time them as those of the table were.

    Times are as in a moment in which the reference network takes as long as it does in the
    table. What is measured goes into `table`, so that the next prediction knows it.

    Raises:
        LitheError: a network cannot be predicted, built or written.
    """
    predicted = dict(zip(archs, predictor(archs), strict=True))
    reference_s = predictor.networks[0].reference_s
    threads = predictor.context.threads
    found: dict[Architecture, Checked] = {}
    with progress.task(f"checking {len(archs)} predictions", len(archs)) as advance:
        for times in measure_networks(
            archs, isa, threads, predictor.plan, table, effort=effort, progress=progress
        ):
            said = predicted[times.arch]
            measured_s = as_if(times, reference_s).whole_s
            found[times.arch] = Checked(
                times.arch, said.seconds, said.looked_up, measured_s, times.disturbed
            )
            advance()
    return tuple(found[arch] for arch in archs)


def summary(checked: Sequence[Checked]) -> PredictionError:
    """The errors of all networks, whichever way they go."""
    return error_of([abs(each.error) for each in checked])
