"""From a finished front to the rows of its page."""

import shlex

from lithe.report.front_rows import AskedRow, FrontRow, FrontRows
from lithe.report.rows import CandidateRow
from lithe.report.words import threads_text
from lithe.run.folder import Folder
from lithe.run.front_file import Front, FrontPoint
from lithe.run.rows import network_row
from lithe.search.budget import FORMAT, Limit, asked
from lithe.training.images import ImageData


def front_rows(front: Front, folder: Folder, data: ImageData) -> FrontRows:
    """All that the page of a front shows."""
    state = folder.state
    trained = {point.label for point in front.points}
    tried = []
    for candidate in state.candidates:
        arch, standing = candidate.arch, state.standings.get(candidate.arch.label)
        tried.append(
            CandidateRow(
                network=network_row(arch.label, candidate.price),
                family=arch.family,
                width=arch.width,
                resolution=arch.resolution,
                status="winner" if arch.label in trained else "raced" if standing else "fits",
                accuracy=standing.accuracy if standing else None,
            )
        )
    limits = asked(front.budget)
    most = " and ".join(f"{FORMAT[limit.unit](value)} {limit.what}" for limit, value in limits)
    return FrontRows(
        title=f"{front.data}: networks up to {most}",
        command=front.command,
        held_out=front.held_out,
        points=tuple(_row(point, folder) for point in front.points),
        limits=tuple(AskedRow(limit.field, limit.unit, value) for limit, value in limits),
        tried=tuple(tried),
        facts=_facts(front, folder, data),
    )


def _row(point: FrontPoint, folder: Folder) -> FrontRow:
    file = folder.path / point.file
    option, limit = _limit(point, folder)
    fit = ["lithe", "fit", folder.state.settings.data, option, limit]
    out = folder.path.with_name(f"{folder.path.name}-chosen")
    return FrontRow(
        network=network_row(point.label, point.price),
        family=point.arch.family,
        accuracy=point.accuracy,
        predicted_s=point.predicted.seconds if point.predicted else None,
        dominated=point.dominated,
        file=point.file,
        predict=shlex.join(["lithe", "predict", str(file), "IMAGE"]),
        fit=shlex.join([*fit, "--front", str(folder.path), "--out", str(out)]),
    )


def _limit(point: FrontPoint, folder: Folder) -> tuple[str, str]:
    """A limit that the point is within and what costs more is not: its own cost, rounded up.

    Of a latency the 80th percentile counts, which has to hold when it is timed again.
    """
    first: tuple[Limit, float] = asked(folder.state.settings.budget)[0]
    if folder.state.settings.budget.max_latency_s is not None and point.latency is not None:
        return "--max-latency", f"{1.05e3 * point.latency.p80_s:.3g}ms"
    limit = first[0]
    return limit.option, str(limit.price(point.price))


def _facts(front: Front, folder: Folder, data: ImageData) -> tuple[tuple[str, str], ...]:
    machine, settings = front.machine, folder.state.settings
    images = (
        f"{data.name}: {len(data.train)} to train, {front.held_out} held out, "
        f"{len(front.classes)} classes"
    )
    return (
        ("Images", images),
        ("Machine", f"{machine.cpu}, {machine.system}, {threads_text(machine.threads)}"),
        ("Software", f"lithe {front.lithe}, torch {machine.torch}, Python {machine.python}"),
        ("Seed", str(settings.seed)),
        ("Started", folder.state.started),
        ("Finished", front.finished),
    )
