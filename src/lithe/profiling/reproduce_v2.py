"""The tables of arXiv:1801.04381 (MobileNetV2), recounted on the cost side."""

from itertools import groupby
from math import prod

from lithe.arch import Block, Conv, InvertedResidual, architecture, unroll
from lithe.arch.figures import Materialized
from lithe.arch.mobilenet_v2 import (
    MATERIALIZED_MAX_NOTE,
    MOBILENET_V1_IN_V2_FIGURE,
    MOBILENET_V1_MATERIALIZED,
    MOBILENET_V1_MATERIALIZED_MAX,
    MOBILENET_V2_BOTTLENECKS,
    MOBILENET_V2_BOTTLENECKS_NOTE,
    MOBILENET_V2_FIGURES,
    MOBILENET_V2_LINES,
    MOBILENET_V2_MATERIALIZED,
    MOBILENET_V2_MATERIALIZED_MAX,
    MOBILENET_V2_T1_NOTE,
)
from lithe.arch.rivals import SHUFFLENET_MATERIALIZED, SHUFFLENET_MATERIALIZED_MAX, V2_RIVALS
from lithe.cost import Layer, cost, largest_at_each_size, materialized
from lithe.graph import Graph, from_arch
from lithe.graph.ops import AdaptivePool2d, Linear
from lithe.profiling.comparison import MILLION, Comparison, compared

BYTES_PER_ELEMENT = 2  # table 3 assumes 16-bit floats
KILO = 1e3


def body() -> tuple[Comparison, ...]:
    """Table 2: the rows with their input sizes, and the number of bottlenecks in the text."""
    arch = architecture("mobilenet_v2")
    blocks = unroll(arch)
    rows = [tuple(row) for _, row in groupby(blocks, key=lambda block: block.row_index)]
    computed = [*(_line(row) for row in rows), *_head_lines(from_arch(arch))]
    lines = [
        Comparison(
            f"{number}",
            "line",
            printed,
            ours,
            note=MOBILENET_V2_T1_NOTE if " t1 " in printed else "",
        )
        for number, (printed, ours) in enumerate(
            zip(MOBILENET_V2_LINES, computed, strict=True), start=1
        )
    ]
    count = sum(isinstance(block.row, InvertedResidual) for block in blocks)
    note = MOBILENET_V2_BOTTLENECKS_NOTE
    text = Comparison("text", "bottlenecks", MOBILENET_V2_BOTTLENECKS, count, 17, note)
    return (*lines, text)


def _line(row: tuple[Block, ...]) -> str:
    first = row[0]
    size = f"{first.h_in}x{first.h_in}x{first.c_in}"
    if isinstance(first.row, Conv):
        operator, t = "conv2d" if first.row.k > 1 else "conv2d 1x1", ""
    else:
        operator, t = "bottleneck", f"t{first.c_expanded // first.c_in} "
    return f"{size:11} {operator:11} {t}c{first.c_out} n{len(row)} s{first.stride}"


def _head_lines(graph: Graph) -> tuple[str, str]:
    """Pooling and classifier; a linear layer is a 1x1 convolution on a map of one pixel."""
    pool = next(node for node in graph.nodes if isinstance(node.op, AdaptivePool2d))
    linear = next(node.op for node in graph.nodes if isinstance(node.op, Linear))
    _, c, h, w = graph.shapes[pool.inputs[0]]
    size, last = f"{h}x{w}x{c}", f"1x1x{linear.c_in}"
    return f"{size:11} avgpool {h}x{w} n1", f"{last:11} conv2d 1x1  ck"


def largest_tensors() -> tuple[Comparison, ...]:
    """Table 3: the largest tensor that must be materialised at each map size.

    V1 runs layer by layer. For V2 the paper takes each inverted residual for one operator;
    to meet its figures the stem has to belong to the first of them and the last
    convolution to the pooling.
    """
    v1, v2 = from_arch(architecture("mobilenet_v1")), from_arch(architecture("mobilenet_v2"))
    return (
        *_largest("MobileNetV1", MOBILENET_V1_MATERIALIZED, _by_side(v1, fused=False)),
        _most("MobileNetV1", MOBILENET_V1_MATERIALIZED_MAX, _by_side(v1, fused=False)),
        *_largest("MobileNetV2", MOBILENET_V2_MATERIALIZED, _by_side(v2, fused=True)),
        _most("MobileNetV2", MOBILENET_V2_MATERIALIZED_MAX, _by_side(v2, fused=True)),
        *_largest("ShuffleNet", SHUFFLENET_MATERIALIZED, None),
        _most("ShuffleNet", SHUFFLENET_MATERIALIZED_MAX, None),
    )


