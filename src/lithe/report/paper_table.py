"""An architecture in the notation of its paper, with the cost of each printed row.

Networks of convolutions and depthwise separable pairs are printed as table 1 of the V1
paper (arXiv:1704.04861), networks with bottlenecks as table 2 of the V2 paper
(arXiv:1801.04381). Channels, sizes and strides are those after the multipliers and after
the small-input rule, so at width 1 and 224 pixels the rows are the paper's own. Where there
is squeeze-and-excite, or an activation of later papers, the columns SE and NL are those of
MobileNetV3's table 1 (arXiv:1905.02244).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from lithe.arch import (
    Architecture,
    Block,
    Conv,
    DepthwiseSeparable,
    FusedInvertedResidual,
    InvertedResidual,
    unroll,
)
from lithe.arch.rows import Activation
from lithe.cost import LayerCost, cost
from lithe.graph import from_arch

V1_COLUMNS = ("Type / Stride", "Filter Shape", "Input Size")
_V1_NOTATION, _V2_NOTATION = "arXiv:1704.04861, table 1", "arXiv:1801.04381, table 2"
V2_COLUMNS = ("Input", "Operator", "t", "c", "n", "s")
# As in table 1 of arXiv:1905.02244; there RE is what is RE or R6 here.
NL: dict[Activation, str] = {"relu": "RE", "relu6": "R6", "hard_swish": "HS", "silu": "SI"}
_NL_WORDS: dict[Activation, str] = {
    "relu": "ReLU", "relu6": "ReLU6", "hard_swish": "hard swish", "silu": "SiLU",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One printed row: `cells` as the paper has them, and what the row costs.

    `macs` and `params` are of all `repeats`; `activation_bytes` is the tensor that one
    repeat hands on, `live_bytes` the most that is alive while the row runs (fp32, batch 1).
    Rows that repeat together, as the five pairs of the V1 paper, share a `fold` above 0.
    `removed_stride` is the table's stride where the small-input rule made it 1, else 0.
    `block` is the first block that the row is of, -1 behind the last; `activated` whether the
    block's activation belongs to the row.
    """

    cells: tuple[str, ...]
    repeats: int = 1
    fold: int = 0
    removed_stride: int = 0
    macs: int = 0
    params: int = 0
    activation_bytes: int = 0
    live_bytes: int = 0
    block: int = -1
    activated: bool = True


@dataclass(frozen=True, slots=True)
class PaperTable:
    """The rows of one architecture under `columns`; `notation` names the paper's table.

    `later` tells that there are columns of V3's table.
    """

    arch: Architecture
    notation: str
    columns: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    notes: tuple[str, ...] = ()
    later: bool = False


def paper_table(arch: Architecture) -> PaperTable:
    """The printed form of a table.

    Raises:
        LitheError: the table cannot be unrolled (see `lithe.arch.unroll`).
    """
    blocks = unroll(arch)
    layers = cost(from_arch(arch)).layers
    by_block: list[list[LayerCost]] = [[] for _ in blocks]
    ends: dict[str, LayerCost] = {}
    for layer in layers:
        head, *rest = layer.path.split(".")
        if head == "blocks":
            by_block[int(rest[0])].append(layer)
        else:
            ends[head] = layer
    if any(isinstance(row, InvertedResidual | FusedInvertedResidual) for row in arch.rows):
        rows = _v2_rows(arch, blocks, by_block) + _v2_end(arch, blocks[-1], ends)
        table = PaperTable(arch, _V2_NOTATION, V2_COLUMNS, tuple(rows), _notes(arch))
        return _with_v3_columns(table, blocks, at=4) if _is_later(blocks) else table
    rows = _v1_rows(arch, blocks, by_block) + _v1_end(arch, blocks[-1], ends)
    table = PaperTable(arch, _V1_NOTATION, V1_COLUMNS, tuple(rows), _notes(arch))
    return _with_v3_columns(table, blocks, at=3) if _is_later(blocks) else table


def _is_later(blocks: tuple[Block, ...]) -> bool:
    """Whether anything is not as in the papers of V1 and V2, which print no activation."""
    acts = {block.activation for block in blocks}
    return any(block.c_squeezed for block in blocks) or acts not in ({"relu"}, {"relu6"})


def _with_v3_columns(table: PaperTable, blocks: tuple[Block, ...], at: int) -> PaperTable:
    """The columns SE and NL before column `at`; a row of table 1 shows its SE as a row."""
    v2 = table.columns == V2_COLUMNS

    def with_cells(row: PaperRow) -> PaperRow:
        block = blocks[row.block] if row.block >= 0 else None
        nl = NL[block.activation] if block and row.activated else "-"
        se = ("yes" if block and block.c_squeezed else "-",) if v2 else ()
        return replace(row, cells=(*row.cells[:at], *se, nl, *row.cells[at:]))

    acts = dict.fromkeys(block.activation for block in blocks)
    words = ", ".join(f"{NL[act]} {_NL_WORDS[act]}" for act in acts)
    note = f"NL: the activation, {words}." if not v2 else f"SE: squeeze-and-excite. NL: {words}."
    return replace(
        table,
        columns=(*table.columns[:at], *(("SE", "NL") if v2 else ("NL",)), *table.columns[at:]),
        rows=tuple(with_cells(row) for row in table.rows),
        notes=(note, *table.notes),
        later=True,
    )


def _costed(
    cells: tuple[str, ...],
    layers: Sequence[LayerCost],
    *,
    repeats: int = 1,
    removed_stride: int = 0,
    block: int = -1,
) -> PaperRow:
    return PaperRow(
        cells,
        macs=sum(layer.macs for layer in layers),
        params=sum(layer.params for layer in layers),
        activation_bytes=layers[-1].activation_bytes,
        live_bytes=max(layer.live_bytes for layer in layers),
        repeats=repeats,
        removed_stride=removed_stride,
        block=block,
    )


