"""MobileNetV1 (Howard et al. 2017, arXiv:1704.04861) and the two baselines of its section 4."""

from lithe.arch.figures import Figure
from lithe.arch.rows import Architecture, Conv, DepthwiseSeparable

MOBILENET_V1 = Architecture(  # table 1; the body, each line one depthwise/pointwise pair
    name="mobilenet_v1",
    rows=(
        Conv(k=3, s=2, c=32),                   # 224 -> 112
        DepthwiseSeparable(s=1, c=64),          # 112 -> 112
        DepthwiseSeparable(s=2, c=128),         # 112 -> 56
        DepthwiseSeparable(s=1, c=128),         # 56 -> 56
        DepthwiseSeparable(s=2, c=256),         # 56 -> 28
        DepthwiseSeparable(s=1, c=256),         # 28 -> 28
        DepthwiseSeparable(s=2, c=512),         # 28 -> 14
        DepthwiseSeparable(s=1, c=512, n=5),    # 14 -> 14
        DepthwiseSeparable(s=2, c=1024),        # 14 -> 7
        DepthwiseSeparable(s=1, c=1024),        # 7 -> 7; printed as s2, a slip: 7 x 7 must stay
    ),
    dropout=0.001,
)  # fmt: skip

# Section 4.1, table 4: every depthwise/pointwise pair is one standard 3x3 convolution.
CONV_MOBILENET = Architecture(
    name="conv_mobilenet",
    rows=(
        Conv(k=3, s=2, c=32),        # 224 -> 112
        Conv(k=3, s=1, c=64),        # 112 -> 112
        Conv(k=3, s=2, c=128),       # 112 -> 56
        Conv(k=3, s=1, c=128),       # 56 -> 56
        Conv(k=3, s=2, c=256),       # 56 -> 28
        Conv(k=3, s=1, c=256),       # 28 -> 28
        Conv(k=3, s=2, c=512),       # 28 -> 14
        Conv(k=3, s=1, c=512, n=5),  # 14 -> 14
        Conv(k=3, s=2, c=1024),      # 14 -> 7
        Conv(k=3, s=1, c=1024),      # 7 -> 7
    ),
    dropout=0.001,
)  # fmt: skip

# Section 4.1, table 5: the five pairs of 14 x 14 x 512 taken out.
SHALLOW_MOBILENET = Architecture(
    name="shallow_mobilenet",
    rows=(
        Conv(k=3, s=2, c=32),             # 224 -> 112
        DepthwiseSeparable(s=1, c=64),    # 112 -> 112
        DepthwiseSeparable(s=2, c=128),   # 112 -> 56
        DepthwiseSeparable(s=1, c=128),   # 56 -> 56
        DepthwiseSeparable(s=2, c=256),   # 56 -> 28
        DepthwiseSeparable(s=1, c=256),   # 28 -> 28
        DepthwiseSeparable(s=2, c=512),   # 28 -> 14
        DepthwiseSeparable(s=2, c=1024),  # 14 -> 7
        DepthwiseSeparable(s=1, c=1024),  # 7 -> 7
    ),
    dropout=0.001,
)  # fmt: skip

# table, width, resolution, top-1, M MACs, M params
MOBILENET_V1_FIGURES = (
    Figure(4, 1.0, 224, 70.6, 569, 4.2),
    Figure(5, 0.75, 224, 68.4, 325, 2.6),
    Figure(6, 1.0, 224, 70.6, 569, 4.2),
    Figure(6, 0.75, 224, 68.4, 325, 2.6),
    Figure(6, 0.5, 224, 63.7, 149, 1.3),
    Figure(6, 0.25, 224, 50.6, 41, 0.5),
    Figure(7, 1.0, 224, 70.6, 569, 4.2),
    Figure(7, 1.0, 192, 69.1, 418, 4.2),
    Figure(7, 1.0, 160, 67.2, 290, 4.2),
    Figure(7, 1.0, 128, 64.4, 186, 4.2),
    Figure(8, 1.0, 224, 70.6, 569, 4.2),
    Figure(9, 0.5, 160, 60.2, 76, 1.32),
)
CONV_MOBILENET_FIGURES = (Figure(4, 1.0, 224, 71.7, 4866, 29.3),)
SHALLOW_MOBILENET_FIGURES = (Figure(5, 1.0, 224, 65.3, 307, 2.9),)
