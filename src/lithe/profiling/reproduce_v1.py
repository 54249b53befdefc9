"""The tables of arXiv:1704.04861 (MobileNetV1), recounted."""

from math import prod

from lithe.arch import architecture
from lithe.arch.figures import Figure, LayerFigure
from lithe.arch.mobilenet_v1 import (
    CONV_MOBILENET_FIGURES,
    MOBILENET_V1_FIGURES,
    MOBILENET_V1_LAYERS,
    MOBILENET_V1_LINE_NOTE,
    MOBILENET_V1_LINE_TRUE,
    MOBILENET_V1_LINES,
    MOBILENET_V1_SHARES,
    SHALLOW_MOBILENET_FIGURES,
)
from lithe.arch.rivals import V1_RIVALS
from lithe.cost import Cost, Layer, cost, kind_of, layers
from lithe.graph import Graph, GraphBuilder, from_arch
from lithe.graph.ops import AdaptivePool2d, Conv2d, Linear
from lithe.profiling.comparison import MILLION, Comparison, compared


def body() -> tuple[Comparison, ...]:
    """Table 1: every line of the body, as text."""
    graph = from_arch(architecture("mobilenet_v1"))
    lines = [_line(graph, layer) for layer in layers(graph)]
    result = []
    for number, printed in enumerate(MOBILENET_V1_LINES, start=1):
        if printed.startswith("Softmax"):
            note = "our networks end at the logits; softmax has neither MACs nor parameters"
            result.append(Comparison(f"{number}", "line", printed, note=note))
            continue
        computed = lines[number - 1]
        differs = printed != computed
        result.append(
            Comparison(
                f"{number}",
                "line",
                printed,
                computed,
                true=MOBILENET_V1_LINE_TRUE if differs else "",
                note=MOBILENET_V1_LINE_NOTE if differs else "",
            )
        )
    return tuple(result)


def _line(graph: Graph, layer: Layer) -> str:
    _, c, h, w = graph.shapes[layer.inputs[0]] if layer.kind != "linear" else (1, 0, 1, 1)
    match layer.nodes[0].op:
        case Conv2d() as op:
            depthwise = op.groups == op.c_in
            kind = f"Conv{' dw' if depthwise else ''} / s{op.stride[0]}"
            k = f"{op.kernel[0]}x{op.kernel[1]}x{op.c_in}"
            weight = f"{k} dw" if depthwise else f"{k}x{op.c_out}"
        case AdaptivePool2d():
            kind, weight = "Avg Pool / s1", f"Pool {h}x{w}"
        case Linear() as op:
            kind, weight, c = "FC / s1", f"{op.c_in}x{op.c_out}", op.c_in
        case op:
            kind, weight = type(op).__name__, ""
    return f"{kind:13} {weight:13} {h}x{w}x{c}"


def shares() -> tuple[Comparison, ...]:
    """Table 2: what each kind of layer takes of the MACs and of the parameters."""
    graph = from_arch(architecture("mobilenet_v1"))
    macs: dict[str, int] = {}
    weights: dict[str, int] = {}
    for node in graph.nodes:
        kind = kind_of(node.op)
        shapes = tuple(graph.shapes[name] for name in node.inputs)
        macs[kind] = macs.get(kind, 0) + node.op.macs(*shapes)
        if isinstance(node.op, Conv2d | Linear):
            # The first one is the filter; the paper counts neither bias nor batch norm.
            weights[kind] = weights.get(kind, 0) + prod(graph.weights[node.params[0]])
    result = []
    for share in MOBILENET_V1_SHARES:
        macs_percent = 100 * macs[share.kind] / sum(macs.values())
        params_percent = 100 * weights[share.kind] / sum(weights.values())
        result += [
            Comparison(
                share.kind,
                "% of MACs",
                share.macs_percent,
                macs_percent,
                share.macs_percent_true,
                share.note,
            ),
            Comparison(share.kind, "% of params", share.params_percent, params_percent),
        ]
    return tuple(result)


def one_layer() -> tuple[Comparison, ...]:
    """Table 3: one layer as a standard convolution, separable, narrower, smaller."""
    result = []
    for figure in MOBILENET_V1_LAYERS:
        found = _layer_cost(figure)
        result += [
            Comparison(figure.name, "M MACs", figure.macs_m, found.macs / MILLION),
            Comparison(figure.name, "M params", figure.params_m, found.params / MILLION),
        ]
    return tuple(result)


def _layer_cost(figure: LayerFigure) -> Cost:
    graph, c = GraphBuilder(), figure.c
    x = graph.input((1, c, figure.side, figure.side))
    if figure.separable:
        depthwise = Conv2d(c, c, (3, 3), padding=(1, 1), groups=c)
        x = graph.add(depthwise, x, params={"depthwise": (c, 1, 3, 3)})
        x = graph.add(Conv2d(c, c, (1, 1)), x, params={"pointwise": (c, c, 1, 1)})
    else:
        x = graph.add(Conv2d(c, c, (3, 3), padding=(1, 1)), x, params={"conv": (c, c, 3, 3)})
    return cost(graph.build(x))


def depthwise_separable() -> tuple[Comparison, ...]:
    """Table 4: MobileNet against the same network of standard convolutions."""
    return (
        *_rows("Conv MobileNet", "conv_mobilenet", CONV_MOBILENET_FIGURES, 4),
        *_rows("MobileNet", "mobilenet_v1", MOBILENET_V1_FIGURES, 4),
    )


def narrow_or_shallow() -> tuple[Comparison, ...]:
    """Table 5: a narrow MobileNet against a shallow one."""
    return (
        *_rows("0.75 MobileNet", "mobilenet_v1", MOBILENET_V1_FIGURES, 5),
        *_rows("Shallow MobileNet", "shallow_mobilenet", SHALLOW_MOBILENET_FIGURES, 5),
    )


def widths() -> tuple[Comparison, ...]:
    """Table 6: the width multiplier."""
    return _rows("{} MobileNet-{}", "mobilenet_v1", MOBILENET_V1_FIGURES, 6)


def resolutions() -> tuple[Comparison, ...]:
    """Table 7: the resolution multiplier."""
    return _rows("{} MobileNet-{}", "mobilenet_v1", MOBILENET_V1_FIGURES, 7)


def against_popular() -> tuple[Comparison, ...]:
    """Table 8: MobileNet, GoogLeNet, VGG 16."""
    return (
        *_rows("{} MobileNet-{}", "mobilenet_v1", MOBILENET_V1_FIGURES, 8),
        *_rivals(8),
    )


def against_small() -> tuple[Comparison, ...]:
    """Table 9: a smaller MobileNet, SqueezeNet, AlexNet."""
    return (
        *_rows("{} MobileNet-{}", "mobilenet_v1", MOBILENET_V1_FIGURES, 9),
        *_rivals(9),
    )


def _rows(row: str, name: str, figures: tuple[Figure, ...], table: int) -> tuple[Comparison, ...]:
    result: list[Comparison] = []
    for figure in figures:
        if figure.table == table:
            arch = architecture(name, width=figure.width, resolution=figure.resolution)
            found = cost(from_arch(arch))
            result += compared(row.format(figure.width, figure.resolution), figure, found)
    return tuple(result)


def _rivals(table: int) -> tuple[Comparison, ...]:
    # torch takes seconds to import, and only these tables need it.
    from lithe.profiling.references import reference_cost

    result: list[Comparison] = []
    for rival in V1_RIVALS:
        if rival.figure.table == table:
            found = reference_cost(rival.reference, rival.figure.resolution)
            result += compared(rival.name, rival.figure, found)
    return tuple(result)
