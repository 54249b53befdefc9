"""The table of the three dimensions says what was measured, and what does not hold."""

from typing import Any

from benchmarks.dimensions_tables import ADD_UP, aims, dimensions


def rows(off: float) -> list[dict[str, Any]]:
    def latency(runtime: str, whole: float) -> dict[str, Any]:
        steps = whole * (1 + off)
        return {"runtime": runtime, "p50_s": whole, "steps_s": steps, "bound_s": whole / 2}

    return [
        {
            "network": name,
            "threads": threads,
            "totals": {"macs": 2_000_000, "moved_bytes": 3_000},
            "memory": [{"way": "layers", "peak_bytes": 5_000}],
            "latencies": [latency("lithe", 0.002), latency("eager", 0.008)],
        }
        for name in ADD_UP
        for threads in (1, 2)
    ]


def test_steps_that_add_up_and_that_do_not() -> None:
    assert all(aim.held for aim in aims(rows(0.09)))
    assert all(aim.held for aim in aims(rows(-0.09)))
    assert not any(aim.held for aim in aims(rows(-0.11)))
    assert len(aims(rows(0))) == 12
    assert not any(aim.held for aim in aims([]))


def test_seconds_have_their_own_bounds() -> None:
    row = {"counted": "timm:mobilenetv2_100", "seconds": 3.0}
    other = {"counted": "timm:large", "seconds": 3.0}
    slow = {"command": "import lithe", "seconds": 0.3}
    held = {aim.what: aim.held for aim in aims([row, other, slow])[12:]}
    assert list(held.values()) == [False, True, False]


def test_a_line_for_each_network_at_one_thread() -> None:
    conditions = {
        "cpu": "CPU", "versions": {"torch": "2", "timm": "1"}, "python": "3", "date": "today",
    }  # fmt: skip
    text = dimensions({"rows": rows(0.2), "conditions": conditions})
    assert "| resnet18 | 2 M | 3 kB | 5 kB |  | 2 ms | 8 ms | 4.0 | 50% |" in text
    assert text.count("| 2 ms | 8 ms |") == len(ADD_UP)
    assert "**not held**" in text
