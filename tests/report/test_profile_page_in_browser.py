"""The page of a profile in a real Chromium."""

import pytest
from tests.report.opened import (
    Open,
    Opened,
    assert_fits,
    assert_readable,
    place_of,
    wait_for_hover,
)
from tests.report.profile_sample import (
    HOSTILE_PATHS,
    hostile_sample,
    large_sample,
    predicted_sample,
    sample,
    static_sample,
    unknown_sample,
)

from lithe.profiling import Profile
from lithe.report.profile_page import profile_page
from lithe.units import format_bytes, format_count, format_seconds

PLOTS = ("roofline", "memory-layers", "memory-lithe", "modules")
DEPTHWISE = 4  # blocks.2.depthwise.conv, where the peak is
MARKED = """() => ({
    rows: [...document.querySelectorAll("#layers-table tr.chosen")]
        .map((row) => Number(row.dataset.layer)),
    roofline: (() => {
        const trace = document.getElementById("roofline-plot").data.at(-1);
        return trace.customdata.filter((_, i) => trace.marker.line.width[i] === 3)
            .flatMap((step) => run().steps[step].layers).sort((a, b) => a - b);
    })(),
    memory: page.memory.map((use) => {
        const { opacity } = document.getElementById(`memory-${use.way}-plot`).data[0].marker;
        const most = Math.max(...opacity), least = Math.min(...opacity);
        return opacity.flatMap((o, step) => (most > least && o === most ? use.layers[step] : []));
    }),
    modules: (() => {
        const [trace] = document.getElementById("modules-plot").data;
        return trace.customdata.filter((_, i) => trace.marker.line.width[i] > 1)
            .map((module) => page.modules[module].path);
    })(),
    bar: document.getElementById("chosen").hidden ? ""
        : document.getElementById("chosen-name").textContent,
    address: location.hash,
})"""


@pytest.fixture(scope="module")
def whole() -> Profile:
    return sample()


@pytest.fixture(scope="module")
def opened(open_html: Open, whole: Profile) -> Opened:
    return open_html(profile_page(whole))


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> None:
    """The shared page as it was when it was opened, for every test that uses it."""
    if "opened" in request.fixturenames:
        page = request.getfixturevalue("opened").page
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.mouse.move(0, 0)
        page.evaluate(
            """() => {
                document.getElementById("layers-filter").value = "";
                document.getElementById("layers-kind").value = "";
                document.querySelector("input[value=time]").checked = true;
                filterLayers();
                clearChoice();
                chooseRuntime(0);
                Object.assign(layerTable, { key: "index", descending: false });
                sortLayers();
            }"""
        )


def marked(opened: Opened) -> dict[str, object]:
    found: dict[str, object] = opened.page.evaluate(MARKED)
    return found


def shown_layers(opened: Opened) -> list[int]:
    found: list[int] = opened.page.evaluate(
        """() => [...document.querySelectorAll("#layers-table tbody tr:not([hidden])")]
            .map((row) => Number(row.dataset.layer))"""
    )
    return found


def point_of(opened: Opened, label: str) -> tuple[float, float]:
    """Where the roofline shows a step."""
    x, y = opened.page.evaluate(
        """(label) => {
            const step = run().steps.find((one) => one.label === label);
            return [step.macs / step.moved_bytes, step.macs / step.seconds];
        }""",
        label,
    )
    # Plotly's own values on a logarithmic axis are those that it is given.
    return place_of(opened, "roofline-plot", x, y)


def test_it_renders_and_says_nothing(opened: Opened, whole: Profile) -> None:
    page = opened.page
    assert whole.name in page.inner_text("h1").replace("\u200b", "")
    for plot in PLOTS:
        box = page.locator(f"#{plot}-plot .main-svg").first.bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 150
    assert page.locator("#roofline-plot .point").count() == 31  # the pooling has no MACs
    assert page.locator("#memory-layers-plot .point").count() == len(whole.layers)
    assert page.locator("#modules-plot .slice").count() > 20
    assert len(shown_layers(opened)) == len(whole.layers)
    for name, figure in (("compute", "301"), ("memory", "6.02"), ("latency", "3")):
        assert figure in page.inner_text(f"[data-dimension={name}] .headline b")
    assert opened.said == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requested)


def test_quantities_are_written_as_in_the_tables(opened: Opened) -> None:
    values = [0.0, 1, 7, 12.25, 112.5, 999, 999.4, 999.5, 1e3, 9.995e3, 1.005e6, 99.95e6, 3e8, 7e12]
    seconds = [2.5e-7, 1e-6, 0.00421, 0.1125, 0.9995, 12.25, 59.9, 75.4]
    found = opened.page.evaluate(
        """([values, seconds]) => [values.map(countText), values.map(bytesText),
            seconds.map(secondsText)].flat().map((text) => text.replaceAll("\\u00a0", " "))""",
        [values, seconds],
    )
    assert found == [
        *map(format_count, values),
        *map(format_bytes, values),
        *map(format_seconds, seconds),
    ]


