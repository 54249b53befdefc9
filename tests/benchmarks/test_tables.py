"""The README says what the result files say."""

from benchmarks.conditions import RESULTS
from benchmarks.tables import PLOTS, README, ROOT, drawn, written


def test_every_table_is_in_the_readme_and_up_to_date() -> None:
    text = README.read_text()
    measured = [path.stem for path in RESULTS.glob("*.json")]
    assert measured
    assert all(f"<!-- table: {name} -->" in text for name in measured)
    assert written(text) == text


def test_every_plot_is_shown_and_up_to_date() -> None:
    text = README.read_text()
    for path, svg in drawn().items():
        assert path.read_text() == svg
        assert f"]({path.relative_to(ROOT)})" in text
    measured = {path.stem for path in RESULTS.glob("*.json")}
    assert len(drawn()) == len(measured & PLOTS.keys())
