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
