"""The numbers that are known of a step, as rows."""

from typing import NamedTuple


class Features(NamedTuple):
    """One step. `log_` is the natural logarithm, of bytes and MACs that of one more.

    `expand`, `middle` and `last` are the parts of a step: the convolution that comes first
    where others follow it, the depthwise one, and the one that writes the output.
    """

    # Which kernel: one of these is 1.
    rolling: float = 0  # expansion and depthwise, perhaps projection, by rows
    separable: float = 0  # depthwise and projection
    depthwise: float = 0
    sliced: float = 0
    pointwise: float = 0
    conv: float = 0
    pool: float = 0
    elementwise: float = 0
    copy: float = 0
    # How much work.
    log_macs: float = 0
    log_cycles: float = 0  # of all threads together, by the engine's own model
    log_longest_cycles: float = 0  # of the thread that has most units
    macs_per_cycle: float = 0
    log_units: float = 0
    log_unit_cycles: float = 0
    units_left_over: float = 0  # share of a thread's units by which the longest has more
    # What is moved.
    log_in_bytes: float = 0
    log_out_bytes: float = 0
    log_weight_bytes: float = 0
    log_scratch_bytes: float = 0
    log_moved_bytes: float = 0  # weights as often as they are read
    residual: float = 0
    # Its shape.
    kernel: float = 0
    stride: float = 0
    width_in: float = 0
    width_out: float = 0
    height_out: float = 0
    c_in: float = 0
    c_middle: float = 0
    c_out: float = 0
    pixels: float = 0  # of a block of a matrix product
    # How it is cut.
    expand_pixels: float = 0
    expand_vectors: float = 0
    expand_panels: float = 0
    expand_full: float = 0  # share of what the tiles compute that is wanted
    log_expand_cycles: float = 0
    middle_pixels: float = 0
    middle_full: float = 0
    log_middle_cycles: float = 0
    last_pixels: float = 0
    last_vectors: float = 0
    last_panels: float = 0
    last_full: float = 0
    log_last_cycles: float = 0
    activation: float = 0  # cycles on a vector
    log_activation_cycles: float = 0
    planes: float = 0  # the input is the caller's, in planes


NAMES = Features._fields


class Found(NamedTuple):
    """What a kind of kernel tells: floats are counted once, `read` are weights each time."""

    features: Features
    cycles: float
    floats_in: int
    floats_out: int
    weights: int
    read: int
