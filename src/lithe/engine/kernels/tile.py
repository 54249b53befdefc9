"""A tile of a row: pixels x vectors of sums in registers, over all rows, columns and channels.

A long sum is made of parts: a chain of float32 additions errs by about the square root of
its length, so after some 256 products what is in registers is added to a total in
memory and the chain begins anew. That costs one part in a hundred and keeps the error below
eager PyTorch's twofold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from lithe.engine.ir import Function, Value
from lithe.engine.kernels.activation import activate
from lithe.engine.kernels.row_conv import RowConv
from lithe.engine.kernels.row_tiles import Run

CHAIN = 256  # products in a chain, about
_LINE = 16  # float32 of a cache line
# float32 that the stream of weights is asked for in advance: a quarter of a second-level cache
_DISTANCE = 65536


@dataclass(frozen=True, slots=True)
class Ahead:
    """Cache lines to ask for while computing: `lines` at each of the first `steps`."""

    place: str
    lines: int
    steps: int


def write_tiles(
    f: Function,
    conv: RowConv,
    run: Run,
    channels: int,
    bias: list[str],
) -> None:
    """The tiles of a run, in a function of a panel."""

    def tile(index: Value, _: list[str]) -> list[str]:
        x = f.add(f.mul(index, run.count), run.first)
        ahead = None
        if conv.prefetch:
            ahead = _ahead(f, conv, f.add(index, run.first // conv.tile[0]), len(bias))
        _Tile(f, conv, x, run, channels, bias).write(ahead)
        return []

    f.loop(0, run.tiles, [], tile)


def _ahead(f: Function, conv: RowConv, tile: Value, vectors: int) -> Ahead:
    """A tile's share of fetching as many weights as its panel has, from further on in memory."""
    tiles = ceil(conv.pixels / conv.tile[0])
    width = vectors * f.isa.lanes
    lines = ceil(conv.k * width / _LINE)
    per_step = ceil(lines / (tiles * conv.k))
    steps = ceil(lines / (tiles * per_step))
    start = f.at("%weights", max(conv.k * width, _DISTANCE))
    return Ahead(f.at(start, f.mul(tile, steps * per_step * _LINE)), per_step, steps)


