"""The end of a run on a terminal."""

from collections.abc import Callable
from dataclasses import replace

from tests.report.sample import sample

from lithe.report.rows import LimitRow
from lithe.report.summary import summary
from lithe.report.terminal import render

FILES = (
    ("Page", "runs/photos/report.html"),
    ("Network", "runs/photos/model.safetensors"),
    ("To repeat", "runs/photos/run.json"),
)


def test_golden_text(golden: Callable[[str, str], None]) -> None:
    text = render(summary(sample(), FILES), width=80, plain=True)
    assert max(map(len, text.splitlines())) <= 80
    golden("summary", text)


def test_golden_text_of_a_broken_limit(golden: Callable[[str, str], None]) -> None:
    rows = sample()
    limits = (
        LimitRow("max_latency_s", "seconds", 5e-3, None, 5.9e-3),
        LimitRow("max_macs", "count", 40e6, 12e6, None),
    )
    twin = replace(rows.twin, latency_s=None, peak_activation_bytes=100_000)
    text = render(summary(replace(rows, limits=limits, twin=twin)), width=80, plain=True)
    golden("summary_broken", text)


def test_markup_in_names_is_text() -> None:
    rows = sample(candidates=4)
    chosen = replace(rows.chosen, label="[bold]net[/bold]")
    text = render(summary(replace(rows, chosen=chosen, limits=())), width=80, plain=True)
    assert "[bold]net[/bold]" in text
    assert "Limit" not in text