def _removed(arch: Architecture, block: Block) -> int:
    stride = arch.rows[block.row_index].s
    return stride if block.stride < stride else 0


def _v1_rows(
    arch: Architecture, blocks: tuple[Block, ...], by_block: list[list[LayerCost]]
) -> list[PaperRow]:
    rows: list[PaperRow] = []
    fold = 0
    previous = -1
    for _, same in groupby(range(len(blocks)), key=lambda i: (blocks[i].row_index, blocks[i])):
        repeats = list(same)
        block, layers = blocks[repeats[0]], by_block[repeats[0]]
        starts_a_row, previous = block.row_index != previous, block.row_index
        removed = _removed(arch, block) if starts_a_row else 0
        fold += len(repeats) > 1
        parts = _parts(layers)
        for index, (cells, part) in enumerate(zip(_v1_cells(block), parts, strict=True)):
            row = _costed(cells, part, removed_stride=0 if index else removed, block=repeats[0])
            row = replace(row, activated=not cells[0].startswith("Squeeze"))
            if len(repeats) > 1:
                row = replace(
                    row,
                    repeats=len(repeats),
                    fold=fold,
                    macs=row.macs * len(repeats),
                    params=row.params * len(repeats),
                    live_bytes=max(
                        layer.live_bytes for i in repeats for layer in _parts(by_block[i])[index]
                    ),
                )
            rows.append(row)
    return rows


def _parts(layers: Sequence[LayerCost]) -> list[list[LayerCost]]:
    """The layers of a block by the part that they are in: depthwise, squeeze, pointwise."""
    return [list(part) for _, part in groupby(layers, key=lambda layer: layer.path.split(".")[2])]


def _v1_cells(block: Block) -> list[tuple[str, str, str]]:
    k, s, c, c_out = block.row.k, block.stride, block.c_in, block.c_out
    size = f"{block.h_in} x {block.h_in} x {c}"
    if isinstance(block.row, DepthwiseSeparable):
        filtered = f"{block.h_out} x {block.h_out} x {c}"
        between = ("Squeeze / s1", f"{c} x {block.c_squeezed} x {c}", filtered)
        return [
            (f"Conv dw / s{s}", f"{k} x {k} x {c} dw", size),
            *([between] if block.c_squeezed else []),
            ("Conv / s1", f"1 x 1 x {c} x {c_out}", filtered),
        ]
    return [(f"Conv / s{s}", f"{k} x {k} x {c} x {c_out}", size)]


def _v1_end(arch: Architecture, last: Block, ends: dict[str, LayerCost]) -> list[PaperRow]:
    c, h, classes = last.c_out, last.h_out, arch.num_classes
    return [
        _costed(("Avg Pool / s1", f"Pool {h} x {h}", f"{h} x {h} x {c}"), [ends["pool"]]),
        _costed(("FC / s1", f"{c} x {classes}", f"1 x 1 x {c}"), [ends["classifier"]]),
        # The network returns logits; the paper's last row is the reader's.
        PaperRow(("Softmax / s1", "Classifier", f"1 x 1 x {classes}")),
    ]


def _v2_rows(
    arch: Architecture, blocks: tuple[Block, ...], by_block: list[list[LayerCost]]
) -> list[PaperRow]:
    rows = []
    for _, same in groupby(range(len(blocks)), key=lambda i: blocks[i].row_index):
        repeats = list(same)
        block = blocks[repeats[0]]
        row = block.row
        t = str(row.t) if isinstance(row, InvertedResidual | FusedInvertedResidual) else "-"
        cells = (
            f"{block.h_in}² x {block.c_in}",
            _v2_operator(block),
            t,
            str(block.c_out),
            str(row.n),
            str(block.stride),
        )
        layers = [layer for i in repeats for layer in by_block[i]]
        removed = _removed(arch, block)
        rows.append(_costed(cells, layers, repeats=row.n, removed_stride=removed, block=repeats[0]))
    return rows


def _v2_end(arch: Architecture, last: Block, ends: dict[str, LayerCost]) -> list[PaperRow]:
    c, h, classes = last.c_out, last.h_out, str(arch.num_classes)
    pool = (f"{h}² x {c}", f"avgpool {h}x{h}", "-", "-", "1", "-")
    # On a 1 x 1 map the paper's convolution is the linear layer that is built.
    classifier = (f"1² x {c}", "conv2d 1x1", "-", classes, "1", "-")
    return [_costed(pool, [ends["pool"]]), _costed(classifier, [ends["classifier"]])]


def _v2_operator(block: Block) -> str:
    k = f"{block.row.k}x{block.row.k}"
    match block.row:
        case Conv():
            return "conv2d" if block.row.k == 3 else f"conv2d {k}"
        case DepthwiseSeparable():
            return f"separable {k}"
        case FusedInvertedResidual():
            return "fused bottleneck" if block.row.k == 3 else f"fused {k}"
        case InvertedResidual():
            return "bottleneck" if block.row.k == 3 else f"bottleneck {k}"


def _notes(arch: Architecture) -> tuple[str, ...]:
    rows = [row for row in arch.rows if isinstance(row, InvertedResidual)]
    notes = []
    if any(not row.linear for row in rows):
        notes.append("The bottlenecks are not linear: an activation follows the projection.")
    for shortcut in sorted({row.shortcut for row in rows} - {"bottleneck"}):
        text = "without shortcuts" if shortcut == "none" else "with shortcuts between expansions"
        notes.append(f"Bottlenecks {text} (V2 paper, section 6.4).")
    return tuple(notes)
