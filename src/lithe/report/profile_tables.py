"""Tables between the summary and the layers: by kind, by module, by size of the maps."""

from rich.console import Group, RenderableType
from rich.text import Text

from lithe.cost import by_kind
from lithe.profiling import Profile
from lithe.profiling.values import Buffer, RunLatency
from lithe.report.module_tree import Module, module_tree
from lithe.report.scale import sizes
from lithe.report.terminal import WIDE, Column, table, tail
from lithe.units import format_bytes, format_count, format_seconds

# Kinds as table 2 of the V1 paper names them.
KIND_NAMES = {
    "pointwise": "Conv 1x1",
    "depthwise": "Conv dw",
    "standard": "Conv",
    "grouped": "Conv grouped",
    "linear": "Fully connected",
    "matmul": "Matrix product",
    "other": "Other",
    "unknown": "Unknown",
}
MOST_MODULES = 32  # lines, where no depth was asked for


def kinds_text(profile: Profile) -> RenderableType:
    """MACs, parameters and time by kind of layer with their shares (V1 paper, table 2).

    Time is that of runs in which every step is of one kind, which fused ones are not.
    """
    runs = [(run, sums) for run in profile.latencies if (sums := _times_by_kind(profile, run))]
    columns = [
        Column("By kind"),
        Column("MACs", figures=True),
        Column("share", figures=True),
        Column("Params", figures=True),
        Column("share", figures=True),
    ]
    for run, _ in runs:
        columns += [Column(f"Time, {run.runtime}", figures=True), Column("share", figures=True)]
    seconds = {kind: s for _, sums in runs for kind, s in sums.items()}
    rows = []
    costs = sorted(by_kind(profile.layers).items(), key=lambda item: item[1], reverse=True)
    for kind, (macs, params) in costs:
        if not (macs or params or kind == "unknown" or seconds.get(kind)):
            continue
        row = [
            KIND_NAMES[kind],
            format_count(macs),
            _share(macs, profile.macs),
            format_count(params),
            _share(params, profile.params),
        ]
        for run, found in runs:
            spent = found.get(kind, 0.0)
            row += [format_seconds(spent) if spent else "-", _share(spent, run.steps_s)]
        rows.append(row)
    said = "1 MAC = 2 FLOPs" + ("; totals are at least these" if profile.unknown else "")
    return Group(table(columns, rows), Text(said))


def _times_by_kind(profile: Profile, run: RunLatency) -> dict[str, float]:
    """Seconds by kind; nothing where a step is of several."""
    sums: dict[str, float] = {}
    for step in run.steps:
        kinds = {profile.layers[i].kind for i in step.layers} or {"other"}
        if len(kinds) > 1:
            return {}
        kind = next(iter(kinds))
        sums[kind] = sums.get(kind, 0.0) + step.p50_s
    return sums


def modules_text(
    profile: Profile, depth: int | None = None, width: int = 80
) -> RenderableType | None:
    """Costs by module as a tree, down to `depth`; None where the network is one module.

    Without a depth it is the deepest that takes at most 32 lines.
    """
    tree = module_tree(profile)
    shown = [module for module in tree if module.depth <= (depth or _fitting(tree))]
    if len(shown) < 3:  # the network again
        return None
    wide = width >= WIDE
    columns = [
        Column("By module", cut=True),
        Column("Layers", figures=True),
        Column("MACs", figures=True),
        Column("share", figures=True),
        Column("Params", figures=True),
        *([Column("Moved\nbytes", figures=True)] if wide else []),
    ]
    for run in profile.latencies[: 2 if wide else 1]:
        columns += [
            Column(f"Time,\n{run.runtime}", figures=True),
            Column("share", figures=True),
        ]
    rows = []
    for module in shown:
        name = "  " * module.depth + (module.label or profile.name)
        row = [
            name if wide else tail(name, 30),
            str(len(module.layers)),
            format_count(module.macs),
            _share(module.macs, profile.macs),
            format_count(module.params),
            *([format_bytes(module.moved_bytes)] if wide else []),
        ]
        for run, seconds in zip(
            profile.latencies[: 2 if wide else 1], module.times_s, strict=False
        ):
            row += [format_seconds(seconds) if seconds else "-", _share(seconds, run.steps_s)]
        rows.append(row)
    said = "1 MAC = 2 FLOPs" + ("; totals are at least these" if profile.unknown else "")
    if profile.latencies:
        said += ". What a step does for several modules is on the line of the one around them"
    return Group(table(columns, rows, gap=2 if wide else 1), Text(f"{said}."))


def _fitting(tree: tuple[Module, ...]) -> int:
    depths = [module.depth for module in tree]
    deepest = max(depths)
    for depth in range(deepest, 1, -1):
        if sum(each <= depth for each in depths) <= MOST_MODULES:
            return depth
    return 1


def largest_text(profile: Profile) -> RenderableType | None:
    """The largest tensors at each size of the maps (V2 paper, table 3)."""
    if not profile.largest_tensors:
        return None
    fused = any(each.fused for each in profile.largest_tensors)
    pairs = [b for each in profile.largest_tensors for b in (each.layers, each.fused) if b]
    scale = sizes(buffer.bytes for buffer in pairs)
    columns = [
        Column("Map"),
        Column("Largest tensor (channels)", cut=True),
        Column(scale.unit, figures=True),
    ]
    if fused:
        columns += [
            Column("In the engine's plan", cut=True),
            Column(scale.unit, figures=True),
        ]
    rows = []
    for each in profile.largest_tensors:
        h, w = each.side
        row = [f"{h}²" if h == w else f"{h} x {w}"]
        for buffer in (each.layers, each.fused)[: 2 if fused else 1]:
            row += [_tensor(buffer), scale.text(buffer.bytes) if buffer else "-"]
        rows.append(row)
    return table(columns, rows)


def _tensor(buffer: Buffer | None) -> str:
    if buffer is None:
        return "-"
    channels = f" ({buffer.shape[1]})" if len(buffer.shape) > 1 else ""
    return f"{tail(buffer.name.removesuffix('.conv'), 20)}{channels}"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if part and whole else "-"
