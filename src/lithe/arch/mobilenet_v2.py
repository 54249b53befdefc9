"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) and two deeper, wider forms of it."""

from lithe.arch.figures import Figure
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

# Table 4 and the released checkpoints (table 0: the repository's own list, not the paper).
MOBILENET_V2_FIGURES = (
    Figure(4, 1.0, 224, 72.0, 300, 3.4, ms_pixel_1=75),
    Figure(4, 1.4, 224, 74.7, 585, 6.9, "closed form 582.2 M; params are 6.11 M", ms_pixel_1=143),
    Figure(0, 1.4, 224, 75.0, 582, 6.06),
    Figure(0, 1.3, 224, 74.4, 509, 5.34),
    Figure(0, 1.0, 224, 71.8, 300, 3.47),
    Figure(0, 0.75, 224, 69.8, 209, 2.61),
    Figure(0, 0.5, 224, 65.4, 97, 1.95),
    Figure(0, 0.35, 224, 60.3, 59, 1.66),
)
