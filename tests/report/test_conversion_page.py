"""The page of a conversion: as a file, and in a real Chromium."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from tests.report.conversion_sample import LONG, compared, hostile, rows, slower
from tests.report.markup import MARKUP, Seen
from tests.report.opened import HOSTILE, Open, Opened, assert_fits, assert_readable

from lithe.report.compare_page import compare_page


def test_numbers_are_there_without_a_script() -> None:
    seen = Seen(compare_page(compared(), rows()))
    text = " ".join("".join(seen.text).replace("\u00a0", " ").split())
    for said in (
        "timm:resnet18 converted to separable", "2 layers replaced: 3.2x fewer MACs",
        "fine-tuned", "94.9 %", "stayed: only 3 input channels", "116 M", "930 us",
        "3.4 ms", "1.87 ms", "0.012", "not held", "15 epochs, batch 32",
    ):  # fmt: skip
        assert said in text, said
    ids = [attributes["id"] for _, attributes in seen.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in seen.tags:
        assert (attributes.get("aria-labelledby") or ids[0]) in ids


def test_times_before_and_after_stand_under_their_runtimes() -> None:
    table = compare_page(compared(), rows()).partition('id="layers"')[2].partition("</table>")[0]
    cells = [re.findall(r"<td.*?>(.*?)</td>", row) for row in table.split("<tr>")]
    (turned,) = [row for row in cells if row[:1] == ["separable, 2 filters"]]
    (kept,) = [row for row in cells if row[:1] == ["stayed: to keep the accuracy"]]
    assert [cell.replace("\u00a0", " ") for cell in turned[3:7]] == [
        "2.1 ms", "930 us", "3.4 ms", "1.87 ms"
    ]  # fmt: skip
    assert [cell.replace("\u00a0", " ") for cell in kept[3:7]] == ["2.2 ms", "", "3.6 ms", ""]
    heads = re.findall(r'colspan="\d" scope="colgroup">(\w+)<', table)
    assert heads == ["MACs", "Engine", "Eager", "Error"]
    text = " ".join(table.replace("&#39;", "'").split())
    assert "in lithe's engine on 1 thread and in eager PyTorch on 2 threads" in text


def test_a_loss_that_rounds_to_nothing_has_no_sign() -> None:
    layer = replace(rows().layers[1], loss=-0.0001)
    page = compare_page(compared(), replace(rows(), layers=(layer,)))
    assert ">0.000<" in page
    assert "-0.000" not in page.partition('id="layers"')[2].partition("</table>")[0]


def test_without_a_conversion_nothing_of_one_is_there() -> None:
    html = compare_page(compared())
    assert 'id="steps"' not in html
    assert "What became of each layer" not in html


@settings(max_examples=10, deadline=None)
@given(MARKUP)
def test_any_name_is_text(name: str) -> None:
    def page(said: str) -> list[str]:
        made = rows()
        layers = (replace(made.layers[1], layer=said), replace(made.layers[0], reason=said))
        made = replace(
            made, title=said, command=said, layers=layers, facts=((said, said),), notes=(said,)
        )
        return [tag for tag, _ in Seen(compare_page(compared(), made)).tags if tag != "wbr"]

    assert page(name) == page("name")


@pytest.fixture(scope="module")
def opened(open_html: Open) -> Opened:
    return open_html(compare_page(compared(), rows()))


def test_it_renders_and_says_nothing(opened: Opened) -> None:
    assert opened.said == []
    assert sum(url.startswith("file:") for url in opened.requested) == 1
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requested)
    assert opened.page.locator("#layers tbody tr").count() == len(rows().layers)
    assert LONG in opened.page.inner_text("#layers").replace("\u200b", "")


@pytest.mark.parametrize("width", [360, 400, 768, 1280])
def test_no_width_scrolls_sideways(opened: Opened, width: int) -> None:
    assert_fits(opened, width)


def test_every_column_is_in_sight_on_a_wide_window(opened: Opened) -> None:
    opened.page.set_viewport_size({"width": 1280, "height": 900})
    wide, seen = opened.page.evaluate(
        "(() => { const e = document.querySelector('#layers .scrolls');"
        " return [e.scrollWidth, e.clientWidth]; })()"
    )
    assert wide <= seen


def test_what_a_row_is_of_stays_in_sight_on_a_narrow_window(opened: Opened) -> None:
    opened.page.set_viewport_size({"width": 400, "height": 900})
    left = "document.querySelector('#layers tbody th').getBoundingClientRect().left"
    before = opened.page.evaluate(left)
    moved = opened.page.evaluate(
        "(() => { const e = document.querySelector('#layers .scrolls');"
        " e.scrollLeft = 300; return e.scrollLeft; })()"
    )
    assert moved == 300
    assert opened.page.evaluate(left) == before


def test_dark_and_light_are_both_readable(opened: Opened) -> None:
    assert_readable(opened, "h1", "#layers td", "#layers thead th", "#facts dt", "#steps td")


def test_hostile_names_are_text_everywhere(open_html: Open) -> None:
    opened = open_html(compare_page(compared(), hostile()), width=360)
    page = opened.page
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("a, img").count() == 0
    assert page.locator("main script").count() == 0
    assert HOSTILE[1] in page.inner_text("#layers").replace("\u200b", "")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert opened.said == []


def test_what_is_no_faster_says_so_at_the_top(open_html: Open) -> None:
    opened = open_html(compare_page(compared(), slower()), width=400)
    head = opened.page.inner_text("header").replace("\u00a0", " ")
    assert "not faster: 17.1 ms before, 18 ms after" in head
    assert "--to low-rank would save about 2.4 ms" in head
    assert opened.said == []
