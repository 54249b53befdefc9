"""The best candidates of a search, compiled and timed until one holds its limit on latency."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from lightning_fabric import Fabric

from lithe.arch import Architecture
from lithe.progress import Progress
from lithe.run.folder import Folder
from lithe.run.timing import Timed, in_calm, timed
from lithe.run.training import seeded
from lithe.search.shortlist import Candidate
from lithe.search.verify import (
    SLOWER,
    Attempt,
    Prices,
    first_that_holds,
    narrower,
    nothing_holds,
    slower_by,
)
from lithe.units import format_seconds


def verified(
    ranked: Sequence[Candidate],
    folder: Folder,
    prices: Prices,
    fabric: Fabric,
    progress: Progress,
    narrow: bool = True,
    learn: Callable[[Architecture], None] = lambda _: None,
) -> Candidate:
    """The best candidate that holds when it is timed; all attempts go into the state.

    `ranked` come best first. Without a limit on latency, and for a machine that is not here,
    it is the first. One process measures, so that the others do not disturb it. With
    `narrow` one that is too slow is tried again with fewer channels, once `learn` was told
    of it: what it measures, `prices` knows.

    Raises:
        LitheError: nothing holds; names the closest and its figures.
    """
    settings = folder.state.settings
    limit = settings.budget.max_latency_s
    if limit is None or settings.device is not None:
        return ranked[0]

    def smaller(attempt: Attempt) -> Candidate | None:
        if not narrow:
            return None
        learn(attempt.candidate.arch)
        return narrower(attempt, settings.budget, prices)

    chosen = None
    if fabric.is_global_zero:
        chosen = first_that_holds(
            ranked,
            lambda candidate: _attempt(candidate, limit, folder, progress),
            smaller,
            folder.state.attempts,
        )
    chosen, state = fabric.broadcast((chosen, folder.state))
    folder.update(state)
    if chosen is None:
        raise nothing_holds(settings.budget, folder.state.attempts)
    return chosen


def _attempt(candidate: Candidate, limit: float, folder: Folder, progress: Progress) -> Attempt:
    settings, then_s = folder.state.settings, folder.state.reference_s
    network = seeded(candidate.arch, settings.seed)

    def late(found: Timed) -> bool:
        return found.latencies[0].p80_s > limit

    found = in_calm(lambda: timed([network], settings.runtime), late, then_s)
    (measured,) = found.latencies
    holds = not late(found)
    attempt = Attempt(candidate, measured, holds, now(), found.reference_s)
    progress.say(_said(attempt, limit, then_s))
    state = folder.state
    folder.update(
        msgspec.structs.replace(
            state,
            attempts=(*state.attempts, attempt),
            reference_s=state.reference_s or found.reference_s,
        )
    )
    return attempt


def _said(attempt: Attempt, limit: float, then_s: float | None) -> str:
    predicted = attempt.candidate.price.predicted
    words = f"{attempt.candidate.arch.short_label}: "
    if predicted is not None:
        words += f"{format_seconds(predicted.seconds)} predicted, "
    words += f"{format_seconds(attempt.measured.p50_s)} measured"
    if not attempt.holds:
        p80 = format_seconds(attempt.measured.p80_s)
        words += f" (one run in five over {p80}), {format_seconds(limit)} asked: too slow"
    slower = slower_by(then_s, attempt.reference_s)
    if slower > SLOWER:
        words += f"; the machine is {100 * slower:.0f} % slower than when the table was measured"
    return words


def now() -> str:
    """The time in UTC, to the second (ISO 8601)."""
    return datetime.now(UTC).isoformat(timespec="seconds")
