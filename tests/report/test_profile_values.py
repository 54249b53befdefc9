"""A profile as JSON and as CSV: nothing is left out."""

import csv
import io
import json
from dataclasses import fields

import msgspec
import pytest
from tests.report import profile_sample
from tests.report.test_step_groups import SHARED

from lithe.arch import architecture
from lithe.cost import LayerCost
from lithe.profiling import Profile, static_profile
from lithe.profiling.values import (
    Bound,
    Buffer,
    Energy,
    MemoryUse,
    Resident,
    RunLatency,
    StepLatency,
)  # fmt: skip
from lithe.report.profile_values import profile_csv, profile_values, sorted_layers
from lithe.report.step_groups import Sort


def read_csv(profile: Profile, sort: Sort | None = None) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(profile_csv(profile, sort))))


def names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def test_every_field_is_in_the_json() -> None:
    values = json.loads(msgspec.json.encode(profile_values(profile_sample.sample())))
    assert names(Profile) <= {*values, *values["totals"]}
    run, use = values["latencies"][0], values["memory"][0]
    assert names(LayerCost) <= set(values["layers"][0])
    assert names(RunLatency) - {"total"} <= set(run)
    assert names(StepLatency) <= set(run["steps"][0])
    assert names(Bound) <= set(run["steps"][0]["bound"])
    assert names(MemoryUse) <= set(use)
    assert names(Buffer) <= set(use["buffers"][0])
    assert names(Resident) <= set(values["resident"][0])
    assert names(Energy) <= set(values["energy"][0])
    assert values["schema"] == "lithe.profile"
    assert values["schema_version"] == 1


@pytest.mark.parametrize("kind", ["sample", "static_sample", "predicted_sample", "unknown_sample"])
def test_the_same_names_whatever_was_asked_for(kind: str) -> None:
    profile: Profile = getattr(profile_sample, kind)()
    assert set(profile_values(profile)) == set(profile_values(SHARED))
    assert list(read_csv(profile)[0]) == list(read_csv(SHARED)[0])


@pytest.mark.parametrize(
    ("sort", "field"), [("macs", "macs"), ("params", "params"), ("memory", "live_bytes")]
)
def test_the_most_costly_first(sort: Sort, field: str) -> None:
    counted = static_profile(architecture("mobilenet_v2", width=0.35, resolution=32))
    figures = [getattr(counted.layers[i], field) for i in sorted_layers(counted, sort)]
    assert figures == sorted(figures, reverse=True)
    assert sorted_layers(counted, None) == tuple(range(len(counted.layers)))


def test_by_time_goes_by_what_is_known() -> None:
    assert sorted_layers(SHARED, "time") == (0, 1, 2, 3)
    predicted = profile_sample.predicted_sample()
    assert predicted.prediction is not None
    bounds = [predicted.prediction.bounds[i].seconds for i in sorted_layers(predicted, "time")]
    assert bounds == sorted(bounds, reverse=True)


def test_values_and_csv_say_the_same() -> None:
    counted = static_profile(architecture("mobilenet_v1", resolution=64), (2, 3, 64, 64))
    values = profile_values(counted, "macs")
    lines = read_csv(counted, "macs")
    assert [line["path"] for line in lines] == [layer["path"] for layer in values["layers"]]
    assert [int(line["index"]) for line in lines] == [one["index"] for one in values["layers"]]
    assert sum(int(line["macs"]) for line in lines) == values["totals"]["macs"]
    assert values["totals"]["flops"] == 2 * values["totals"]["macs"]
    assert sum(kind["macs"] for kind in values["by_kind"].values()) == counted.macs
    assert {line["in_shape"] for line in lines} >= {"2x3x64x64"}


def test_the_steps_of_a_run_on_the_lines_of_their_layers() -> None:
    lines = read_csv(SHARED)
    assert [line["lithe_step"] for line in lines] == ["0", "0", "1", ""]
    assert [line["lithe_step_p50_s"] for line in lines] == ["3e-05", "3e-05", "2e-05", ""]
    assert {line["eager_step"] for line in lines} == {""}
    steps = [layer["steps"] for layer in profile_values(SHARED)["layers"]]
    assert steps == [{"lithe": [0]}, {"lithe": [0]}, {"lithe": [1, 2]}, {"lithe": []}]


def test_a_prediction_stands_on_every_line() -> None:
    predicted = profile_sample.predicted_sample()
    assert predicted.prediction is not None
    lines = read_csv(predicted)
    found = [float(line["predicted_bound_s"]) for line in lines]
    assert found == pytest.approx([bound.seconds for bound in predicted.prediction.bounds])
    assert {line["predicted_side"] for line in lines} <= {"arithmetic", "memory", "overhead"}
