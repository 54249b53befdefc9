"""The networks that the MobileNet papers compare themselves with: printed figures."""

from lithe.arch.figures import Figure, Materialized, Rival

_PRINTED_ONLY = "printed only: torchvision has no such network, so nothing is recounted here"

# MobileNetV1, tables 8 and 9, at 224 pixels.
V1_RIVALS = (
    Rival(
        "GoogLeNet",
        Figure(
            8, 1.0, 224, 69.8, 1550, 6.8,
            "torchvision's has 3x3 convolutions where GoogLeNet's paper has 5x5; with 5x5 the "
            "closed form is 1583 M and 7.01 M; how 1550 was counted is not stated",
            macs_m_true=1498, params_m_true=6.6,
        ),
        "googlenet",
    ),
    Rival(
        "VGG 16",
        Figure(
            8, 1.0, 224, 71.5, 15300, 138,
            "15300 are the convolutions alone (15347 M, cut); the three fully connected layers "
            "add 124 M",
            macs_m_true=15470,
        ),
        "vgg16",
    ),
    Rival(
        "SqueezeNet",
        Figure(
            9, 1.0, 224, 57.5, 1700, 1.25,
            "1700 counts FLOPs, two to a MAC: as first released, with padding in the last "
            "convolution, SqueezeNet has 848 M MACs at 224 pixels and 861 M at 227; "
            "torchvision's pads less",
            macs_m_true=819,
        ),
        "squeezenet1_0",
    ),
    Rival(
        "AlexNet",
        Figure(
            9, 1.0, 224, 57.2, 720, 60,
            "torchvision's is the later form in one column; the first AlexNet, in two columns "
            "at 227 pixels, has 724.4 M and 60.97 M, which were cut",
            macs_m_true=714, params_m_true=61,
        ),
        "alexnet",
    ),
)  # fmt: skip

# MobileNetV2, table 4.
V2_RIVALS = (
    Rival("ShuffleNet (1.5)", Figure(4, 1.5, 224, 71.5, 292, 3.4, _PRINTED_ONLY)),
    Rival("ShuffleNet (x2)", Figure(4, 2.0, 224, 73.7, 524, 5.4, _PRINTED_ONLY)),
    Rival("NASNet-A", Figure(4, 1.0, 224, 74.0, 564, 5.3, _PRINTED_ONLY, ms_pixel_1=183)),
)

# MobileNetV2, table 3: ShuffleNet of width 2 with 3 groups.
SHUFFLENET_MATERIALIZED = (
    Materialized(112, 32, 800, _PRINTED_ONLY),
    Materialized(56, 48, 300, _PRINTED_ONLY),
    Materialized(28, 400, 600, _PRINTED_ONLY),
    Materialized(14, 800, 310, _PRINTED_ONLY),
    Materialized(7, 1600, 156, _PRINTED_ONLY),
    Materialized(1, 1600, 3, _PRINTED_ONLY),
)
SHUFFLENET_MATERIALIZED_MAX = 600  # without the 800 of the first map
