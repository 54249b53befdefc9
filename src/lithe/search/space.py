"""The design space: families, widths and resolutions, as data."""

from lithe.arch import Architecture, architecture
from lithe.errors import LitheError

FAMILIES = ("mobilenet_v2", "mobilenet_v1", "shallow_mobilenet")
# The papers' multipliers and steps between and below them, for budgets that lie in between.
WIDTHS = (
    0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6,
    0.75, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0,
)  # fmt: skip
RESOLUTIONS = (8, 12, 16, 24, 32, 48, 64, 80, 96, 128, 160, 192, 224)
ENLARGED = 2.0  # images may be shown at up to this many times their own size ...
NEVER_ENLARGED = 64  # ... below this many pixels; larger ones have detail enough


def resolutions(typical_side: int) -> tuple[int, ...]:
    """Input sizes worth trying for images whose shorter side is about `typical_side` pixels.

    Not much beyond what the images hold: a network sees no more in an enlarged photo, but
    8 x 8 pixels are too coarse for its strides. Nor less than an eighth of the largest.
    """
    largest = max(typical_side, min(typical_side * ENLARGED, NEVER_ENLARGED))
    return tuple(r for r in RESOLUTIONS if largest / 8 <= r <= largest) or RESOLUTIONS[:1]


def space(typical_side: int, num_classes: int, in_channels: int) -> tuple[Architecture, ...]:
    """Every table of the grid that can be built, widest last within family and resolution."""
    tables = []
    for family in FAMILIES:
        for resolution in resolutions(typical_side):
            for width in WIDTHS:
                try:
                    table = architecture(
                        family,
                        width=width,
                        resolution=resolution,
                        num_classes=num_classes,
                        in_channels=in_channels,
                    )
                except LitheError:
                    continue  # so narrow that a row has no channel left
                tables.append(table)
    return tuple(tables)
