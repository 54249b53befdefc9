"""A conversion as a run would leave it, with layers of every fate."""

from dataclasses import replace

from tests.report.compare_sample import timed
from tests.report.opened import HOSTILE
from tests.report.profile_sample import sample

from lithe.profiling.side_by_side import SideBySide
from lithe.report.conversion_rows import ConversionRows, ConvertedLayerRow
from lithe.report.rows import LimitRow

LONG = "backbone.features.denseblock4.denselayer16.branch_of_the_second_kind.conv2"
FACTS = (
    ("Original", "timm:resnet18, weights /data/weights/resnet18_of_a_long_name.safetensors"),
    ("Images", "photos/: 1200 to train, 300 held out, 10 classes"),
    ("Fine-tuning", "15 epochs, batch 32, learning rate 0.001"),
    ("Teacher", "the original; temperature 4, weight 0.9"),
    ("Chosen by", "measured loss against measured saving, under the budget"),
    ("Machine", "a processor of 8 cores, Linux, 8 threads"),
    ("Seed", "0"),
)


def rows() -> ConversionRows:
    """Faster, two limits of which one is not held, and layers that stayed for several reasons."""
    stem = ConvertedLayerRow("conv1", "", "only 3 input channels", 118_013_952)
    turned = ConvertedLayerRow(
        "layer1.0.conv1", "separable, 2 filters", "", 115_605_504, 29_302_784, 2.1e-3, 0.93e-3,
        3.4e-3, 1.87e-3, 0.0123, 0.61, 0.42, 0.17,
    )  # fmt: skip
    long = replace(turned, layer=LONG, became="inverted residual, t = 4", refitted=None)
    kept = ConvertedLayerRow(
        "layer1.0.conv2",
        "",
        "to keep the accuracy",
        115_605_504,
        seconds=2.2e-3,
        eager_seconds=3.6e-3,
        loss=1.9,
    )
    computed = replace(stem, layer="head", reason="its weight is computed from others (a norm)")
    return ConversionRows(
        title="timm:resnet18 converted to separable",
        command="lithe convert timm:resnet18 --weights resnet18.safetensors --data photos/",
        steps=(
            ("original", 0.953), ("carried", 0.11), ("refitted", 0.902), ("normed", 0.91),
            ("trained", 0.949),
        ),
        layers=(stem, turned, long, kept, computed),
        layer_threads=(1, 2),
        limits=(
            LimitRow("max_latency_s", "seconds", 12e-3, None, 11.2e-3),
            LimitRow("max_macs", "count", 500e6, None, 569e6),
        ),
        before_s=17.1e-3,
        after_s=11.2e-3,
        before_macs=1_814_073_344,
        after_macs=569_000_000,
        facts=FACTS,
    )  # fmt: skip


def slower() -> ConversionRows:
    """No faster, with what would be, and few images."""
    return replace(
        rows(),
        after_s=18e-3,
        after_macs=2_000_000_000,
        notes=("Only 18 images to calibrate with: losses per layer are rough.",),
        what_would=(("low-rank", 2.4e-3), ("inverted-residual", 0.0)),
    )


def hostile() -> ConversionRows:
    """Names that mean harm wherever one can stand."""
    layers = tuple(
        replace(rows().layers[place % 4], layer=name, reason=name * (place % 4 != 1))
        for place, name in enumerate(HOSTILE)
    )
    return replace(
        rows(), title=HOSTILE[0], command=HOSTILE[3], layers=layers,
        facts=tuple((name, name) for name in HOSTILE), notes=HOSTILE,
    )  # fmt: skip


def compared() -> SideBySide:
    """The network before and after."""
    before = replace(timed(sample("conv_mobilenet"), 1.0), name="timm:resnet18")
    after = replace(timed(sample("mobilenet_v1"), 1.0), name="converted to separable")
    return SideBySide((before, after))
