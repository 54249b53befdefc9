"""The comparison page in a real Chromium."""

import pytest
from tests.report.compare_sample import (
    counted_only,
    hostile,
    many,
    side_by_side,
    unknown_side_by_side,
)
from tests.report.opened import (
    HOSTILE,
    Open,
    Opened,
    assert_fits,
    assert_readable,
    place_of,
    wait_for_hover,
)

from lithe.profiling.side_by_side import SideBySide
from lithe.report.compare_page import compare_page
from lithe.report.quantities import QUANTITIES, times

COMPARED = side_by_side()
V1, V2 = COMPARED.profiles[1:3]
CHOSEN = """() => ({
    pressed: [...document.querySelectorAll("button.network[aria-pressed=true]")]
        .map((b) => Number(b.dataset.network)),
    rows: [...document.querySelectorAll(".chosen")].map((r) => Number(r.dataset.network)),
    point: document.getElementById("scatter-plot").data
        .filter((t) => t.marker.line.width > 0).map((t) => t.customdata[0]),
    bars: document.getElementById("kinds-plot").data[0].marker.opacity
        .map((o, i) => o === 1 ? i : -1).filter((i) => i >= 0),
})"""


@pytest.fixture(scope="module")
def opened(open_html: Open) -> Opened:
    return open_html(compare_page(COMPARED))


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> None:
    """The shared page as it was when it was opened, for every test that uses it."""
    if "opened" in request.fixturenames:
        page = request.getfixturevalue("opened").page
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.mouse.move(0, 0)
        page.keyboard.press("Escape")
        page.select_option("#base", "0")
        page.check("input[value=absolute]", force=True)
        page.check("input[value=share]", force=True)
        page.select_option("select[name=x]", "macs")
        page.select_option("select[name=y]", "lithe_s")


def amounts(opened: Opened, key: str) -> list[str]:
    found: list[str] = opened.page.evaluate(
        """key => [...document.querySelectorAll(`#numbers .amount[data-key=${key}]`)]
            .map((e) => e.textContent.replaceAll('\\u00a0', ' '))""",
        key,
    )
    return found


def assert_chosen(opened: Opened, index: int | None) -> None:
    """The same network is chosen in bars, table, scatter and kinds."""
    found = opened.page.evaluate(CHOSEN)
    if index is None:
        assert not found["pressed"]
        assert not found["rows"]
        assert not found["point"]
        assert len(found["bars"]) == len(COMPARED.profiles)
        return
    assert set(found["pressed"]) == set(found["rows"]) == {index}
    assert len(found["pressed"]) == 2 + len(QUANTITIES)  # key, table, and every cost
    assert found["point"] == found["bars"] == [index]


def test_it_renders_and_says_nothing(opened: Opened) -> None:
    assert opened.said == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requested)
    assert sum(url.startswith("file:") for url in opened.requested) == 1
    for plot in ("scatter", "kinds"):
        box = opened.page.locator(f"#{plot}-plot .main-svg").first.bounding_box()
        assert box is not None
        assert box["width"] > 600
        assert box["height"] > 150
    assert opened.page.locator("#scatter-plot .point").count() == len(COMPARED.profiles)


def test_choosing_anywhere_shows_everywhere(opened: Opened) -> None:
    page = opened.page
    assert_chosen(opened, None)
    page.click("#numbers button[data-network='2']")
    assert_chosen(opened, 2)
    assert page.inner_text("#choice") == f"{V2.name} is chosen."
    assert page.evaluate("location.hash") == "#network-3"
    page.click("#scatter .key button[data-network='1']")
    assert_chosen(opened, 1)
    page.click("article[data-key=moved_bytes] button[data-network='3']")
    assert_chosen(opened, 3)
    run = V1.latency("lithe")
    assert run is not None
    page.mouse.click(*place_of(opened, "scatter-plot", V1.macs, run.total.p50_s))
    page.wait_for_function("() => location.hash === '#network-2'")
    assert_chosen(opened, 1)
    page.mouse.click(*place_of(opened, "kinds-plot", 20, 2))
    page.wait_for_function("() => location.hash === '#network-3'")
    assert_chosen(opened, 2)
    page.keyboard.press("Escape")
    assert_chosen(opened, None)
    assert page.evaluate("location.hash") == ""


def test_choosing_twice_or_clear_undoes_it(opened: Opened) -> None:
    for undo in ("#numbers button[data-network='0']", "#clear"):
        opened.page.click("#numbers button[data-network='0']")
        assert_chosen(opened, 0)
        opened.page.click(undo)
        assert_chosen(opened, None)


def test_points_are_walked_and_chosen_by_keyboard(opened: Opened) -> None:
    page = opened.page
    page.focus("#scatter-plot")
    by_macs = sorted(COMPARED.profiles, key=lambda profile: profile.macs)
    for profile in by_macs[:2]:
        page.keyboard.press("ArrowRight")
        wait_for_hover(opened, "scatter-plot", profile.name)
        assert profile.name in page.inner_text("#scatter-spoken")
    page.keyboard.press("Enter")
    assert_chosen(opened, COMPARED.profiles.index(by_macs[1]))