def _by_side(graph: Graph, fused: bool) -> dict[int, tuple[int, ...]]:
    """The largest materialised tensor at each map size."""
    names = materialized(graph, _block if fused else _layer)
    largest = largest_at_each_size({name: graph.shapes[name] for name in names})
    return {side: graph.shapes[name] for (side, _), name in largest.items()}


def _layer(layer: Layer) -> str:
    return layer.path


def _block(layer: Layer) -> str:
    parts = layer.path.split(".")
    block = ".".join(parts[:2])
    return {"blocks.0": "blocks.1", "blocks.18": "pool"}.get(block, block)


def _largest(
    row: str, figures: tuple[Materialized, ...], found: dict[int, tuple[int, ...]] | None
) -> tuple[Comparison, ...]:
    result = []
    for figure in figures:
        shape = found[figure.side] if found else None
        c = shape[1] if shape else None
        kb = prod(shape) * BYTES_PER_ELEMENT / KILO if shape else None
        at = f"{row} {figure.side}x{figure.side}"
        note_c = figure.note if figure.c_true or not found else ""
        result += [
            Comparison(at, "channels", figure.c, c, figure.c_true, note_c),
            Comparison(at, "Kb", figure.kb, kb, figure.kb_true, figure.note, _step(figure.kb)),
        ]
    return tuple(result)


def _most(row: str, printed: int, found: dict[int, tuple[int, ...]] | None) -> Comparison:
    if found is None:
        note = SHUFFLENET_MATERIALIZED[0].note
        return Comparison(f"{row} max", "Kb", printed, note=note)
    kb = max(prod(shape) for shape in found.values()) * BYTES_PER_ELEMENT / KILO
    note = MATERIALIZED_MAX_NOTE if row == "MobileNetV2" else ""
    return Comparison(f"{row} max", "Kb", printed, kb, note=note, step=_step(printed))


def _step(kb: int) -> int:
    """The second digit's unit: the table rounds 802.8 to 800 and 1605.6 to 1600."""
    return int(10 ** max(len(str(kb)) - 2, 0))


def imagenet() -> tuple[Comparison, ...]:
    """Table 4: MobileNetV2 among its peers."""
    v1 = cost(from_arch(architecture("mobilenet_v1")))
    peers = [row for rival in V2_RIVALS for row in compared(rival.name, rival.figure, None)]
    own: list[Comparison] = []
    for figure in MOBILENET_V2_FIGURES:
        if figure.table == 4:
            found = cost(from_arch(architecture("mobilenet_v2", width=figure.width)))
            own += compared(f"MobileNetV2 ({figure.width})", figure, found)
    return (*compared("MobileNetV1", MOBILENET_V1_IN_V2_FIGURE, v1), *peers, *own)


def released() -> tuple[Comparison, ...]:
    """The released checkpoints, whose parameters leave batch norm out."""
    result = []
    for figure in MOBILENET_V2_FIGURES:
        if figure.table != 0:
            continue
        graph = from_arch(architecture("mobilenet_v2", width=figure.width))
        macs = cost(graph).macs / MILLION
        params = _params_without_norm(graph) / MILLION
        row = f"MobileNetV2 ({figure.width})"
        result += [
            Comparison(row, "M MACs", figure.macs_m, macs, figure.macs_m_true, figure.note),
            Comparison(row, "M params", figure.params_m, params),
            Comparison(row, "top-1 %", figure.top1),
        ]
    return tuple(result)


def _params_without_norm(graph: Graph) -> int:
    names = {name for node in graph.nodes for name in node.params if ".norm." not in name}
    return sum(prod(graph.weights[name]) for name in names)
