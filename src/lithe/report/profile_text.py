"""A profile on a terminal: summary, split by kind, layers."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lithe.cost import LayerCost, by_kind
from lithe.profiling import Profile
from lithe.report.terminal import WIDE, Column, facts, spaced, table, tail
from lithe.report.values import Sort, shape_text, sorted_layers
from lithe.units import format_bytes, format_count

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
_SHORT = {"avg": "avg pool", "max": "max pool"}
_PATH_COLUMNS = 22  # what 80 columns leave beside the figures


def profile_text(profile: Profile, sort: Sort | None = None, width: int = 80) -> RenderableType:
    """Summary, split by kind, then a line per layer; `width` columns say how many figures."""
    title = Text.assemble((profile.name, "bold"), f", input {shape_text(profile.input_shape)}")
    order = f"layers by {sort}, largest first" if sort else "layers in order of processing"
    lines = layer_table(profile, sorted_layers(profile, sort), width)
    return spaced(title, totals(profile), kinds(profile), Group(Text(order, style="bold"), lines))


def totals(profile: Profile) -> Table:
    """Compute, parameters and memory of the whole network; FLOPs from MACs, said so."""
    bound = "at least " if profile.unknown else ""
    rows = [
        ("MACs", bound + format_count(profile.macs), f"{profile.macs:,}"),
        ("FLOPs", bound + format_count(profile.flops), f"{profile.flops:,} = 2 x MACs"),
        (
            "Params",
            bound + format_count(profile.params),
            f"{profile.params:,} ({format_bytes(profile.param_bytes)} in fp32)",
        ),
        (
            "Peak activations",
            bound + format_bytes(profile.peak_activation_bytes),
            f"{profile.peak_activation_bytes:,} bytes at {profile.peak_layer}",
        ),
    ]
    rows += [("Not counted", name, "no rule for this operator") for name in profile.unknown]
    return facts(rows)


def kinds(profile: Profile) -> Table:
    """MACs and parameters by kind of layer with their shares (V1 paper, table 2)."""
    columns = [
        Column("Type"),
        Column("MACs", figures=True),
        Column("share", figures=True),
        Column("Params", figures=True),
        Column("share", figures=True),
    ]
    sums = sorted(by_kind(profile.layers).items(), key=lambda item: item[1], reverse=True)
    return table(
        columns,
        (
            (
                KIND_NAMES[kind],
                format_count(macs),
                _share(macs, profile.macs),
                format_count(params),
                _share(params, profile.params),
            )
            for kind, (macs, params) in sums
            if macs or params or kind == "unknown"
        ),
    )


def layer_table(profile: Profile, layers: Sequence[LayerCost], width: int) -> Table:
    """One line per layer; below 108 columns without the input's shape, paths cut."""
    wide = width >= WIDE
    columns = [
        Column("Layer", cut=True),
        Column("Kind", cut=True),
        *([Column("Input")] if wide else []),
        Column("Output"),
        Column("MACs", figures=True),
        Column("share", figures=True),
        Column("Params", figures=True),
        Column("Activ.\nbytes", figures=True),
        Column("Live\nbytes", figures=True),
    ]
    rows = []
    for layer in layers:
        kind = layer.op if layer.kind == "other" else layer.kind
        rows.append(
            (
                _name(layer) if wide else tail(_name(layer).removesuffix(".conv"), _PATH_COLUMNS),
                _SHORT.get(kind, kind),
                *([shape_text(layer.in_shape)] if wide else []),
                shape_text(layer.out_shape) if wide else _map(layer.out_shape),
                format_count(layer.macs),
                _share(layer.macs, profile.macs),
                format_count(layer.params),
                format_bytes(layer.activation_bytes),
                format_bytes(layer.live_bytes),
            )
        )
    return table(columns, rows, gap=2 if wide else 1)


def _name(layer: LayerCost) -> str:
    """Path, and the operator where nobody knows what it is."""
    return f"{layer.path} {layer.op}".strip() if layer.kind == "unknown" else layer.path


def _map(shape: Sequence[int]) -> str:
    """A tensor without its batch as the V2 paper writes it: 112² x 96."""
    match shape:
        case (_, c, h, w):
            return f"{h}² x {c}" if h == w else f"{h} x {w} x {c}"
        case _:
            return shape_text(shape[1:])


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"
