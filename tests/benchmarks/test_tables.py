"""The README says what the result files say."""

from benchmarks.conditions import RESULTS
from benchmarks.tables import README, written


def test_every_table_is_in_the_readme_and_up_to_date() -> None:
    text = README.read_text()
    measured = [path.stem for path in RESULTS.glob("*.json")]
    assert measured
    assert all(f"<!-- table: {name} -->" in text for name in measured)
    assert written(text) == text
