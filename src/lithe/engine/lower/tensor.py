"""Where a tensor lies and in which order: two layouts, both a matrix of rows with a pitch."""

from dataclasses import dataclass, replace
from math import prod

from lithe.engine.program import Arena, Place
from lithe.errors import LitheError
from lithe.graph.ops import Shape

NHWC = "nhwc"
ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a program.

    `shape` is the graph's, so n c h w for images. In the layout `nhwc`, of rank 4 only, a
    pixel's channels are next to each other and `pitch` is the floats from pixel to pixel.
    In the layout `rows` the axes are in order, the last one next to each other and `pitch`
    the floats from one such row to the next. A pitch wider than a row makes the tensor a
    slice of a wider one: concatenation and splitting along channels need no copies then.
    """

    place: Place
    shape: Shape
    pitch: int
    layout: str = NHWC

    @property
    def width(self) -> int:
        """Elements next to each other: channels of a pixel, or the last axis."""
        return self.shape[1] if self.layout == NHWC else (self.shape or (1,))[-1]

    @property
    def count(self) -> int:
        """Rows of that width: pixels of the whole batch."""
        return prod(self.shape) // self.width if self.width else 0

    @property
    def strides(self) -> tuple[int, ...]:
        """Floats from element to element along each axis of `shape`."""
        if self.layout == NHWC:
            _, _, h, w = self.shape
            return (h * w * self.pitch, 1, w * self.pitch, self.pitch)
        strides = [1, self.pitch]
        for size in self.shape[-2:0:-1]:
            strides.append(strides[-1] * size)
        return tuple(strides[: len(self.shape)][::-1])

    @property
    def floats(self) -> int:
        """Elements from the first to behind the last, gaps included."""
        return max(self.count - 1, 0) * self.pitch + self.width

    @property
    def in_order(self) -> bool:
        """Whether the elements lie in the order of the shape, without gaps."""
        expected = 1
        for size, stride in zip(self.shape[::-1], self.strides[::-1], strict=True):
            if size != 1 and stride != expected:
                return False
            expected *= size
        return True

    @property
    def as_pixels(self) -> "Tensor":
        """Rows as pixels of one image each, `nhwc`."""
        return Tensor(self.place, (self.count, self.width, 1, 1), self.pitch, NHWC)

    def matches(self, shape: Shape, layout: str) -> bool:
        """Whether another tensor could have been written here instead."""
        return (self.shape, self.layout) == (shape, layout)

    def moved(self, floats: int, shape: Shape) -> "Tensor":
        """A part of this tensor, `floats` behind its start, of the same layout and pitch."""
        if not floats:
            return replace(self, shape=shape)
        if not isinstance(self.place, Arena):
            raise LitheError(f"{self.place} is no place to take a part of; a fault of the lowering")
        return replace(
            self, place=Arena(self.place.buffer, self.place.floats + floats), shape=shape
        )


def dense(place: Place, shape: Shape, layout: str) -> Tensor:
    """A tensor without gaps."""
    return Tensor(place, shape, shape[1] if layout == NHWC else (shape or (1,))[-1], layout)


def in_own_buffer(name: str, shape: Shape) -> Tensor:
    """A tensor as a step leaves it in a buffer of its own: `nhwc` for rank 4, else `rows`."""
    layout = NHWC if len(shape) == 4 else ROWS
    return Tensor(Arena(name), shape, own_pitch(shape, layout), layout)


def own_pitch(shape: Shape, layout: str) -> int:
    """The pitch of a tensor in a buffer of its own, in a layout."""
    return pitch_of(shape) if layout == NHWC else (shape or (1,))[-1]


def pitch_of(shape: Shape) -> int:
    """The pitch of a tensor in a buffer of its own.

    With pixels exactly 4 KB apart all of a column falls into one set of the first-level
    cache, so such pixels are 64 bytes further apart.
    """
    if len(shape) != 4:
        return (shape or (1,))[-1]
    _, c, h, w = shape
    return c + 16 if c % 1024 == 0 and h * w > 1 else c
