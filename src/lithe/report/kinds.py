"""The kinds of layers as the pages show them: a name, a colour and a shape of its own each.

Shape and colour say the same, so that either is enough.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KindStyle:
    """`colour` is a variable of the style sheet, `symbol` one of plotly's markers.

    `shape` draws the same in the key beside a plot, on a square from -10 to 10.
    """

    name: str
    colour: str
    symbol: str
    shape: str


KIND_STYLES = {
    "pointwise": KindStyle("pointwise", "series-0", "circle", '<circle r="7" stroke="none"/>'),
    "depthwise": KindStyle(
        "depthwise", "series-1", "triangle-up", '<path stroke="none" d="M0-8 8 6H-8Z"/>'
    ),
    "standard": KindStyle(
        "standard", "series-2", "square", '<path stroke="none" d="M-6-6H6V6H-6Z"/>'
    ),
    "grouped": KindStyle(
        "grouped",
        "series-3",
        "cross",
        '<path stroke="none" d="M-3-8H3V-3H8V3H3V8H-3V3H-8V-3H-3Z"/>',
    ),
    "linear": KindStyle(
        "fully connected", "series-4", "diamond", '<path stroke="none" d="M0-8 8 0 0 8-8 0Z"/>'
    ),
    "matmul": KindStyle(
        "matrix product",
        "series-4",
        "bowtie",
        '<path stroke="none" d="M-8-7 0 0 8-7V7L0 0-8 7Z"/>',
    ),
    "several": KindStyle(
        "several kinds in one step",
        "series-3",
        "hexagon2",
        '<path stroke="none" d="M-4-7H4L8 0 4 7H-4L-8 0Z"/>',
    ),
    "other": KindStyle(
        "other",
        "soft",
        "x-thin-open",
        '<path fill="none" stroke-width="3" d="M-6-6 6 6M-6 6 6-6"/>',
    ),
    "unknown": KindStyle(
        "unknown",
        "orange",
        "asterisk-open",
        '<path fill="none" stroke-width="3" d="M-6-6 6 6M-6 6 6-6M-8 0H8M0-8V8"/>',
    ),
}


def kind_of_step(kinds: set[str]) -> str:
    """The kind of a step that works for layers of these kinds.

    >>> kind_of_step({"depthwise", "other"}), kind_of_step({"pointwise", "depthwise"})
    ('depthwise', 'several')
    """
    known = kinds - {"other"}
    if len(known) > 1:
        return "several"
    return next(iter(known or kinds), "other")
