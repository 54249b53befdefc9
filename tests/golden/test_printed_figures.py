"""The papers' rounded figures, typed a second time: no flag rewrites these numbers.

A printed number that does not follow from the network stands with the true one behind it.
"""

import pytest

from lithe.profiling.comparison import Comparison
from lithe.profiling.reproduce import TABLES, reproduce

# Table, row, quantity, printed, computed to two more digits.
FIGURES = [
    ("v1:2", "pointwise", "% of MACs", 94.86, 94.8574),
    ("v1:2", "pointwise", "% of params", 74.59, 74.5906),
    ("v1:2", "depthwise", "% of MACs", 3.06, 3.0569),
    ("v1:2", "depthwise", "% of params", 1.06, 1.0606),
    ("v1:2", "standard", "% of MACs", 1.19, 1.9056),  # erratum: 1.91
    ("v1:2", "standard", "% of params", 0.02, 0.0205),
    ("v1:2", "linear", "% of MACs", 0.18, 0.1800),
    ("v1:2", "linear", "% of params", 24.33, 24.3283),
    ("v1:3", "convolution", "M MACs", 462, 462.4220),
    ("v1:3", "convolution", "M params", 2.36, 2.3593),
    ("v1:3", "depthwise separable", "M MACs", 52.3, 52.2834),
    ("v1:3", "depthwise separable", "M params", 0.27, 0.2668),
    ("v1:3", "width 0.75", "M MACs", 29.6, 29.5788),
    ("v1:3", "width 0.75", "M params", 0.15, 0.1509),
    ("v1:3", "resolution 0.714", "M MACs", 15.1, 15.0912),
    ("v1:3", "resolution 0.714", "M params", 0.15, 0.1509),
    ("v1:4", "Conv MobileNet", "M MACs", 4866, 4867.2932),  # without the classifier
    ("v1:4", "Conv MobileNet", "M params", 29.3, 29.2941),
    ("v1:4", "MobileNet", "M MACs", 569, 568.7404),
    ("v1:4", "MobileNet", "M params", 4.2, 4.2320),
    ("v1:5", "0.75 MobileNet", "M MACs", 325, 325.4004),
    ("v1:5", "0.75 MobileNet", "M params", 2.6, 2.5856),
    ("v1:5", "Shallow MobileNet", "M MACs", 307, 307.3234),
    ("v1:5", "Shallow MobileNet", "M params", 2.9, 2.8880),
    ("v1:6", "1.0 MobileNet-224", "M MACs", 569, 568.7404),
    ("v1:6", "0.75 MobileNet-224", "M MACs", 325, 325.4004),
    ("v1:6", "0.5 MobileNet-224", "M MACs", 149, 149.4971),
    ("v1:6", "0.5 MobileNet-224", "M params", 1.3, 1.3316),
    ("v1:6", "0.25 MobileNet-224", "M MACs", 41, 41.0303),
    ("v1:6", "0.25 MobileNet-224", "M params", 0.5, 0.4701),
    ("v1:7", "1.0 MobileNet-192", "M MACs", 418, 418.1217),
    ("v1:7", "1.0 MobileNet-160", "M MACs", 290, 290.6752),  # cut
    ("v1:7", "1.0 MobileNet-128", "M MACs", 186, 186.4008),
    ("v1:8", "GoogLeNet", "M MACs", 1550, 1498.3762),  # 3x3 for 5x5
    ("v1:8", "GoogLeNet", "M params", 6.8, 6.6249),
    ("v1:8", "VGG 16", "M MACs", 15300, 15470.2643),  # convolutions alone
    ("v1:8", "VGG 16", "M params", 138, 138.3575),
    ("v1:9", "0.5 MobileNet-160", "M MACs", 76, 76.5248),  # cut
    ("v1:9", "0.5 MobileNet-160", "M params", 1.32, 1.3316),  # without batch norm
    ("v1:9", "SqueezeNet", "M MACs", 1700, 818.9246),  # FLOPs
    ("v1:9", "SqueezeNet", "M params", 1.25, 1.2484),
    ("v1:9", "AlexNet", "M MACs", 720, 714.1885),  # another AlexNet
    ("v1:9", "AlexNet", "M params", 60, 61.1008),
    ("v2:2", "text", "bottlenecks", 19, 17),  # erratum
    ("v2:3", "MobileNetV1 112x112", "channels", 64, 64),
    ("v2:3", "MobileNetV1 112x112", "Kb", 1600, 1605.632),
    ("v2:3", "MobileNetV1 56x56", "Kb", 800, 802.816),
    ("v2:3", "MobileNetV1 28x28", "Kb", 400, 401.408),
    ("v2:3", "MobileNetV1 14x14", "Kb", 200, 200.704),
    ("v2:3", "MobileNetV1 7x7", "channels", 1024, 1024),
    ("v2:3", "MobileNetV1 7x7", "Kb", 199, 100.352),  # erratum
    ("v2:3", "MobileNetV1 1x1", "Kb", 2, 2.048),
    ("v2:3", "MobileNetV1 max", "Kb", 1600, 1605.632),
    ("v2:3", "MobileNetV2 112x112", "channels", 16, 16),
    ("v2:3", "MobileNetV2 112x112", "Kb", 400, 401.408),
    ("v2:3", "MobileNetV2 56x56", "channels", 32, 24),  # the next row's channels
    ("v2:3", "MobileNetV2 56x56", "Kb", 200, 150.528),
    ("v2:3", "MobileNetV2 28x28", "channels", 64, 32),
    ("v2:3", "MobileNetV2 28x28", "Kb", 100, 50.176),
    ("v2:3", "MobileNetV2 14x14", "channels", 160, 96),
    ("v2:3", "MobileNetV2 14x14", "Kb", 62, 37.632),
    ("v2:3", "MobileNetV2 7x7", "channels", 320, 320),
    ("v2:3", "MobileNetV2 7x7", "Kb", 32, 31.36),
    ("v2:3", "MobileNetV2 1x1", "Kb", 2, 2.56),
    ("v2:3", "MobileNetV2 max", "Kb", 400, 401.408),
    ("v2:4", "MobileNetV1", "M MACs", 575, 568.7404),  # 569 in its own paper
    ("v2:4", "MobileNetV2 (1.0)", "M MACs", 300, 300.7743),  # cut
    ("v2:4", "MobileNetV2 (1.0)", "M params", 3.4, 3.5049),  # cut, without batch norm
    ("v2:4", "MobileNetV2 (1.4)", "M MACs", 585, 582.1958),  # erratum
    ("v2:4", "MobileNetV2 (1.4)", "M params", 6.9, 6.1088),  # erratum
    ("v2:released", "MobileNetV2 (1.4)", "M params", 6.06, 6.0608),
    ("v2:released", "MobileNetV2 (1.3)", "M MACs", 509, 509.3746),
    ("v2:released", "MobileNetV2 (1.3)", "M params", 5.34, 5.3425),
    ("v2:released", "MobileNetV2 (1.0)", "M params", 3.47, 3.4708),
    ("v2:released", "MobileNetV2 (0.75)", "M MACs", 209, 209.0698),
    ("v2:released", "MobileNetV2 (0.75)", "M params", 2.61, 2.6098),
    ("v2:released", "MobileNetV2 (0.5)", "M MACs", 97, 97.1318),
    ("v2:released", "MobileNetV2 (0.5)", "M params", 1.95, 1.9501),
    ("v2:released", "MobileNetV2 (0.35)", "M MACs", 59, 59.2858),
    ("v2:released", "MobileNetV2 (0.35)", "M params", 1.66, 1.6630),
]
# Table, row, top-1 in %: carried along as printed.
ACCURACIES = [
    ("v1:4", "Conv MobileNet", 71.7),
    ("v1:4", "MobileNet", 70.6),
    ("v1:5", "0.75 MobileNet", 68.4),
    ("v1:5", "Shallow MobileNet", 65.3),
    ("v1:6", "0.5 MobileNet-224", 63.7),
    ("v1:6", "0.25 MobileNet-224", 50.6),
    ("v1:7", "1.0 MobileNet-192", 69.1),
    ("v1:7", "1.0 MobileNet-160", 67.2),
    ("v1:7", "1.0 MobileNet-128", 64.4),
    ("v1:8", "GoogLeNet", 69.8),
    ("v1:8", "VGG 16", 71.5),
    ("v1:9", "0.5 MobileNet-160", 60.2),
    ("v1:9", "SqueezeNet", 57.5),
    ("v1:9", "AlexNet", 57.2),
    ("v2:4", "MobileNetV1", 70.6),
    ("v2:4", "ShuffleNet (1.5)", 71.5),
    ("v2:4", "ShuffleNet (x2)", 73.7),
    ("v2:4", "NASNet-A", 74.0),
    ("v2:4", "MobileNetV2 (1.0)", 72.0),
    ("v2:4", "MobileNetV2 (1.4)", 74.7),
    ("v2:released", "MobileNetV2 (1.4)", 75.0),
    ("v2:released", "MobileNetV2 (1.3)", 74.4),
    ("v2:released", "MobileNetV2 (1.0)", 71.8),
    ("v2:released", "MobileNetV2 (0.75)", 69.8),
    ("v2:released", "MobileNetV2 (0.5)", 65.4),
    ("v2:released", "MobileNetV2 (0.35)", 60.3),
]
# Figures of networks that nothing is computed for, and of a phone.
PRINTED_ONLY = [
    ("v2:4", "ShuffleNet (1.5)", "M MACs", 292),
    ("v2:4", "ShuffleNet (1.5)", "M params", 3.4),
    ("v2:4", "ShuffleNet (x2)", "M MACs", 524),
    ("v2:4", "ShuffleNet (x2)", "M params", 5.4),
    ("v2:4", "NASNet-A", "M MACs", 564),
    ("v2:4", "NASNet-A", "M params", 5.3),
    ("v2:4", "NASNet-A", "ms, Pixel 1", 183),
    ("v2:4", "MobileNetV1", "ms, Pixel 1", 113),
    ("v2:4", "MobileNetV2 (1.0)", "ms, Pixel 1", 75),
    ("v2:4", "MobileNetV2 (1.4)", "ms, Pixel 1", 143),
    ("v2:3", "ShuffleNet 112x112", "Kb", 800),
    ("v2:3", "ShuffleNet 56x56", "Kb", 300),
    ("v2:3", "ShuffleNet 28x28", "Kb", 600),
    ("v2:3", "ShuffleNet 14x14", "Kb", 310),
    ("v2:3", "ShuffleNet 7x7", "Kb", 156),
    ("v2:3", "ShuffleNet 1x1", "Kb", 3),
    ("v2:3", "ShuffleNet max", "Kb", 600),
]

