"""The page of a run in a real Chromium."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.report.opened import (
    HOSTILE,
    Open,
    Opened,
    assert_fits,
    assert_readable,
    place_of,
    wait_for_hover,
)
from tests.report.sample import sample

from lithe.report.rows import RunRows


@pytest.fixture(scope="module")
def rows() -> RunRows:
    return sample()


@pytest.fixture(scope="module")
def opened(open_page: Open, rows: RunRows) -> Opened:
    return open_page(rows)


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> None:
    """The shared page as it was when it was opened, for every test that uses it."""
    if "opened" in request.fixturenames:
        page = request.getfixturevalue("opened").page
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.mouse.move(0, 0)
        page.check("input[value=macs]", force=True)


def wait_for_axis(opened: Opened, text: str) -> None:
    opened.page.wait_for_function(
        "text => document.querySelector('#candidates-plot .g-xtitle').textContent === text",
        arg=text,
    )


def test_it_renders_and_says_nothing(opened: Opened, rows: RunRows) -> None:
    page = opened.page
    assert page.inner_text("h1") == rows.title
    for plot in ("candidates", "loss", "accuracy", "confusion"):
        box = page.locator(f"#{plot}-plot .main-svg").first.bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 200
    assert page.locator("#candidates-plot .point").count() == len(rows.candidates)
    assert page.locator(".examples img").count() == len(rows.examples)
    assert page.evaluate("[...document.images].every((i) => i.complete && i.naturalWidth > 0)")
    assert opened.said == []


def test_nothing_leaves_the_page(opened: Opened) -> None:
    assert opened.requested
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requested)
    assert sum(url.startswith("file:") for url in opened.requested) == 1


def test_hovering_a_candidate_shows_its_name(opened: Opened, rows: RunRows) -> None:
    accuracy = next(row.accuracy for row in rows.candidates if row.status == "winner")
    assert accuracy is not None
    opened.page.mouse.move(*place_of(opened, "candidates-plot", rows.chosen.macs, 100 * accuracy))
    wait_for_hover(opened, "candidates-plot", rows.chosen.label)


def test_the_cost_is_chosen_by_mouse(opened: Opened) -> None:
    wait_for_axis(opened, "Compute (MACs)")
    opened.page.click("input[value=latency]")
    wait_for_axis(opened, "Latency of one image")
    assert opened.page.is_checked("input[value=latency]")


def test_the_cost_is_chosen_by_keyboard(opened: Opened) -> None:
    opened.page.focus("input[value=macs]")
    opened.page.keyboard.press("ArrowRight")
    wait_for_axis(opened, "Memory (peak of live activations)")
    opened.page.keyboard.press("ArrowLeft")
    wait_for_axis(opened, "Compute (MACs)")


def test_candidates_are_walked_by_keyboard(opened: Opened, rows: RunRows) -> None:
    by_cost = sorted(rows.candidates, key=lambda row: row.network.macs)
    opened.page.focus("#candidates-plot")
    for candidate in by_cost[:2]:
        opened.page.keyboard.press("ArrowRight")
        wait_for_hover(opened, "candidates-plot", candidate.network.label)
        assert candidate.network.label in opened.page.inner_text("#candidates-spoken")
    opened.page.keyboard.press("ArrowLeft")
    wait_for_hover(opened, "candidates-plot", by_cost[0].network.label)


def test_every_table_opens_by_keyboard(opened: Opened) -> None:
    summaries = opened.page.locator("details > summary")
    for index in range(summaries.count()):
        summaries.nth(index).focus()
        opened.page.keyboard.press("Enter")
        assert opened.page.locator("details").nth(index).get_attribute("open") is not None
    assert opened.page.locator("#candidates details tbody tr").count() == 40


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_no_width_scrolls_sideways(opened: Opened, width: int) -> None:
    assert_fits(opened, width)


def test_dark_and_light_are_both_readable(opened: Opened) -> None:
    plots = "#candidates-plot .xtick text", "#loss-plot .legendtext"
    assert_readable(opened, "h1", ".aside", ".ratio.less b", "summary", *plots)


def test_paper_is_light_and_narrow(opened: Opened) -> None:
    opened.page.emulate_media(color_scheme="dark")
    widths = """() => [...document.querySelectorAll(".plot .main-svg")].map((s) => s.clientWidth)"""
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert max(opened.page.evaluate(widths)) <= 640
    ink = opened.page.evaluate(
        "getComputedStyle(document.querySelector('#loss-plot .gtitle')).fill"
    )
    assert ink == "rgb(28, 33, 40)"
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert max(opened.page.evaluate(widths)) > 640


def test_the_command_is_copied_or_selected(opened: Opened, rows: RunRows) -> None:
    opened.page.click("#repeat button")
    opened.page.wait_for_function(
        """command => document.querySelector("#repeat button").textContent === "Copied"
            || String(getSelection()).trim() === command""",
        arg=rows.command,
    )


def test_hostile_names_are_text_everywhere(open_page: Open) -> None:
    rows = replace(sample(HOSTILE), title="</title><script>hacked = 1</script>")
    opened = open_page(rows)
    page = opened.page
    assert opened.said == []
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.inner_text("h1") == rows.title
    assert page.locator("a").count() == 0
    assert page.locator("script").count() == 3
    for name in HOSTILE[:3]:
        index = HOSTILE.index(name)
        page.mouse.move(*place_of(opened, "confusion-plot", index, index))
        wait_for_hover(opened, "confusion-plot", name)
    assert page.locator(".hoverlayer a").count() == 0
    assert opened.said == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requested)


def test_the_pages_own_policy_stops_what_would_slip_through(open_page: Open) -> None:
    opened = open_page(sample(candidates=4, epochs=2))
    opened.page.evaluate(
        """() => {
            document.body.insertAdjacentHTML("beforeend",
                "<img src='https://example.invalid/x.png' onerror='hacked = 1'>");
            const script = document.createElement("script");
            script.textContent = "hacked = 2";
            document.body.append(script);
        }"""
    )
    opened.page.wait_for_function("document.images[document.images.length - 1].complete")
    assert opened.page.evaluate("typeof hacked") == "undefined"
    for directive in ("img-src", "script-src"):
        assert any("violates" in line and directive in line for line in opened.said)


def not_trained(rows: RunRows) -> RunRows:
    candidates = tuple(
        replace(row, accuracy=None, network=replace(row.network, latency_s=None))
        for row in rows.candidates
    )
    return replace(rows, candidates=candidates)


def run_away(rows: RunRows) -> RunRows:
    history = tuple(replace(row, train_loss=math.nan, val_loss=math.inf) for row in rows.history)
    return replace(rows, history=history)


def bare(rows: RunRows) -> RunRows:
    return replace(
        rows, limits=(), candidates=(), history=(), examples=(), facts=(), confusion=(), classes=()
    )


@pytest.mark.parametrize(
    ("make", "plots"),
    [
        (lambda: sample(["good", "broken"], candidates=3, epochs=1), 4),
        (lambda: sample([f"class {i}" for i in range(100)]), 4),
        (lambda: sample([f"class {i}" for i in range(300)], epochs=400), 4),
        (lambda: not_trained(sample()), 4),
        (lambda: run_away(sample()), 4),
        (lambda: bare(sample()), 0),
    ],
    ids=["two classes", "100 classes", "300 classes", "not trained", "run away", "bare"],
)
def test_unusual_runs_are_drawn_too(
    open_page: Open, make: Callable[[], RunRows], plots: int
) -> None:
    opened = open_page(make(), width=360)
    assert opened.said == []
    assert opened.page.locator(".plot").count() == plots
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 360
    if plots:
        assert opened.page.locator("#candidates-plot .point").count() >= 3
        assert opened.page.locator("#confusion-plot .heatmaplayer image").count() == 2


def test_a_cost_that_nobody_measured_cannot_be_chosen(open_page: Open) -> None:
    opened = open_page(not_trained(sample(candidates=6, epochs=2)))
    assert opened.page.is_disabled("input[value=latency]")
    assert opened.page.is_enabled("input[value=params]")
