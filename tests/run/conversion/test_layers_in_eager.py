"""Which layers are timed in eager PyTorch once a conversion is made, and as what."""

import json
from pathlib import Path

from tests.run.conversion.clock import Clock
from tests.run.conversion.conftest import Convert, lithe

SHAPE = (1, 8, 8, 8)  # of the inputs of layers 3 and 6 of `small`, which can become separable


def test_a_layer_as_it_was_and_what_became_of_it(
    convert: Convert, clock: Clock, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = convert("--out", out, "--epochs", "0", "--json")
    assert clock.in_eager == 2 * [(("Conv2d", "SeparableConv"), SHAPE)]
    stem, one, two, point, _ = json.loads(result.stdout)["layers"]
    for row in (one, two):
        assert (row["eager_seconds"], row["eager_seconds_after"]) == (250e-6, 150e-6)
    for row in (stem, point):  # nothing was tried in their place
        assert (row["seconds"], row["eager_seconds"]) == (None, None)


def test_one_that_stayed_is_timed_as_it_was_only(
    convert: Convert, clock: Clock, losing: None, tmp_path: Path
) -> None:
    # 35 us are to be saved, and the largest replacement of one layer does that.
    wishes = ("--max-latency", "365us", "--epochs", "0", "--json")
    clock.alone = (400e-6, 360e-6)
    result = convert("--out", tmp_path / "out", *wishes)
    assert result.exception is None
    rows = json.loads(result.stdout)["layers"][1:3]
    kept = [row for row in rows if row["became"] is None]
    assert len(kept) == 1
    assert (kept[0]["eager_seconds"], kept[0]["eager_seconds_after"]) == (250e-6, None)
    assert sorted(len(modules) for modules, _ in clock.in_eager) == [1, 2]


def test_a_finished_one_is_timed_again_like_the_whole(
    convert: Convert, clock: Clock, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    convert("--out", out, "--epochs", "0")
    first = list(clock.in_eager)
    clock.eager = (300e-6, 100e-6)
    result = lithe("convert", "--resume", out, "--json")
    assert clock.in_eager == 2 * first
    assert json.loads(result.stdout)["layers"][1]["eager_seconds_after"] == 100e-6
