"""Names of kernels: readable, and different where the code is."""

import hashlib
import re

from lithe.engine.isa import INSTRUCTION_SETS


def digest(work: object) -> str:
    """Eight hexadecimal digits of a frozen description."""
    return hashlib.sha256(repr(work).encode()).hexdigest()[:8]


# What a part of a name says; the groups of the pattern fill the braces.
_PARTS = (
    (r"f32", "32-bit floats"),
    (r"rolling", "row-rolling: row by row, nothing between the convolutions kept"),
    (r"sliced", "expansion and depthwise, one slice of channels at a time"),
    (r"pw", "a matrix product: pointwise convolution or linear layer"),
    (r"conv", "a convolution, row by row"),
    (r"k(\d+)s(\d+)", "window of {0} rows, {1} apart from output to output"),
    (r"k(\d+)x(\d+)s(\d+)", "kernel {0} x {1}, stride {2}"),
    (r"c(\d+)w(\d+)", "{0} channels, output rows of {1} pixels"),
    (r"c(\d+)n(\d+)w(\d+)", "{0} channels into {1}, output rows of {2} pixels"),
    (r"m(\d+)n(\d+)k(\d+)", "{0} pixels, {1} outputs each, sums of {2} products"),
    (r"x(\d+)x(\d+)", "expansion in tiles of {0} pixels x {1} vectors"),
    (r"p(\d+)x(\d+)", "projection in tiles of {0} pixels x {1} vectors"),
    (r"(\d+)x(\d+)", "tiles of {0} pixels x {1} vectors"),
    (r"[0-9a-f]{8}", "digest of all that the code depends on"),
)


def read_name(name: str) -> list[tuple[str, str]]:
    """The parts of a kernel's name and what each says; "" where this does not know.

    >>> read_name("f32_pw_m49n160k960_5x4__avx512_f5e0cd82")[2]
    ('m49n160k960', '49 pixels, 160 outputs each, sums of 960 products')
    """
    return [(part, _meaning(part)) for part in name.replace("__", "_").split("_")]


def _meaning(part: str) -> str:
    if part in INSTRUCTION_SETS:
        lanes = INSTRUCTION_SETS[part].lanes
        return f"the instruction set: vectors of {lanes} floats"
    for pattern, meaning in _PARTS:
        if found := re.fullmatch(pattern, part):
            return meaning.format(*found.groups())
    return ""
