"""The page of a front in a real Chromium."""

import pytest
from tests.report.front_sample import POINTS, front_sample
from tests.report.opened import (
    HOSTILE,
    Open,
    Opened,
    assert_fits,
    assert_readable,
    place_of,
    wait_for_hover,
)

from lithe.report.front_page import front_page

ROWS = front_sample()
CHOSEN = """() => ({
    pressed: [...document.querySelectorAll("button.network[aria-pressed=true]")]
        .map((b) => Number(b.dataset.network)),
    rows: [...document.querySelectorAll("#numbers tr.chosen")]
        .map((r) => Number(r.dataset.network)),
    shown: [...document.querySelectorAll("#chosen article")].filter((a) => !a.hidden)
        .map((a) => Number(a.dataset.network)),
    point: document.getElementById("front-plot").data
        .filter((t) => t.marker && t.marker.line.width > 2).map((t) => t.customdata[0]),
})"""


@pytest.fixture(scope="module")
def opened(open_html: Open) -> Opened:
    return open_html(front_page(ROWS))


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> None:
    """The shared page as it was when it was opened, for every test that uses it."""
    if "opened" in request.fixturenames:
        page = request.getfixturevalue("opened").page
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.mouse.move(0, 0)
        page.check("input[value=latency]", force=True)


def assert_chosen(opened: Opened, index: int) -> None:
    found = opened.page.evaluate(CHOSEN)
    assert found == {"pressed": [index], "rows": [index], "shown": [index], "point": [index]}


def test_it_renders_says_nothing_and_asks_for_nothing(opened: Opened) -> None:
    assert opened.said == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requested)
    assert sum(url.startswith("file:") for url in opened.requested) == 1
    box = opened.page.locator("#front-plot .main-svg").first.bounding_box()
    assert box is not None
    assert box["width"] > 600
    assert opened.page.locator("#front-plot .point").count() == len(POINTS)


def test_the_most_accurate_is_chosen_first(open_html: Open) -> None:
    assert_chosen(open_html(front_page(ROWS)), 6)


def test_an_address_names_a_choice(open_html: Open) -> None:
    assert_chosen(open_html(front_page(ROWS), fragment="#network-3"), 2)


def test_choosing_anywhere_shows_everywhere(opened: Opened) -> None:
    page = opened.page
    page.click("#numbers button[data-network='1']")
    assert_chosen(opened, 1)
    assert page.evaluate("location.hash") == "#network-2"
    row = ROWS.points[3]
    assert row.network.latency_s is not None
    page.mouse.click(*place_of(opened, "front-plot", row.network.latency_s, 100 * row.accuracy))
    page.wait_for_function("() => location.hash === '#network-4'")
    assert_chosen(opened, 3)


def test_points_are_walked_and_chosen_by_keyboard(opened: Opened) -> None:
    page = opened.page
    page.focus("#front-plot")
    by_time = sorted(range(len(POINTS)), key=lambda i: ROWS.points[i].network.latency_s or 0)
    for index in by_time[:2]:
        page.keyboard.press("ArrowRight")
        wait_for_hover(opened, "front-plot", ROWS.points[index].network.label)
        assert ROWS.points[index].network.label in page.inner_text("#front-spoken")
    page.keyboard.press("Enter")
    assert_chosen(opened, by_time[1])


def test_the_line_is_what_a_cost_can_buy(opened: Opened) -> None:
    page = opened.page
    for key in ("macs", "memory", "latency"):
        page.check(f"input[value={key}]", force=True)
        line = page.evaluate("document.getElementById('front-plot').data[0].y")
        assert line == sorted(line)
        hollow = page.evaluate(
            """() => document.getElementById("front-plot").data.slice(1)
                .filter((t) => t.marker.color !== t.error_y.color).map((t) => t.customdata[0])"""
        )
        of = {"macs": "macs", "memory": "peak_activation_bytes", "latency": "latency_s"}[key]
        costs = [getattr(row.network, of) for row in ROWS.points]
        beaten = [
            i
            for i, row in enumerate(ROWS.points)
            if any(
                costs[j] <= costs[i] and other.accuracy > row.accuracy
                for j, other in enumerate(ROWS.points)
            )
        ]
        assert sorted(hollow) == beaten


def test_a_heading_sorts_both_ways(opened: Opened) -> None:
    page = opened.page
    order = """[...document.querySelectorAll("#numbers tbody tr")]
        .map((r) => Number(r.dataset.network))"""
    page.focus("button[data-sort=accuracy]")
    page.keyboard.press("Enter")
    by_accuracy = sorted(range(len(POINTS)), key=lambda i: ROWS.points[i].accuracy)
    assert page.evaluate(order) == by_accuracy
    page.click("button[data-sort=accuracy]")
    assert page.evaluate(order) == by_accuracy[::-1]
    page.click("button[data-sort=name]")
    assert page.evaluate(order) == list(range(len(POINTS)))


def test_the_commands_of_the_chosen_are_copied_or_selected(opened: Opened) -> None:
    page = opened.page
    page.click("#numbers button[data-network='2']")
    page.click("#chosen article[data-network='2'] button >> nth=1")
    page.wait_for_function(
        """command => [...document.querySelectorAll("#chosen button")]
            .some((b) => b.textContent === "Copied")
            || String(getSelection()).trim() === command""",
        arg=ROWS.points[2].fit,
    )


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_no_width_scrolls_sideways(opened: Opened, width: int) -> None:
    assert_fits(opened, width)


def test_dark_and_light_are_both_readable(opened: Opened) -> None:
    assert_readable(opened, "h1", ".aside", "summary", ".figures dt", "#front-plot .xtick text")


def test_hostile_names_are_text_everywhere(open_html: Open) -> None:
    opened = open_html(front_page(front_sample(HOSTILE[: len(POINTS)])))
    page = opened.page
    for _ in range(3):
        page.focus("#front-plot")
        page.keyboard.press("ArrowRight")
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("a").count() == 0
    assert page.locator("script").count() == 3
    assert opened.said == []


def test_long_names_fit_a_phone(open_html: Open) -> None:
    names = [f"mobilenet_v2-hs-{'n2t3k5s-' * 12}{i}_w0.35_r48" for i in range(len(POINTS))]
    assert_fits(open_html(front_page(front_sample(names))), 360)
