"""The comparison page as a file, before any browser opens it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.compare_sample import (
    counted_only,
    hostile,
    many,
    side_by_side,
    unknown_side_by_side,
)
from tests.report.markup import MARKUP, Seen

from lithe.profiling.side_by_side import Refused, SideBySide
from lithe.report.compare_page import compare_page, page_values


@pytest.mark.smoke
def test_it_is_one_file_that_asks_for_nothing() -> None:
    html = compare_page(many())
    assert len(html.encode()) < 6_000_000
    assert html.count("plotly.js v") == 1
    for tag, attributes in Seen(html).tags:
        assert tag not in {"iframe", "object", "embed", "base", "form", "a"}
        for name in ("src", "href", "action", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:")


def test_numbers_are_there_without_a_script() -> None:
    text = "".join(Seen(compare_page(side_by_side())).text).replace("\u00a0", " ")
    for figure in ("4.87 G", "12.7 mJ", "10.6 to 11.4 ms", "1 MAC = 2 FLOPs", "timm:vit_tiny"):
        assert figure in text
    assert "but 1.22 x the bytes moved" in text
    assert "estimate" in text
    bounds = "".join(Seen(compare_page(unknown_side_by_side())).text)
    assert "custom::swish_norm" in bounds
    assert "≥290" in bounds


@settings(max_examples=10, deadline=None)
@given(MARKUP | st.text(min_size=1, max_size=60))
def test_any_name_is_text(name: str) -> None:
    def page(said: str) -> list[str]:
        rows = tuple(
            replace(row, name=said, notes=(said,), unknown=(said,))
            for row in counted_only().profiles
        )
        return [tag for tag, _ in Seen(compare_page(SideBySide((*rows, Refused(said, said))))).tags]

    assert [tag for tag in page(name) if tag != "wbr"] == [
        tag for tag in page("name") if tag != "wbr"
    ]


def test_what_is_not_known_is_null_and_no_column() -> None:
    values = page_values(counted_only())
    assert "lithe_s" not in {each["key"] for each in values["quantities"]}
    assert values["base"] == 1
    refused = page_values(unknown_side_by_side())["networks"][1]["cost"]["lithe_s"]
    assert refused["value"] is None
    assert refused["range"] is None
    json.dumps(page_values(hostile()), allow_nan=False)


def test_kinds_add_up_to_the_network() -> None:
    compared = side_by_side()
    values = page_values(compared)
    for network, profile in zip(values["networks"], compared.profiles, strict=True):
        assert sum(kind["macs"] for kind in network["kinds"].values()) == profile.macs
        assert sum(kind["params"] for kind in network["kinds"].values()) == profile.params
