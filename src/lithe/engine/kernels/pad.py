"""An image with a frame around it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lithe.engine.ir import Function, Value
from lithe.engine.isa import InstructionSet
from lithe.engine.kernels.unit import unit_kernel, vectors
from lithe.engine.program import Kernel


@dataclass(frozen=True, slots=True)
class Frame:
    """`images` of h x w pixels, `frame` (left, right, top, bottom) pixels of `value` around."""

    images: int
    channels: int
    height: int
    width: int
    frame: tuple[int, int, int, int]
    value: float
    in_pitch: int
    out_pitch: int


def pad_kernel(isa: InstructionSet, spec: Frame) -> tuple[Kernel, int]:
    """args: out, in. A unit is an output row."""
    left, right, top, bottom = spec.frame
    rows, width = spec.height + top + bottom, spec.width + left + right

    def unit(f: Function, pointers: Sequence[str], index: Value) -> None:
        image, y = f.div(index, rows), f.sub(f.rem(index, rows), top)
        out = f.at(pointers[0], f.mul(index, width * spec.out_pitch))
        row = f.add(f.mul(image, spec.height), y)
        source = f.at(pointers[1], f.mul(row, spec.width * spec.in_pitch))

        def inside() -> None:
            middle, end = left * spec.out_pitch, (left + spec.width) * spec.out_pitch
            _pixels(f, spec, out, left)
            _pixels(f, spec, f.at(out, middle), spec.width, source)
            _pixels(f, spec, f.at(out, end), right)

        if top or bottom:
            above_or_below = f.let(f"icmp uge i64 {y}, {spec.height}")  # -1 is a large number
            f.when(above_or_below, lambda: _pixels(f, spec, out, width))
            f.when(f.let(f"icmp ult i64 {y}, {spec.height}"), inside)
        else:
            inside()

    kernel = unit_kernel(isa, f"pad_c{spec.channels}w{width}", spec, 2, unit)
    return kernel, spec.images * rows


def _pixels(f: Function, spec: Frame, out: str, count: int, source: str = "") -> None:
    """Pixels next to each other: those of the source, or of the frame where there is none."""
    channels, in_pitch, out_pitch = spec.channels, spec.in_pitch, spec.out_pitch
    if out_pitch == channels and (not source or in_pitch == channels):
        channels, count = channels * count, min(count, 1)
    value = f.constant(spec.value)

    def pixel(x: Value, _: list[str]) -> list[str]:
        target, origin = f.at(out, f.mul(x, out_pitch)), ""
        if source:
            origin = f.at(source, f.mul(x, in_pitch))

        def vector(at: Value, some: int | None) -> None:
            filled = f.load(f.at(origin, at), some) if origin else value
            f.store(filled, f.at(target, at), some)

        vectors(f, channels, vector)
        return []

    f.loop(0, count, [], pixel)