Key = tuple[str, str, str]


@pytest.fixture(scope="module")
def recounted() -> dict[Key, Comparison]:
    return {
        (table.key, each.row, each.quantity): each
        for table in reproduce()
        for each in table.comparisons
    }


def test_every_difference_is_accounted_for(recounted: dict[Key, Comparison]) -> None:
    assert {key[0] for key in recounted} == set(TABLES)
    assert [key for key, each in recounted.items() if not each.accounted_for] == []
    unexplained = [
        key
        for key, each in recounted.items()
        if each.computed is not None and not each.agrees and not each.note
    ]
    assert unexplained == []


@pytest.mark.parametrize(("table", "row", "quantity", "printed", "computed"), FIGURES)
def test_figures(
    recounted: dict[Key, Comparison],
    table: str,
    row: str,
    quantity: str,
    printed: float,
    computed: float,
) -> None:
    found = recounted[table, row, quantity]
    assert found.printed == printed
    assert found.computed == pytest.approx(computed, abs=5.1e-5)


@pytest.mark.parametrize(("table", "row", "top1"), ACCURACIES)
def test_accuracies_are_shown_as_printed_and_not_computed(
    recounted: dict[Key, Comparison], table: str, row: str, top1: float
) -> None:
    found = recounted[table, row, "top-1 %"]
    assert (found.printed, found.computed, found.difference) == (top1, None, None)


@pytest.mark.parametrize(("table", "row", "quantity", "printed"), PRINTED_ONLY)
def test_what_is_only_printed(
    recounted: dict[Key, Comparison], table: str, row: str, quantity: str, printed: float
) -> None:
    found = recounted[table, row, quantity]
    assert (found.printed, found.computed) == (printed, None)


def test_table_1_differs_in_one_line_only(recounted: dict[Key, Comparison]) -> None:
    lines = [each for key, each in recounted.items() if key[0] == "v1:1"]
    assert len(lines) == 30
    wrong = [each for each in lines if each.computed is not None and not each.agrees]
    assert [(each.printed, each.computed) for each in wrong] == [
        ("Conv dw / s2  3x3x1024 dw   7x7x1024", "Conv dw / s1  3x3x1024 dw   7x7x1024")
    ]


def test_table_2_of_v2_has_the_papers_rows(recounted: dict[Key, Comparison]) -> None:
    lines = [each for key, each in recounted.items() if key[0] == "v2:2" and key[2] == "line"]
    assert len(lines) == 11
    assert all(each.agrees for each in lines)
