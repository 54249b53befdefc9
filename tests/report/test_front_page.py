"""The page and the text of a front, before any browser opens the page."""

import json
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.front_sample import DOMINATED, front_sample
from tests.report.markup import MARKUP, Seen

from lithe.report.front_page import front_page, page_values, result
from lithe.report.front_text import front_text
from lithe.report.terminal import render


def test_it_is_one_file_that_asks_for_nothing() -> None:
    html = front_page(front_sample())
    assert len(html.encode()) < 6_000_000
    seen = Seen(html)
    for tag, attributes in seen.tags:
        assert tag not in {"iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "action", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert sum(tag == "script" for tag, _ in seen.tags) == 3


@settings(max_examples=15, deadline=None)
@given(MARKUP | st.text(min_size=1, max_size=60))
def test_any_name_is_text(name: str) -> None:
    plain = front_sample()
    first = replace(plain.points[0], predict=name, fit=name)
    first = replace(first, network=replace(first.network, label=name))
    rows = replace(
        plain, title=name, command=name, facts=((name, name),), points=(first, *plain.points[1:])
    )
    seen = Seen(front_page(rows))
    tags = [tag for tag, _ in seen.tags if tag not in {"wbr", "div", "dt", "dd"}]
    before = Seen(front_page(plain)).tags
    assert tags == [tag for tag, _ in before if tag not in {"wbr", "div", "dt", "dd"}]
    assert json.loads(seen.data)["points"][0]["name"] == name


def test_without_latencies_the_page_begins_with_macs() -> None:
    values = page_values(front_sample(latency=False))
    assert [axis["key"] for axis in values["axes"]] == ["macs", "memory", "params"]
    assert "MACs to" in result(front_sample(latency=False))
    assert values["first"] == 6  # the most accurate


def test_the_sentence_speaks_of_what_is_on_the_front() -> None:
    rows = front_sample()
    assert result(rows).startswith("6 networks to choose from: from 77.2 % right at ")
    only = replace(rows, points=rows.points[DOMINATED - 1 : DOMINATED])
    assert result(only).startswith("1 network: 91.1 % right at ")


def test_the_terminal_shows_every_point(golden: Callable[[str, str], None]) -> None:
    rows = front_sample()
    text = render(front_text(rows, (("Page", "runs/front/front.html"),)), width=80, plain=True)
    assert max(map(len, text.splitlines())) <= 80
    golden("front", text)