def test_hovering_names_a_step_with_its_numbers(opened: Opened) -> None:
    opened.page.mouse.move(*point_of(opened, "blocks.0.conv"))
    for text in ("blocks.0.conv", "10.8 M MACs", "of its bound"):
        wait_for_hover(opened, "roofline-plot", text)
    x, y = place_of(opened, "memory-layers-plot", DEPTHWISE + 1, 1e6)
    opened.page.mouse.move(x, y)
    for text in ("6.02 MB alive at step 5 of 64", "4.82 MB: blocks.2.expand.conv"):
        wait_for_hover(opened, "memory-layers-plot", text)


def test_a_layer_of_the_table_is_marked_everywhere(opened: Opened) -> None:
    opened.page.click(f"tr[data-layer='{DEPTHWISE}'] button")
    assert marked(opened) == {
        "rows": [DEPTHWISE],
        "roofline": [3, 4, 5],  # the engine does the block in one step
        "memory": [[DEPTHWISE], [3, 4, 5]],
        "modules": ["blocks.2"],
        "bar": "blocks.2.depthwise.conv",
        "address": "#layers=5",
    }
    opened.page.keyboard.press("Escape")
    nothing = marked(opened)
    assert (nothing["rows"], nothing["bar"], nothing["address"]) == ([], "", "")
    assert nothing["roofline"] == nothing["modules"] == []


def test_a_point_of_the_roofline_marks_its_layers(opened: Opened) -> None:
    opened.page.mouse.click(*point_of(opened, "blocks.0.conv"))
    found = marked(opened)
    assert (found["rows"], found["roofline"], found["bar"]) == ([0], [0], "blocks.0.conv")
    opened.page.mouse.click(*point_of(opened, "blocks.0.conv"))
    assert marked(opened)["rows"] == []


def test_a_step_of_memory_and_a_module_mark_theirs(opened: Opened) -> None:
    opened.page.mouse.click(*place_of(opened, "memory-lithe-plot", 3, 1e5))
    assert marked(opened)["rows"] == [3, 4, 5]
    assert "together with" not in opened.page.inner_text("#chosen-text")
    opened.page.click("#chosen-clear")
    opened.page.locator("#modules-plot").scroll_into_view_if_needed()
    opened.page.locator("#modules-plot .slice", has_text="blocks.12").click()
    found = marked(opened)
    assert isinstance(found["rows"], list)
    assert len(found["rows"]) > 2
    assert "blocks.12" in found["modules"]  # type: ignore[operator]
    opened.page.keyboard.press("Escape")
    assert marked(opened)["rows"] == []


def test_all_is_done_by_keyboard(opened: Opened, whole: Profile) -> None:
    page = opened.page
    page.focus("#roofline-plot")
    page.keyboard.press("ArrowRight")
    wait_for_hover(opened, "roofline-plot", "blocks.0.conv")
    assert "blocks.0.conv" in page.inner_text("#roofline-said")
    page.keyboard.press("Enter")
    assert marked(opened)["rows"] == [0]
    page.keyboard.press("Escape")
    page.focus("#memory-layers-plot")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert marked(opened)["rows"] == [len(whole.layers) - 1]
    page.focus("#chosen-before")
    page.keyboard.press("Enter")
    assert marked(opened)["rows"] == [len(whole.layers) - 2]
    page.focus("#modules summary")
    page.keyboard.press("Enter")
    page.focus("#modules-table tr[data-module='1'] button")
    page.keyboard.press("Space")
    assert isinstance(rows := marked(opened)["rows"], list)
    assert len(rows) == 62
    page.focus("input[name=runtime-layers]:checked")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("input[name=runtime-roofline][value=eager]")


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("macs", lambda p: [layer.macs for layer in p.layers]),
        ("live_bytes", lambda p: [layer.live_bytes for layer in p.layers]),
        ("path", lambda p: None),
    ],
)
def test_headings_sort_by_mouse_and_keyboard(opened: Opened, whole: Profile, key, values) -> None:  # type: ignore[no-untyped-def]
    heading = f"th:has([data-sort={key}])"
    opened.page.click(f"[data-sort={key}]")
    first = shown_layers(opened)
    found = values(whole)
    if found is not None:
        assert opened.page.get_attribute(heading, "aria-sort") == "descending"
        assert first == sorted(range(len(found)), key=lambda i: -found[i])
    else:
        assert opened.page.get_attribute(heading, "aria-sort") == "ascending"
        paths = [whole.layers[i].path for i in first]
        assert paths.index("blocks.2.expand.conv") < paths.index("blocks.11.expand.conv")
    opened.page.focus(f"[data-sort={key}]")
    opened.page.keyboard.press("Enter")
    again = opened.page.get_attribute(heading, "aria-sort")
    assert again == ("ascending" if found is not None else "descending")
    assert sorted(shown_layers(opened)) == list(range(len(whole.layers)))
    assert shown_layers(opened) != first
    assert opened.page.locator("#layers-table [aria-sort]").count() == 1


