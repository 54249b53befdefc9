"""README and docs say what the result files say."""

from benchmarks.conditions import RESULTS
from benchmarks.tables import PAGES, PLOTS, README, ROOT, TABLES, TEXTS, drawn, written


def test_every_table_is_on_a_page_and_up_to_date() -> None:
    pages = [page.read_text() for page in PAGES]
    measured = [path.stem for path in RESULTS.glob("*.json")]
    assert measured
    assert set(measured) <= TABLES.keys()
    for name in (*measured, *TEXTS):
        assert sum(f"<!-- table: {name} -->" in text for text in pages) >= 1
    assert [written(text) for text in pages] == pages


def test_every_plot_is_shown_and_up_to_date() -> None:
    text = README.read_text()
    for path, svg in drawn().items():
        assert path.read_text() == svg
        assert f"]({path.relative_to(ROOT)})" in text
    measured = {path.stem for path in RESULTS.glob("*.json")}
    assert len(drawn()) == len(measured & PLOTS.keys())
