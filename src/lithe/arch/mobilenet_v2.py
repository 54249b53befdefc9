"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) and two deeper, wider forms of it."""

from lithe.arch.figures import Figure, Materialized
from lithe.arch.rows import Architecture, Conv, InvertedResidual

MOBILENET_V2 = Architecture(  # table 2; the text says 19 bottlenecks, the table has 17
    name="mobilenet_v2",
    rows=(
        Conv(k=3, s=2, c=32),                      # 224 -> 112
        InvertedResidual(t=1, c=16, n=1, s=1),     # 112 -> 112
        InvertedResidual(t=6, c=24, n=2, s=2),     # 112 -> 56
        InvertedResidual(t=6, c=32, n=3, s=2),     # 56 -> 28
        InvertedResidual(t=6, c=64, n=4, s=2),     # 28 -> 14
        InvertedResidual(t=6, c=96, n=3, s=1),     # 14 -> 14
        InvertedResidual(t=6, c=160, n=3, s=2),    # 14 -> 7
        InvertedResidual(t=6, c=320, n=1, s=1),    # 7 -> 7
        Conv(k=1, c=1280, widen="above_one"),      # 7 -> 7
    ),
    dropout=0.2,
)  # fmt: skip

# timm's mobilenetv2_110d and _120d: depth x 1.2 and x 1.4 (rounded up, first and last row
# kept), made to be used at width 1.1 and 1.2; the stem and the last convolution do not widen.
MOBILENET_V2_110D = Architecture(
    name="mobilenet_v2_110d",
    rows=(
        Conv(k=3, s=2, c=32, widen="never"),       # 224 -> 112
        InvertedResidual(t=1, c=16, n=1, s=1),     # 112 -> 112
        InvertedResidual(t=6, c=24, n=3, s=2),     # 112 -> 56
        InvertedResidual(t=6, c=32, n=4, s=2),     # 56 -> 28
        InvertedResidual(t=6, c=64, n=5, s=2),     # 28 -> 14
        InvertedResidual(t=6, c=96, n=4, s=1),     # 14 -> 14
        InvertedResidual(t=6, c=160, n=4, s=2),    # 14 -> 7
        InvertedResidual(t=6, c=320, n=1, s=1),    # 7 -> 7
        Conv(k=1, c=1280, widen="never"),          # 7 -> 7
    ),
    width=1.1,
    dropout=0.2,
)  # fmt: skip
MOBILENET_V2_120D = Architecture(
    name="mobilenet_v2_120d",
    rows=(
        Conv(k=3, s=2, c=32, widen="never"),       # 224 -> 112
        InvertedResidual(t=1, c=16, n=1, s=1),     # 112 -> 112
        InvertedResidual(t=6, c=24, n=3, s=2),     # 112 -> 56
        InvertedResidual(t=6, c=32, n=5, s=2),     # 56 -> 28
        InvertedResidual(t=6, c=64, n=6, s=2),     # 28 -> 14
        InvertedResidual(t=6, c=96, n=5, s=1),     # 14 -> 14
        InvertedResidual(t=6, c=160, n=5, s=2),    # 14 -> 7
        InvertedResidual(t=6, c=320, n=1, s=1),    # 7 -> 7
        Conv(k=1, c=1280, widen="never"),          # 7 -> 7
    ),
    width=1.2,
    dropout=0.2,
)  # fmt: skip

_CUT = "cut, not rounded"

