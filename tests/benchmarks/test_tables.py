"""The README says what the result files say."""

from benchmarks.tables import README, TABLES, written


def test_every_table_is_in_the_readme_and_up_to_date() -> None:
    text = README.read_text()
    assert all(f"<!-- table: {name} -->" in text for name in TABLES)
    assert written(text) == text