class _Tile:
    """One tile under construction; sums are [pixel][vector]."""

    def __init__(
        self,
        f: Function,
        conv: RowConv,
        x: Value,
        run: Run,
        channels: int,
        bias: list[str],
    ) -> None:
        self.f, self.conv, self.x, self.count = f, conv, x, run.count
        self.valid, self.bias, self.vectors = run.valid, bias, len(bias)
        self.last = channels - (self.vectors - 1) * f.isa.lanes
        self.chains = chains(conv)
        self.total = f.room(run.count * self.vectors) if self.chains.several else ""

    def write(self, ahead: Ahead | None) -> None:
        """The whole tile, from the bias to what is stored."""
        f, conv = self.f, self.conv
        # A sum that began with the bias would be rounded at the bias's size at every step.
        sums = [f.zero] * (self.count * self.vectors)
        if self.total:
            for index, start in enumerate(self.bias * self.count):
                f.put_away(start, self.total, index)
        if conv.direct:
            sums = self._row(0, sums, ahead)
        else:
            sums = f.loop("%low", "%high", sums, lambda r, s: self._row(r, s, ahead))
        self._end(sums)

    def _row(self, r: Value, sums: list[str], ahead: Ahead | None) -> list[str]:
        """All products with one row of the input."""
        f, conv = self.f, self.conv
        source = "%rows" if conv.direct else f.argument("%rows", r)
        source = f.at(source, f.mul(f.sub(f.mul(self.x, conv.stride), conv.pad), conv.in_pitch))
        column = conv.k * self.vectors * f.isa.lanes
        weights = f.at("%weights", f.mul(r, conv.columns * column))
        sums = list(sums)
        for kx, (begin, end) in enumerate(self.valid):
            if begin == end:
                continue
            taps = f.at(source, (kx * conv.dilation + begin * conv.stride) * conv.in_pitch)
            panel = f.at(weights, kx * column)
            part = slice(begin * self.vectors, end * self.vectors)
            for low, high in pairwise(self.chains.bounds):
                sums[part] = self._products(taps, panel, (low, high), sums[part], ahead)
                if high < conv.k or self.chains.per_column:
                    sums[part] = self._close(sums[part], begin)
        return self._close(sums, 0) if self.chains.per_row else sums

    def _close(self, sums: list[str], first: int) -> list[str]:
        """Add to the total what is in registers, from pixel `first` on, and begin anew."""
        f = self.f
        for index, value in enumerate(sums, first * self.vectors):
            f.put_away(f.binary("fadd", f.take_back(self.total, index), value), self.total, index)
        return [f.zero] * len(sums)

    def _products(
        self,
        taps: str,
        panel: str,
        bounds: tuple[int, int],
        sums: list[str],
        ahead: Ahead | None,
    ) -> list[str]:
        """The sum over k in `bounds` for one column of the kernel."""
        f, conv, lanes = self.f, self.conv, self.f.isa.lanes

        def step(k: Value, carried: list[str]) -> list[str]:
            row = f.at(panel, f.mul(k, self.vectors * lanes))
            b = [f.load(f.at(row, j * lanes)) for j in range(self.vectors)]
            pixel = f.at(taps, k)
            out: list[str] = []
            for p in range(len(carried) // self.vectors):
                a = f.broadcast(f.at(pixel, p * conv.stride * conv.in_pitch))
                out += [f.fma(a, b[j], carried[p * self.vectors + j]) for j in range(self.vectors)]
            return out

        low, high = bounds
        if ahead is None:
            return f.loop(low, high, sums, step)
        middle = min(max(low, ahead.steps), high)
        sums = f.loop(low, middle, sums, _fetching(f, ahead, step))
        return f.loop(middle, high, sums, step)

    def _end(self, sums: list[str]) -> None:
        """Total, residual, activation, and out."""
        f, conv, lanes = self.f, self.conv, self.f.isa.lanes
        out = f.at("%out", f.mul(self.x, conv.out_pitch))
        residual = ""
        if conv.residual_pitch:
            residual = f.at("%residual", f.mul(self.x, conv.residual_pitch))
        for p in range(self.count):
            for j in range(self.vectors):
                index = p * self.vectors + j
                before = self.bias[j]
                if self.total:
                    before = f.take_back(self.total, index)
                value = before
                if self.chains.open_end:
                    value = f.binary("fadd", sums[index], before)
                some = self.last if j == self.vectors - 1 else None
                if residual:
                    other = f.load(f.at(residual, p * conv.residual_pitch + j * lanes), some)
                    value = f.binary("fadd", value, other)
                value = activate(f, value, conv.activation, conv.act_args)
                f.store(value, f.at(out, p * conv.out_pitch + j * lanes), some)


def _fetching(
    f: Function, ahead: Ahead, step: Callable[[Value, list[str]], list[str]]
) -> Callable[[Value, list[str]], list[str]]:
    def step_and_fetch(k: Value, carried: list[str]) -> list[str]:
        place = f.at(ahead.place, f.mul(k, ahead.lines * _LINE))
        for line in range(ahead.lines):
            f.prefetch(f.at(place, line * _LINE), 2)
        return step(k, carried)

    return step_and_fetch


@dataclass(frozen=True, slots=True)
class Chains:
    """Where a sum is cut: at the inner `bounds` of k, after each column, after each row."""

    bounds: tuple[int, ...]
    per_column: bool = False
    per_row: bool = False

    @property
    def several(self) -> bool:
        """There is a total to be kept."""
        return len(self.bounds) > 2 or self.per_column or self.per_row

    @property
    def open_end(self) -> bool:
        """The last chain has not been added to the total."""
        return not (self.per_column or self.per_row)


def chains(conv: RowConv) -> Chains:
    """Chains of about `CHAIN` products, cut where a loop ends anyhow."""
    if conv.rows * conv.columns * conv.k <= CHAIN * 4 // 3:
        return Chains((0, conv.k))
    if conv.columns * conv.k <= CHAIN * 4 // 3:
        return Chains((0, conv.k), per_row=True)
    parts = ceil(conv.k / (CHAIN * 4 // 3))
    bounds = tuple(conv.k * part // parts for part in range(parts + 1))
    return Chains(bounds, per_column=conv.rows * conv.columns > 1)
