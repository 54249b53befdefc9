"""A profile in a notebook."""

from tests.report import profile_sample

from lithe.profiling.notebook import as_html


def test_three_dimensions_then_a_line_for_each_layer() -> None:
    full = profile_sample.sample()
    html = as_html(full)
    dimensions, layers = html.split("</table>")[:2]
    for dimension in ("Compute", "Memory", "Latency"):
        assert dimensions.count(f">{dimension}</th>") == 1
    assert "1 MAC = 2 FLOPs" in dimensions
    assert "2.49 MB under the engine&#x27;s plan" in dimensions
    assert "in lithe&#x27;s engine, threads: 2, 67% of the bound" in dimensions
    assert ", estimate: Horowitz" in dimensions
    assert layers.count("<tr>") == 1 + len(full.layers)
    fused = sum(len(step.layers) - 1 for step in full.latencies[0].steps)
    assert layers.count(">in it</td>") == fused


def test_what_was_not_measured_is_said() -> None:
    assert ">not measured</td>" in as_html(profile_sample.static_sample())
    predicted = as_html(profile_sample.predicted_sample())
    assert "predicted, at least 21.1 ms on A board with 4 cores" in predicted


def test_names_from_outside_are_inert() -> None:
    html = as_html(profile_sample.hostile_sample())
    assert "<script" not in html
    assert "<img" not in html
