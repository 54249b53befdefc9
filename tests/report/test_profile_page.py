"""The page of a profile as a file, before any browser opens it."""

import json
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.markup import MARKUP, Seen
from tests.report.profile_sample import (
    hostile_sample,
    large_sample,
    predicted_sample,
    renamed,
    sample,
    static_sample,
    unknown_sample,
)

from lithe.cost import KINDS
from lithe.profiling import Profile
from lithe.profiling.values import Energy
from lithe.report.kinds import KIND_STYLES
from lithe.report.profile_page import profile_page
from lithe.report.profile_plots import by_layer, profile_plots, runs, step_layers
from lithe.report.profile_tables import KIND_NAMES
from lithe.report.profile_words import dimensions, energy_text, kind_seconds, result


@pytest.fixture(scope="module")
def whole() -> Profile:
    return sample()


def words_of(html: str) -> str:
    return " ".join(" ".join(Seen(html).text).replace("\u00a0", " ").split())


@pytest.mark.smoke
def test_it_is_one_file_that_asks_for_nothing(whole: Profile) -> None:
    html = profile_page(whole)
    assert len(html.encode()) < 6_000_000
    for tag, attributes in Seen(html).tags:
        assert tag not in {"iframe", "object", "embed", "base", "form", "img"}
        for name in ("src", "href", "action", "srcset"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))


def test_hundreds_of_layers_still_fit() -> None:
    assert len(profile_page(large_sample()).encode()) < 6_000_000


def tags_of(name: str) -> tuple[list[str], str]:
    profile = renamed(static_sample(), [name])
    seen = Seen(profile_page(replace(profile, name=name, notes=(name,))))
    # A dot in a name makes another module, an underscore a place to fold.
    tags = [tag for tag, _ in seen.tags if tag not in {"wbr", "tr", "th", "td", "button"}]
    return tags, json.loads(seen.data)["layers"]["path"][0]


@cache
def plain_tags() -> list[str]:
    return tags_of("x")[0]


@settings(max_examples=12, deadline=None)
@given(MARKUP | st.text(min_size=1, max_size=60))
def test_any_name_is_text(name: str) -> None:
    tags, found = tags_of(name)
    assert tags == plain_tags()
    assert found == name


def test_hostile_names_leave_three_scripts() -> None:
    seen = Seen(profile_page(hostile_sample()))
    assert sum(tag == "script" for tag, _ in seen.tags) == 3
    assert not {"img", "a"} & {tag for tag, _ in seen.tags}


def test_the_three_dimensions_are_always_there(whole: Profile) -> None:
    for profile in (whole, static_sample(), predicted_sample(), unknown_sample()):
        assert [one.key for one in dimensions(profile)] == ["compute", "memory", "latency"]
        assert all(one.figure and one.question for one in dimensions(profile))
    figures = [one.figure for one in dimensions(whole)]
    assert figures[:2] == ["301 M", "6.02 MB"]
    assert "1 MAC = 2 FLOPs" in dimensions(whole)[0].lines[0]


def test_totals_with_unknown_operators_are_lower_bounds() -> None:
    profile = unknown_sample()
    compute, memory, _ = dimensions(profile)
    assert compute.qualifier == memory.qualifier == "at least"
    assert result(profile).startswith("One run takes at least")
    text = words_of(profile_page(profile))
    assert all(name in text for name in profile.unknown)
    assert "not counted" in text


def test_a_prediction_is_called_one() -> None:
    latency = dimensions(predicted_sample())[2]
    assert latency.qualifier == "predicted, at least"
    text = words_of(profile_page(predicted_sample()))
    assert "not measured: computed from what the machine can do by its data sheet" in text
    assert "from data sheet" in text
    assert "Predicted" in text
    values = profile_plots(predicted_sample())
    assert [run["measured"] for run in values["runs"]] == [False]
    assert set(values["runs"][0]["by_layer"]["share"]) == {None}


def test_what_was_not_measured_says_why() -> None:
    latency = dimensions(static_sample())[2]
    assert (latency.figure, latency.unit) == ("?", "not measured")
    why = replace(static_sample(), notes=("the engine does not run on this machine",))
    assert dimensions(why)[2].lines == why.notes
    assert profile_plots(static_sample())["runs"] == []


def test_an_estimate_of_energy_is_called_one() -> None:
    assert "estimate from a table" in energy_text(Energy(0.01, "a table", True))
    assert (
        energy_text(Energy(0.01, "RAPL", False, "lithe"))
        == "10 mJ in lithe's engine: measured by RAPL"
    )


def test_what_stands_out_is_the_kind_that_is_slow_for_its_macs(whole: Profile) -> None:
    run = whole.latency("eager")
    assert run is not None
    seconds = kind_seconds(whole, run)
    assert sum(seconds.values()) == pytest.approx(run.steps_s)
    share = seconds["depthwise"] / run.steps_s
    text = f"depthwise convolutions are 6.9 % of the MACs and {100 * share:.1f} % of the time"
    assert text in result(whole)


def test_times_of_layers_are_those_of_their_steps(whole: Profile) -> None:
    for run, values in zip(whole.latencies, runs(whole), strict=True):
        rows = by_layer(values, len(whole.layers))
        for index, row in enumerate(rows):
            steps = [step for step in run.steps if index in step.layers]
            assert row["seconds"] == pytest.approx(sum(s.p50_s for s in steps), rel=1e-4)
            assert row["shared_by"] == len({i for s in steps for i in s.layers})
    nothing = by_layer({"steps": [], "measured": True}, 2)
    assert [row["seconds"] for row in nothing] == [None, None]


def test_steps_of_a_plan_find_their_layers(whole: Profile) -> None:
    layers, engine = whole.memory
    assert step_layers(whole, layers) == [[i] for i in range(len(whole.layers))]
    run = whole.latency("lithe")
    assert run is not None
    assert step_layers(whole, engine) == [list(step.layers) for step in run.steps]
    # Without a run they are found by name, and one that is no layer's finds none.
    alone = replace(whole, latencies=())
    renamed_steps = replace(engine, steps=("copy", *engine.steps[1:]))
    found = step_layers(alone, renamed_steps)
    assert found[0] == []
    assert [whole.layers[i].path for i in found[3]] == [engine.steps[3]]


def test_no_number_is_missing_or_infinite_in_the_data(whole: Profile) -> None:
    run = whole.latencies[0]
    odd = replace(run.steps[0], p50_s=float("nan"), p20_s=float("inf"))
    profile = replace(whole, latencies=(replace(run, steps=(odd, *run.steps[1:])),))
    text = json.dumps(profile_plots(profile), allow_nan=False)
    assert json.loads(text)["runs"][0]["steps"]["seconds"][0] is None


def test_every_kind_of_layer_has_a_style_and_a_name() -> None:
    assert set(KINDS) | {"several"} == set(KIND_STYLES)
    assert set(KINDS) == set(KIND_NAMES)


def test_kinds_differ_in_shape_and_not_in_colour_alone() -> None:
    symbols = [style.symbol for style in KIND_STYLES.values()]
    assert len(set(symbols)) == len(symbols)
    assert len({style.shape for style in KIND_STYLES.values()}) == len(symbols)
