"""The page as a file, before any browser opens it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.markup import MARKUP, Seen
from tests.report.sample import sample

from lithe.report.plots import FEWER_CLASSES, confusion_values, plot_values
from lithe.report.run_page import EXAMPLE_BYTES, most_confused, run_page


@pytest.mark.smoke
def test_it_is_one_file_that_asks_for_nothing() -> None:
    html = run_page(sample())
    assert len(html.encode()) < 6_000_000
    seen = Seen(html)
    for tag, attributes in seen.tags:
        assert tag not in {"iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "action", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert sum(tag == "script" for tag, _ in seen.tags) == 3


def test_one_plotly_is_enough() -> None:
    html = run_page(sample())
    assert html.count("plotly.js v") == 1


@settings(max_examples=20, deadline=None)
@given(MARKUP | st.text(min_size=1, max_size=60))
def test_any_name_is_text(name: str) -> None:
    rows = sample((name, "other"), candidates=2, epochs=1)
    rows = replace(rows, title=name, command=name, facts=((name, name),))
    seen = Seen(run_page(rows))
    plain = Seen(run_page(sample(("one", "other"), candidates=2, epochs=1)))
    tags = [tag for tag, _ in seen.tags if tag not in {"wbr", "div", "dt", "dd"}]
    assert tags == [tag for tag, _ in plain.tags if tag not in {"wbr", "div", "dt", "dd"}]
    assert json.loads(seen.data)["confusion"]["classes"] == [name, "other"]


def test_a_name_that_is_no_unicode_can_still_be_written() -> None:
    html = run_page(sample(("caf\udce9", "other"), candidates=2, epochs=1))
    assert "called <b>caf?</b>" in html.encode().decode()


def test_examples_that_would_make_the_page_large_are_left_out_and_counted() -> None:
    rows = sample()
    large = bytes(EXAMPLE_BYTES // 8)
    wrong = tuple(replace(row, png=large) for row in rows.examples if row.truth != row.predicted)
    html = run_page(replace(rows, examples=wrong))
    assert sum(tag == "img" for tag, _ in Seen(html).tags) == 4
    assert f"{len(wrong) - 4} more left out" in html


def test_the_most_frequent_mistakes_come_first() -> None:
    rows = replace(sample(("a", "b", "c")), confusion=((5, 3, 0), (1, 9, 0), (0, 7, 1)))
    found = [(pair.truth, pair.called, pair.count, pair.of) for pair in most_confused(rows)]
    assert found == [("c", "b", 7, 8), ("a", "b", 3, 8), ("b", "a", 1, 10)]


def test_a_large_confusion_matrix_keeps_the_classes_with_most_mistakes() -> None:
    size = 130
    confusion = [[0] * size for _ in range(size)]
    for i in range(size):
        confusion[i][i] = 10
    confusion[7][129] = 4  # one made it, one suffered it
    values = confusion_values([f"c{i}" for i in range(size)], confusion)
    assert len(values["classes"]) == FEWER_CLASSES
    assert {"c7", "c129"} <= set(values["classes"])
    at = values["classes"].index("c7"), values["classes"].index("c129")
    assert [*at, 4] in values["cells"]
    assert values["totals"][at[0]] == 14


def test_what_costs_more_than_the_twin_is_explained() -> None:
    rows = sample()
    assert "not always less time" not in run_page(rows)
    assert "More memory is no mistake" not in run_page(rows)
    worse = replace(rows.twin, latency_s=1e-6, peak_activation_bytes=1)
    html = run_page(replace(rows, twin=worse))
    assert "not always less time" in html
    assert "More memory is no mistake" in html


def test_what_is_not_a_number_is_a_gap() -> None:
    rows = sample(epochs=3)
    bad = replace(rows.history[0], train_loss=float("nan"), val_loss=float("inf"))
    values = plot_values(replace(rows, history=(bad, *rows.history[1:])))
    assert values["history"]["train_loss"][0] is None
    assert values["history"]["val_loss"][0] is None
    json.dumps(values, allow_nan=False)
