"""A profile on a terminal."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.report import profile_sample
from tests.report.test_step_groups import SHARED

from lithe.arch import architecture
from lithe.profiling import Profile, static_profile
from lithe.report.profile_layers import layers_text
from lithe.report.profile_summary import MOST_LINES, summary
from lithe.report.profile_tables import kinds_text, largest_text, modules_text
from lithe.report.profile_text import profile_text
from lithe.report.terminal import render

SAMPLES: dict[str, Callable[[], Profile]] = {
    "full": profile_sample.sample,
    "static": profile_sample.static_sample,
    "predicted": profile_sample.predicted_sample,
    "unknown": profile_sample.unknown_sample,
    "hostile": profile_sample.hostile_sample,
}


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "hostile"])
def test_golden_text(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"profile_{name}_80", render(profile_text(SAMPLES[name]()), width=80, plain=True))


def test_golden_text_on_a_wide_terminal(golden: Callable[[str, str], None]) -> None:
    text = profile_text(profile_sample.sample(), "time", 132, depth=1)
    golden("profile_full_132", render(text, width=132, plain=True))


@pytest.mark.parametrize("width", [80, 100, 108, 120, 132, 200])
@pytest.mark.parametrize("name", SAMPLES)
def test_no_line_is_longer_than_the_terminal_and_no_figure_is_cut(name: str, width: int) -> None:
    text = render(profile_text(SAMPLES[name](), None, width), width=width, plain=True)
    assert max(map(len, text.splitlines())) <= width
    assert not re.search(r"\d…", text)
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_summary_fits_one_screen(name: str) -> None:
    lines = render(summary(SAMPLES[name]()), width=80, plain=True).splitlines()
    assert len(lines) <= MOST_LINES
    for dimension in ("Compute", "Memory", "Latency"):
        assert sum(line.startswith(dimension) for line in lines) == 1


def test_every_table_with_macs_says_what_a_flop_is() -> None:
    full = profile_sample.sample()
    for part in (summary(full), kinds_text(full), modules_text(full), layers_text(full)):
        assert part is not None
        assert "1 MAC = 2 FLOPs" in render(part, width=80, plain=True)


def test_with_unknown_operators_totals_say_at_least() -> None:
    unknown = profile_sample.unknown_sample()
    said = render(summary(unknown), width=80, plain=True)
    assert f"at least {unknown.macs:,}" in said
    assert "aten.grid_sampler_2d" in said
    for part in (kinds_text(unknown), modules_text(unknown)):
        assert part is not None
        assert "at least" in render(part, width=80, plain=True)


def test_notes_are_never_lost() -> None:
    notes = tuple(f"note number {i} of this profile" for i in range(9))
    text = render(profile_text(replace(profile_sample.sample(), notes=notes)), width=80)
    assert "Notes at the end: 9." in text
    for note in notes:
        assert text.count(note) == 1


def test_a_step_of_several_layers_has_one_time_on_one_line() -> None:
    lines = render(layers_text(SHARED), width=80, plain=True).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("block "))
    step, expand, project = lines[first : first + 3]
    assert "2 in one" in step
    assert "30.0" in step  # us
    assert expand.startswith("├ expand")
    assert project.startswith("└ project")
    assert "30.0" not in expand + project
    again = next(line for line in lines if "(again)" in line)
    assert "10.0" in again


def test_a_network_of_one_module_has_no_tree() -> None:
    one = replace(SHARED, layers=SHARED.layers[:1], latencies=())
    assert modules_text(one) is None
    assert largest_text(one) is None


def test_depth_says_how_far_down_modules_are_listed() -> None:
    counted = static_profile(architecture("mobilenet_v2"))
    for depth, row, count in ((1, "classifier", 1), (1, "17", 0), (2, "17", 1)):
        part = modules_text(counted, depth)
        assert part is not None
        lines = render(part, width=80, plain=True).splitlines()
        assert sum(line.strip().startswith(f"{row} ") for line in lines) == count
