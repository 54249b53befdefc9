"""The benchmark over all of timm: what it kept, and the table made of it."""

from typing import Any

import pytest
from benchmarks.coverage import row
from benchmarks.coverage_tables import convolutional, coverage, is_whole
from benchmarks.tables import result
from benchmarks.zoo import Entry, entries


def kept() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (result("coverage") or {"rows": []})["rows"]
    return rows


def test_every_network_has_a_row() -> None:
    assert {(r["name"], r["family"]) for r in kept()} == {(e.name, e.family) for e in entries()}


def test_nineteen_of_twenty_convolutional_networks_are_known_whole() -> None:
    rows = [r for members in convolutional(kept()).values() for r in members]
    assert len(rows) > 500
    assert sum(is_whole(r) for r in rows) >= 0.95 * len(rows)
    assert all(r.get("failure") or r["unknown"] for r in rows if not is_whole(r))


@pytest.mark.parametrize("name", ["mobilenetv4_conv_small_035", "test_resnet"])
def test_a_row_is_what_is_counted_now(name: str) -> None:
    (old,) = [r for r in kept() if r["name"] == name]
    new = row(Entry(name, old["family"]))
    assert {**new, "input": list(new["input"]), "seconds": old["seconds"]} == old


def sample(name: str, family: str, convolutional: bool, **more: Any) -> dict[str, Any]:
    counts = {"macs": 10**9, "torch_flops": 2 * 10**9, "seconds": 0.5, "unknown": []}
    return {"name": name, "family": family, "convolutional": convolutional, **counts, **more}


def test_the_table_names_what_is_unknown_and_who_fails() -> None:
    rows = [
        sample("a", "wide", True, seconds=1.5),
        sample("b", "wide", False, unknown=["aten.fft_fft2.default"], macs=3 * 10**9),
        sample("c", "odd", False),
        {"name": "d", "family": "bad", "convolutional": True, "failure": "it depends"},
        sample("e", "bad", True),
    ]
    versions = {"timm": "1", "torchvision": "2", "torch": "3"}
    text = coverage({"rows": rows, "conditions": {"versions": versions, "date": "today"}})
    assert "| wide | 2 | 1 | 1.00 to 3.00 | 1.0, 1.5 | `aten.fft_fft2.default` in 1 |" in text
    assert "| bad | 2 | 1 | 1.00 | 0.5, 0.5 | 1 cannot be captured |" in text
    assert "| odd |" not in text
    assert "2 convolutional families with 4 networks: 2 (50.0%) have" in text
    assert "Of all 3 networks that are convolutional themselves, 2 (66.7%) have none" in text
    assert "the slowest profile is that of a, 1.5 s" in text
    assert "Of the 1 networks of all other families" in text