def test_hovering_names_a_point_and_its_costs(opened: Opened) -> None:
    run = V2.latency("eager")
    assert run is not None
    opened.page.select_option("select[name=x]", "params")
    opened.page.select_option("select[name=y]", "eager_s")
    opened.page.mouse.move(*place_of(opened, "scatter-plot", V2.params, run.total.p50_s))
    wait_for_hover(opened, "scatter-plot", V2.name)
    wait_for_hover(opened, "scatter-plot", "Peak activations, layer by layer: 6.02 MB")
    axis = opened.page.text_content("#scatter-plot .g-xtitle")
    assert axis == "Parameters"


def test_every_multiple_is_the_one_of_the_terminal(opened: Opened) -> None:
    page = opened.page
    page.select_option("#base", "2")
    assert page.is_checked("input[value=times]")
    for each in QUANTITIES:
        said = [times(each.ratio(profile, V2)) for profile in COMPARED.profiles]
        assert amounts(opened, each.key) == [f"{ratio} \u00d7" for ratio in said]
    assert page.locator(".one:visible").count() == len(QUANTITIES) * len(COMPARED.profiles)
    assert page.inner_text(".base-name") == V2.name
    page.check("input[value=absolute]", force=True)
    assert amounts(opened, "macs")[0] == "4.87 G"
    assert page.locator(".one:visible").count() == 0


def test_the_table_is_sorted_by_keyboard(opened: Opened) -> None:
    page = opened.page
    order = (
        "() => [...document.querySelectorAll('#numbers tbody tr')].map((r) => +r.dataset.network)"
    )
    head = page.locator("th:has(button[data-sort=peak_layers_bytes])")
    peaks = [profile.peak_activation_bytes for profile in COMPARED.profiles]
    up = sorted(range(4), key=lambda index: peaks[index])
    page.focus("button[data-sort=peak_layers_bytes]")
    page.keyboard.press("Enter")
    assert page.evaluate(order) == up
    assert head.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert page.evaluate(order) == sorted(range(4), key=lambda index: -peaks[index])
    assert head.get_attribute("aria-sort") == "descending"
    page.click("button[data-sort=name]")
    assert page.evaluate(order) == sorted(range(4), key=lambda i: COMPARED.profiles[i].name)
    assert head.get_attribute("aria-sort") == "none"


def test_kinds_are_shares_or_amounts(opened: Opened) -> None:
    bars = "() => document.getElementById('kinds-plot').data.map((t) => t.x)"
    shares = opened.page.evaluate(bars)
    assert [round(sum(column)) for column in zip(*shares, strict=True)] == [100] * 4
    opened.page.check("input[value=amount]", force=True)
    found = opened.page.evaluate(bars)
    assert [sum(column) for column in zip(*found, strict=True)] == [
        profile.macs for profile in COMPARED.profiles
    ]


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_no_width_scrolls_sideways(opened: Opened, width: int) -> None:
    assert_fits(opened, width)


def test_dark_and_light_are_both_readable(opened: Opened) -> None:
    opened.page.click("#numbers button[data-network='2']")
    plots = "#scatter-plot .xtick text", "#scatter-plot .textpoint text"
    texts = "h1", ".aside", "button.network", ".amount", "#choice", "#numbers thead button"
    assert_readable(opened, *texts, *plots)


def test_a_link_opens_with_its_network_chosen(open_html: Open) -> None:
    opened = open_html(compare_page(COMPARED), fragment="#network-2")
    assert_chosen(opened, 1)
    for fragment, chosen in (("#network-4", 3), ("#network-9", None), ("#<script>", None)):
        opened.page.evaluate("fragment => { location.hash = fragment; }", fragment)
        opened.page.wait_for_function(
            "pressed => document.querySelectorAll('[aria-pressed=true]').length === pressed",
            arg=0 if chosen is None else 2 + len(QUANTITIES),
        )
        assert_chosen(opened, chosen)
    assert opened.said == []


def test_hostile_names_are_text_everywhere(open_html: Open) -> None:
    opened = open_html(compare_page(hostile()), width=360)
    page = opened.page
    page.click("#numbers button[data-network='1']")
    page.select_option("#base", "2")
    assert page.inner_text("#choice") == f"{HOSTILE[1]} is chosen."
    page.focus("#scatter-plot")
    page.keyboard.press("ArrowRight")
    wait_for_hover(opened, "scatter-plot", "<script>")
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("a, img").count() == 0
    assert page.locator("main script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert opened.said == []


@pytest.mark.parametrize(
    ("compared", "points"),
    [
        (unknown_side_by_side(), 1),
        (many(), 40),
        (SideBySide(counted_only().profiles[:1]), 1),
    ],
    ids=["unknown", "many", "one, counted"],
)
def test_unusual_comparisons_are_drawn_too(
    open_html: Open, compared: SideBySide, points: int
) -> None:
    opened = open_html(compare_page(compared), width=360)
    assert opened.said == []
    assert opened.page.locator("#scatter-plot .point").count() == points
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 360
    missing = opened.page.inner_text("#scatter-missing")
    assert bool(missing) == (points < len(compared.profiles))
