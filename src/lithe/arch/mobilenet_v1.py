"""MobileNetV1 (Howard et al. 2017, arXiv:1704.04861) and the two baselines of its section 4."""

from lithe.arch.figures import Figure, LayerFigure, Share
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

_CUT = "cut, not rounded"

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
    Figure(7, 1.0, 160, 67.2, 290, 4.2, f"{_CUT}: 290.68 M", macs_m_true=291),
    Figure(7, 1.0, 128, 64.4, 186, 4.2),
    Figure(8, 1.0, 224, 70.6, 569, 4.2),
    Figure(
        9, 0.5, 160, 60.2, 76, 1.32,
        f"MACs {_CUT}: 76.52 M; parameters without batch norm's scale and shift: 1.32 M",
        macs_m_true=77, params_m_true=1.33,
    ),
)  # fmt: skip
CONV_MOBILENET_FIGURES = (
    Figure(
        4, 1.0, 224, 71.7, 4866, 29.3,
        "4866 are the convolutions alone (4866.27 M); the classifier adds 1.02 M",
        macs_m_true=4867,
    ),
)  # fmt: skip
SHALLOW_MOBILENET_FIGURES = (Figure(5, 1.0, 224, 65.3, 307, 2.9),)

# Table 1 line by line: type and stride, filter, input.
MOBILENET_V1_LINES = (
    "Conv / s2     3x3x3x32      224x224x3",
    "Conv dw / s1  3x3x32 dw     112x112x32",
    "Conv / s1     1x1x32x64     112x112x32",
    "Conv dw / s2  3x3x64 dw     112x112x64",
    "Conv / s1     1x1x64x128    56x56x64",
    "Conv dw / s1  3x3x128 dw    56x56x128",
    "Conv / s1     1x1x128x128   56x56x128",
    "Conv dw / s2  3x3x128 dw    56x56x128",
    "Conv / s1     1x1x128x256   28x28x128",
    "Conv dw / s1  3x3x256 dw    28x28x256",
    "Conv / s1     1x1x256x256   28x28x256",
    "Conv dw / s2  3x3x256 dw    28x28x256",
    "Conv / s1     1x1x256x512   14x14x256",
    *(
        (
            "Conv dw / s1  3x3x512 dw    14x14x512",
            "Conv / s1     1x1x512x512   14x14x512",
        )
        * 5
    ),
    "Conv dw / s2  3x3x512 dw    14x14x512",
    "Conv / s1     1x1x512x1024  7x7x512",
    "Conv dw / s2  3x3x1024 dw   7x7x1024",
    "Conv / s1     1x1x1024x1024 7x7x1024",
    "Avg Pool / s1 Pool 7x7      7x7x1024",
    "FC / s1       1024x1000     1x1x1024",
    "Softmax / s1  Classifier    1x1x1000",
)
MOBILENET_V1_LINE_TRUE = "Conv dw / s1  3x3x1024 dw   7x7x1024"
MOBILENET_V1_LINE_NOTE = "a slip: with stride 2 the 7x7 map that the next line reads would be 4x4"

# Table 2; batch norm and bias are in neither column.
MOBILENET_V1_SHARES = (
    Share("pointwise", 94.86, 74.59),
    Share("depthwise", 3.06, 1.06),
    Share(
        "standard", 1.19, 0.02,
        "a misprint of 1.91: the printed column adds up to 99.29 %",
        macs_percent_true=1.91,
    ),
    Share("linear", 0.18, 24.33),
)  # fmt: skip

# Table 3: each line changes one thing of the line above it.
MOBILENET_V1_LAYERS = (
    LayerFigure("convolution", 14, 512, False, 462, 2.36),
    LayerFigure("depthwise separable", 14, 512, True, 52.3, 0.27),
    LayerFigure("width 0.75", 14, 384, True, 29.6, 0.15),
    LayerFigure("resolution 0.714", 10, 384, True, 15.1, 0.15),
)