def test_times_and_their_order_follow_the_runtime(opened: Opened, whole: Profile) -> None:
    opened.page.click("[data-sort=seconds]")
    opened.page.click("label:has(input[name=runtime-layers][value=eager])")
    run = whole.latency("eager")
    assert run is not None
    seconds = {step.layers[0]: step.p50_s for step in run.steps}
    order = shown_layers(opened)
    assert order == sorted(seconds, key=lambda i: (-float(f"{seconds[i]:.5g}"), i))
    text = opened.page.inner_text(f"tr[data-layer='{order[0]}'] td:nth-last-child(3)")
    assert text.replace("\u00a0", " ") == format_seconds(seconds[order[0]])
    assert opened.page.locator("#roofline-plot .point").count() == 53
    assert "in=eager" in opened.page.evaluate("location.hash")


def test_filters_are_by_name_and_kind(opened: Opened, whole: Profile) -> None:
    opened.page.fill("#layers-filter", "BLOCKS.1")
    named = [i for i, layer in enumerate(whole.layers) if "blocks.1" in layer.path]
    assert shown_layers(opened) == named
    opened.page.select_option("#layers-kind", "depthwise")
    both = [i for i in named if whole.layers[i].kind == "depthwise"]
    assert shown_layers(opened) == both
    assert opened.page.inner_text("#layers-count") == f"{len(both)} of 64 layers"


def test_the_address_keeps_the_choice(open_html: Open, whole: Profile) -> None:
    again = open_html(profile_page(whole), fragment="#layers=4-6.64&in=eager")
    found = marked(again)
    assert found["rows"] == [3, 4, 5, 63]
    assert found["address"] == "#layers=4-6.64&in=eager"
    assert again.page.is_checked("input[name=runtime-modules][value=eager]")
    again.page.evaluate("location.hash = '#layers=0-999999999.x&in=nothing'")
    again.page.wait_for_function("chosen.layers.size === 64")
    assert again.said == []


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_no_width_scrolls_sideways(opened: Opened, width: int) -> None:
    opened.page.click(f"tr[data-layer='{DEPTHWISE}'] button")
    assert_fits(opened, width)


def test_dark_and_light_are_both_readable(opened: Opened) -> None:
    assert_readable(
        opened,
        ".headline b",
        ".question",
        ".aside",
        "th button",
        "summary",
        "#roofline-plot .xtick text",
        "#memory-layers-plot .ytick text",
        parts="#modules-plot .slice",
    )


def test_hostile_names_are_text_everywhere(open_html: Open) -> None:
    opened = open_html(profile_page(hostile_sample()))
    page = opened.page
    assert page.locator("script").count() == 3
    assert page.locator("main a, main img").count() == 0
    for index in (0, 1, 3):
        page.mouse.move(*place_of(opened, "memory-layers-plot", index + 1, 1e5))
        wait_for_hover(opened, "memory-layers-plot", HOSTILE_PATHS[index][:20])
    page.focus("#roofline-plot")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.inner_text("#chosen-name") == HOSTILE_PATHS[0]
    assert page.locator(".hoverlayer a").count() == 0
    assert page.evaluate("typeof hacked") == "undefined"
    assert opened.said == []


@pytest.mark.parametrize(
    ("make", "plots"),
    [(static_sample, 1), (predicted_sample, 3), (unknown_sample, 4), (large_sample, 4)],
    ids=["counted only", "predicted", "unknown", "hundreds of layers"],
)
def test_other_profiles_are_drawn_too(open_html: Open, make, plots: int) -> None:  # type: ignore[no-untyped-def]
    opened = open_html(profile_page(make()), width=360)
    assert opened.said == []
    assert opened.page.locator(".plot .main-svg:first-child").count() >= plots
    assert opened.page.locator(".plot").count() == plots
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 360
    opened.page.evaluate("choose([0], 'test')")
    assert opened.page.locator("#layers-table tr.chosen").count() == 1
    assert opened.said == []
