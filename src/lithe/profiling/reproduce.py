"""The papers' tables recounted: the printed figure, ours, and why the two differ.

Accuracies and milliseconds are carried along as printed; nothing here trains or measures.
"""

from collections.abc import Callable, Iterable

from lithe.errors import LitheError
from lithe.profiling import reproduce_v1 as v1
from lithe.profiling import reproduce_v2 as v2
from lithe.profiling.comparison import Comparison, Table


def reproduce(keys: Iterable[str] = ()) -> tuple[Table, ...]:
    """The tables of those keys in the papers' order, all of them without a key.

    Raises:
        LitheError: a key that is not in `TABLES`.
    """
    wanted = set(keys) or set(TABLES)
    unknown = sorted(wanted - set(TABLES))
    if unknown:
        raise LitheError(
            f"there is no table {', '.join(unknown)} here; choose from {', '.join(TABLES)}"
        )
    return tuple(
        Table(key, title, build()) for key, (title, build) in TABLES.items() if key in wanted
    )


# key -> (title, the function that recounts it)
TABLES: dict[str, tuple[str, Callable[[], tuple[Comparison, ...]]]] = {
    "v1:1": ("MobileNetV1, table 1: the body, line by line", v1.body),
    "v1:2": ("MobileNetV1, table 2: where the MACs and parameters are", v1.shares),
    "v1:3": ("MobileNetV1, table 3: one layer of 14x14x512", v1.one_layer),
    "v1:4": ("MobileNetV1, table 4: standard or separable", v1.depthwise_separable),
    "v1:5": ("MobileNetV1, table 5: narrow or shallow", v1.narrow_or_shallow),
    "v1:6": ("MobileNetV1, table 6: width multiplier", v1.widths),
    "v1:7": ("MobileNetV1, table 7: resolution multiplier", v1.resolutions),
    "v1:8": ("MobileNetV1, table 8: against popular networks", v1.against_popular),
    "v1:9": ("MobileNetV1, table 9: against small networks", v1.against_small),
    "v2:2": ("MobileNetV2, table 2: the body, row by row", v2.body),
    "v2:3": ("MobileNetV2, table 3: the largest tensors, at 16 bits", v2.largest_tensors),
    "v2:4": ("MobileNetV2, table 4: ImageNet", v2.imagenet),
    "v2:released": ("MobileNetV2, the released checkpoints (params: no norm)", v2.released),
}
