"""A page in the browser: what it said and asked for, where its plots show what."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page

HOSTILE = (
    "<script>hacked = 1</script>",
    "<img src=x onerror='hacked = 1'>",
    '<a href="javascript:hacked = 1">cat</a>',
    "</script><script>hacked = 1</script>",
    "<!--<script>",
    "%{x} %{customdata} {{ 7 * 7 }}",
    "$\\frac{1}{2}$",
    "\"'`&amp;&lt;b&gt;",
    "a" * 90,
    "line\u2028separator\u0000 and \u202e turned",
)


@dataclass
class Opened:
    """A page in the browser with everything that it said and asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)


Open = Callable[..., Opened]


def wait_for_hover(opened: Opened, plot: str, text: str) -> None:
    opened.page.wait_for_function(
        """([plot, text]) => [...document.querySelectorAll(`#${plot} .hoverlayer .hovertext`)]
            .some((label) => label.textContent.replaceAll('\\u00a0', ' ').includes(text))""",
        arg=[plot, text],
    )


def place_of(opened: Opened, plot: str, x: float, y: float) -> tuple[float, float]:
    """Where in the window a plot shows these values, scrolled to."""
    across, down = opened.page.evaluate(
        """([id, x, y]) => {
            const plot = document.getElementById(id);
            plot.scrollIntoView();
            const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
            return [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(y)];
        }""",
        [plot, x, y],
    )
    return across, down


def wait_for_width(opened: Opened) -> None:
    """Until nothing scrolls sideways and every plot has the size of its place."""
    opened.page.wait_for_function(
        """() => document.documentElement.scrollWidth <= innerWidth
            && [...document.querySelectorAll(".plot")].every((plot) => !plot.clientWidth
                || plot.querySelector(".main-svg").clientWidth === plot.clientWidth)"""
    )


def beyond_the_edge(opened: Opened) -> list[str]:
    """The beginning of each element that stands out of the window, what scrolls left out."""
    found: list[str] = opened.page.evaluate(
        """() => [...document.querySelectorAll("main *")].filter((e) => {
            const box = e.getBoundingClientRect();
            return box.right > innerWidth + 1 && !e.closest(".scrolls, .spoken, svg");
        }).map((e) => e.outerHTML.slice(0, 80))"""
    )
    return found


# WCAG 2.1, 1.4.3: (lighter + 0.05) / (darker + 0.05); 4.5 is asked of text.
_CONTRAST = """(selectors) => {
    const light = (colour) => {
        const [r, g, b] = colour.match(/[0-9.]+/g).map((v) => (v / 255) ** 2.2);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
        const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
"""


def contrasts(opened: Opened, *selectors: str) -> list[float]:
    """Contrast of text with the page behind it, for the first element of each selector."""
    found: list[float] = opened.page.evaluate(
        _CONTRAST
        + """
        const paper = getComputedStyle(document.body).backgroundColor;
        return selectors.map((selector) => {
            const style = getComputedStyle(document.querySelector(selector));
            return contrast(selector.includes("plot") ? style.fill : style.color, paper);
        }); }""",
        selectors,
    )
    return found


def contrasts_inside(opened: Opened, parts: str) -> list[float]:
    """Contrast of each part's text with the shape that it stands on."""
    found: list[float] = opened.page.evaluate(
        _CONTRAST
        + """
        return [...document.querySelectorAll(selectors)].filter((s) => s.querySelector("text"))
            .map((s) => contrast(getComputedStyle(s.querySelector("text")).fill,
                getComputedStyle(s.querySelector("path")).fill)); }""",
        parts,
    )
    return found


def assert_readable(opened: Opened, *selectors: str, parts: str = "") -> None:
    """In the dark and in the light, which differ."""
    backgrounds = set()
    for scheme in ("dark", "light"):
        opened.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        backgrounds.add(opened.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for _ in range(60):  # plots are drawn anew after the page has changed its colours
            found = contrasts(opened, *selectors)
            found += contrasts_inside(opened, parts) if parts else []
            if min(found) > 4.5:
                break
            opened.page.wait_for_timeout(50)
        assert min(found) > 4.5, scheme
    assert len(backgrounds) == 2


def assert_fits(opened: Opened, width: int) -> None:
    """At that width of the window nothing stands out of it."""
    opened.page.set_viewport_size({"width": width, "height": 900})
    wait_for_width(opened)
    assert beyond_the_edge(opened) == []