# Table 4 and the released checkpoints (table 0: the repository's own list, not the paper,
# which leaves batch norm out of the parameters).
MOBILENET_V2_FIGURES = (
    Figure(
        4, 1.0, 224, 72.0, 300, 3.4,
        f"MACs {_CUT}: 300.77 M (313.62 M with a 1x1 expansion at t = 1); parameters {_CUT}: "
        "3.47 M without batch norm's scale and shift, 3.50 M with them",
        ms_pixel_1=75, macs_m_true=301, params_m_true=3.5,
    ),
    Figure(
        4, 1.4, 224, 74.7, 585, 6.9,
        "the closed form is 582.2 M and 6.11 M; the released checkpoint says 582 and 6.06, "
        "without batch norm",
        ms_pixel_1=143, macs_m_true=582, params_m_true=6.1,
    ),
    Figure(0, 1.4, 224, 75.0, 582, 6.06),
    Figure(0, 1.3, 224, 74.4, 509, 5.34),
    Figure(0, 1.0, 224, 71.8, 300, 3.47, f"{_CUT}: 300.77 M", macs_m_true=301),
    Figure(0, 0.75, 224, 69.8, 209, 2.61),
    Figure(0, 0.5, 224, 65.4, 97, 1.95),
    Figure(0, 0.35, 224, 60.3, 59, 1.66),
)  # fmt: skip
MOBILENET_V1_IN_V2_FIGURE = Figure(
    4, 1.0, 224, 70.6, 575, 4.2,
    "the V1 paper prints 569 for the same network, and the closed form is 568.7 M",
    ms_pixel_1=113, macs_m_true=569,
)  # fmt: skip

# Table 2 line by line: input, operator, t, c, n, s.
MOBILENET_V2_LINES = (
    "224x224x3   conv2d      c32 n1 s2",
    "112x112x32  bottleneck  t1 c16 n1 s1",
    "112x112x16  bottleneck  t6 c24 n2 s2",
    "56x56x24    bottleneck  t6 c32 n3 s2",
    "28x28x32    bottleneck  t6 c64 n4 s2",
    "14x14x64    bottleneck  t6 c96 n3 s1",
    "14x14x96    bottleneck  t6 c160 n3 s2",
    "7x7x160     bottleneck  t6 c320 n1 s1",
    "7x7x320     conv2d 1x1  c1280 n1 s1",
    "7x7x1280    avgpool 7x7 n1",
    "1x1x1280    conv2d 1x1  ck",
)
MOBILENET_V2_T1_NOTE = (
    "read literally, t = 1 puts a 1x1 convolution of 32 to 32 channels in front and makes "
    "313.6 M MACs; the published code leaves it out: 300.8 M"
)
MOBILENET_V2_BOTTLENECKS = 19  # section 4, "19 residual bottleneck layers"
MOBILENET_V2_BOTTLENECKS_NOTE = "the text says 19; table 2 adds up to 17"

# Table 3; "Kb" are kilobytes of 1000 bytes, to about two digits. The paper takes a whole
# inverted residual for one operator, and the stem for a part of the first.
_NEXT_ROW = "the c of the row that reads this map; the tensors of this size have {} channels"
MOBILENET_V1_MATERIALIZED = (
    Materialized(112, 64, 1600),
    Materialized(56, 128, 800),
    Materialized(28, 256, 400),
    Materialized(14, 512, 200),
    Materialized(7, 1024, 199, "7 x 7 x 1024 at 2 bytes are 100 Kb", kb_true=100),
    Materialized(1, 1024, 2),
)
MOBILENET_V2_MATERIALIZED = (
    Materialized(
        112, 16, 400,
        "leaves out the stem's 32 channels (803 Kb), which the first block is assumed to absorb",
    ),
    Materialized(56, 32, 200, _NEXT_ROW.format(24), 24, 151),
    Materialized(28, 64, 100, _NEXT_ROW.format(32), 32, 50),
    Materialized(14, 160, 62, _NEXT_ROW.format(96), 96, 38),
    Materialized(
        7, 320, 32,
        "31.4 Kb; leaves out the 1280 channels in front of the pooling (125 Kb)",
        kb_true=31,
    ),
    Materialized(1, 1280, 2, f"{_CUT}: 2.56 Kb", kb_true=3),
)  # fmt: skip
MOBILENET_V1_MATERIALIZED_MAX = 1600
MOBILENET_V2_MATERIALIZED_MAX = 400
MATERIALIZED_MAX_NOTE = (
    "holds where a whole inverted residual runs as one operator and the stem inside the first"
)
