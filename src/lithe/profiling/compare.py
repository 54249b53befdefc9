"""`lithe.compare`: several networks counted, and timed against each other fairly."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lithe.errors import LitheError
from lithe.profiling.notes import noted
from lithe.profiling.profile import unmeasured
from lithe.profiling.side_by_side import Refused, SideBySide, place_of
from lithe.profiling.subject import Source, Subject, graph_of, module_of, subject_of
from lithe.profiling.values import Profile
from lithe.progress import SILENT, Progress
from lithe.runtimes import WORDS, RuntimeName, check_runtime

if TYPE_CHECKING:
    from lithe.profiling.rounds import Way

LONGEST_S, LONGEST_OF_EACH_S = 5.0, 2.0  # of timing in one runtime

_Row = Profile | Refused


def compare(
    networks: Mapping[str, Source] | Sequence[Source],
    input_shape: Sequence[int] | None = None,
    *,
    to: str | None = None,
    static: bool = False,
    threads: int | None = None,
    runtimes: Sequence[RuntimeName] = ("lithe", "eager"),
    progress: Progress = SILENT,
) -> SideBySide:
    """Put networks side by side: compute, memory, and latencies whose ratios hold.

    Each is counted as `lithe.profile` counts it; then all are timed in turns, runtime after
    runtime, whole calls only. A network that cannot be counted is a row with its reason, one
    that a runtime does not run has a note, and the others go on.

    Args:
        networks: torch modules, tables, models or files; a mapping gives them names.
        input_shape: n c h w for all; what each says itself by default.
        to: the name of the network that is 1 in ratios; the first by default.
        static: count only; nothing is run.
        threads: how many a run uses at most; as many as torch has by default.
        runtimes: what to time in.
        progress: where to say how far it is.

    Raises:
        LitheError: none of the networks can be counted, or `to` is none of them.
    """
    named: Iterable[tuple[str | None, Source]] = (
        networks.items() if isinstance(networks, Mapping) else ((None, each) for each in networks)
    )
    subjects = [_subject(name, source, input_shape) for name, source in named]
    return side_by_side(subjects, to, () if static else runtimes, threads, progress)


def side_by_side(
    subjects: Sequence[Subject | Refused],
    to: str | None = None,
    runtimes: Sequence[RuntimeName] = ("lithe", "eager"),
    threads: int | None = None,
    progress: Progress = SILENT,
) -> SideBySide:
    """The same for what has been found already; `to` and empty `runtimes` as there.

    Raises:
        LitheError: no network is left to compare, or `to` is none of those that are.
    """
    subjects = _told_apart(subjects)
    rows: list[_Row] = []
    with progress.task("counting", len(subjects)) as advance:
        for subject in subjects:
            rows.append(_counted(subject, threads))
            advance(note=subject.name)
    place = place_of(tuple(rows), to)
    for runtime in runtimes:
        rows = _timed(subjects, rows, runtime, threads, progress)
    return SideBySide(tuple(rows), place)


def _subject(name: str | None, source: Source, shape: Sequence[int] | None) -> Subject | Refused:
    try:
        subject = subject_of(source, shape)
    except LitheError as error:
        return Refused(name or type(source).__name__, str(error))
    return replace(subject, name=name or subject.name)


def _told_apart(subjects: Sequence[Subject | Refused]) -> list[Subject | Refused]:
    """The second of a name is called so; a network beside itself shows what chance does."""
    seen: dict[str, int] = {}
    result = []
    for subject in subjects:
        count = seen[subject.name] = seen.get(subject.name, 0) + 1
        result.append(subject if count == 1 else replace(subject, name=f"{subject.name} ({count})"))
    return result


def _counted(subject: Subject | Refused, threads: int | None) -> _Row:
    if isinstance(subject, Refused):
        return subject
    try:
        return unmeasured(subject, graph_of(subject), threads)
    except LitheError as error:
        return Refused(subject.name, str(error))


def _timed(
    subjects: Sequence[Subject | Refused],
    rows: Sequence[_Row],
    runtime: RuntimeName,
    threads: int | None,
    progress: Progress,
) -> list[_Row]:
    """The rows with their latencies in one runtime, or with notes why they have none."""
    from lithe.profiling.measured import torch_threads
    from lithe.profiling.turns import ROUNDS, in_turns

    result = list(rows)
    ways: dict[int, Way] = {}
    with torch_threads(threads):
        with progress.task(f"preparing {WORDS[runtime]}", len(subjects)) as advance:
            for place, (subject, row) in enumerate(zip(subjects, rows, strict=True)):
                advance(note=row.name)
                if isinstance(subject, Refused) or isinstance(row, Refused):
                    continue
                said: list[str] = []
                with noted(said, f"{WORDS[runtime]}: not measured"):
                    way = _way(subject, runtime, threads)
                    _try(way)
                    ways[place] = way
                result[place] = _with_notes(row, said)
        with progress.task(f"timing in {WORDS[runtime]}", ROUNDS) as advance:
            runs = in_turns(list(ways.values()), advance, LONGEST_S + LONGEST_OF_EACH_S * len(ways))
    for place, run in zip(ways, runs, strict=True):
        row = result[place]
        assert isinstance(row, Profile)
        result[place] = replace(row, latencies=(*row.latencies, run))
    return result


def _way(subject: Subject, runtime: RuntimeName, threads: int | None) -> "Way":
    return _in_engine(subject, threads) if runtime == "lithe" else _in_eager(subject)


def _in_engine(subject: Subject, threads: int | None) -> "Way":
    check_runtime("lithe")
    from lithe.engine.source import model_from
    from lithe.graph.passes import simplify
    from lithe.profiling.engine_run import compiled, drawn
    from lithe.profiling.rounds import Way

    model = subject.model or model_from(module_of(subject), subject.shape)
    network = compiled(simplify(model), threads)
    inputs = drawn(network.input_shapes)
    return Way("lithe", network.threads, lambda: network(*inputs))


def _in_eager(subject: Subject) -> "Way":
    import torch

    from lithe.profiling.eager_run import channels_last, eager_way, laid_out
    from lithe.profiling.engine_run import drawn

    module = module_of(subject)
    if module is None:
        raise LitheError("it came from a file without a torch module")
    (x,) = drawn([subject.shape])
    return eager_way(channels_last(module), laid_out(torch.from_numpy(x)))


def _try(way: "Way") -> None:
    """Run it once, so that what cannot run is known before the others wait for it.

    Raises:
        LitheError: the network's own code raised.
    """
    try:
        way.whole()
    except Exception as error:
        why = " ".join(str(error).split())
        raise LitheError(f"it raised {type(error).__name__}: {why}") from error


def _with_notes(row: Profile, notes: Sequence[str]) -> Profile:
    """The row with notes, in place of those that gave the same reasons before."""
    reasons = tuple(note.partition("not measured: ")[2] for note in notes)
    kept = (note for note in row.notes if not (reasons and note.endswith(reasons)))
    return replace(row, notes=(*kept, *notes))
