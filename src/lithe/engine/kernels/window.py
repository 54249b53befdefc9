"""Which input rows an output row reads: the vertical half of a convolution."""

from dataclasses import dataclass

from lithe.engine.ir import Function, Value


@dataclass(frozen=True, slots=True)
class Window:
    """`kernel` rows, `stride` apart from output to output, over `height_in` rows of an input.

    `row_floats` lie between two rows. An input in planes (n c h w) has `planes` of them,
    `plane_floats` apart; a row of the kernel then reads one row of each.
    """

    kernel: int
    stride: int
    dilation: int
    pad: int
    height_in: int
    height_out: int
    row_floats: int
    planes: int = 1
    plane_floats: int = 0

    @property
    def rows(self) -> int:
        """Pointers that describe one output row's input."""
        return self.kernel * self.planes

    @property
    def image_floats(self) -> int:
        """From one image of a batch to the next."""
        return (
            self.height_in * self.row_floats
            if self.planes == 1
            else (self.planes * self.plane_floats)
        )


def point_rows(
    f: Function, table: str, image: str, y: Value, window: Window
) -> tuple[Value, Value]:
    """Fill `table` with the input rows of output row y; those in [low, high) are in the image."""
    top = f.sub(f.mul(y, window.stride), window.pad)
    for ky in range(window.kernel):
        row = f.at(image, f.mul(f.add(top, ky * window.dilation), window.row_floats))
        for plane in range(window.planes):
            f.point(table, ky * window.planes + plane, f.at(row, plane * window.plane_floats))
    low, high = inside(f, y, window)
    return f.mul(low, window.planes), f.mul(high, window.planes)


def inside(f: Function, y: Value, window: Window) -> tuple[Value, Value]:
    """The rows [low, high) of the kernel that lie in the image for output row y."""
    if window.pad == 0:
        return 0, window.kernel
    top = f.sub(f.mul(y, window.stride), window.pad)
    d = window.dilation
    low = f.div(f.add(f.max(f.sub(0, top), 0), d - 1), d)
    high = f.div(f.add(f.max(f.sub(window.height_in, top), 0), d - 1), d)
    return low, f.min(high, window.kernel)


def fetch_rows(f: Function, image: str, first: Value, count: int, window: Window) -> None:
    """Ask for `count` input rows from `first` on, of every plane: short rows start no stream."""
    line = 16
    for row in range(count):
        start = f.at(image, f.mul(f.add(first, row), window.row_floats))

        def fetch(index: Value, _: list[str], start: str = start) -> list[str]:
            for plane in range(window.planes):
                f.prefetch(f.at(f.at(start, plane * window.plane_floats), index), 1)
            return []

        f.loop(0, window.row_floats, [], fetch, step=line)
