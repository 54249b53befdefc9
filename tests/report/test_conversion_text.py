"""The end of a conversion on a terminal."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.conversion_sample import hostile, rows, slower

from lithe.report.conversion_rows import ConversionRows
from lithe.report.conversion_text import conversion_text, gain
from lithe.report.terminal import render

FILES = (("Model", "runs/converted/model.safetensors"), ("Page", f"{Path('a' * 90)}/report.html"))


@pytest.mark.parametrize("made", [rows(), slower(), hostile()], ids=["rows", "slower", "hostile"])
def test_no_line_is_longer_than_80(made: ConversionRows) -> None:
    text = render(conversion_text(made, FILES), width=80, plain=True)
    assert max(map(len, text.splitlines())) <= 80
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_everything_is_there() -> None:
    text = render(conversion_text(rows(), FILES), width=80, plain=True)
    assert text.startswith("2 layers replaced: 3.2x fewer MACs, 1.5x less time")
    for said in (
        "as it was", "95.3 %", "fine-tuned", "94.9 %", "layer1.0.conv1", "separable, 2 filters",
        "2.1 ms", "930 us", "0.17", "second_kind.conv2", "12 ms", "11.2 ms", "569 M",
        "only 3 input channels", "to keep the accuracy", "model.safetensors",
    ):  # fmt: skip
        assert said in text, said


def test_what_is_no_faster_is_told_with_what_would_be() -> None:
    said = " ".join(render(conversion_text(slower()), width=80, plain=True).split())
    assert "1.1x as many MACs, no less time" in said
    assert "17.1 ms before, 18 ms after" in said
    assert "--to low-rank would save about 2.4 ms" in said
    assert "inverted-residual would" not in said
    none = render(conversion_text(replace(slower(), what_would=())), width=80, plain=True)
    assert "None of the replacements that were timed" in " ".join(none.split())


def test_one_layer_is_no_plural() -> None:
    assert gain(replace(rows(), layers=rows().layers[:2])).startswith("1 layer replaced: ")
