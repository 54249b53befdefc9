"""Successive halving."""

from lithe.arch import architecture
from lithe.search.price import static_price
from lithe.search.race import Standing, epochs_run, race, race_epochs
from lithe.search.shortlist import Candidate

FIELD = tuple(
    Candidate(arch, static_price(arch))
    for arch in (architecture("mobilenet_v1", width=w / 8) for w in range(1, 10))
)


def test_the_best_wins_and_the_worse_half_stops_early() -> None:
    trained: dict[str, list[int]] = {}

    def train_to(candidate: Candidate, epochs: int) -> Standing:
        trained.setdefault(candidate.arch.label, []).append(epochs)
        return Standing(accuracy=1 - abs(candidate.arch.width - 0.5), loss=0.0, epochs=epochs)

    winner, standings = race(FIELD, 12, train_to)
    assert winner.arch.width == 0.5
    assert trained[winner.arch.label] == [6, 12]
    assert sorted(len(rungs) for rungs in trained.values()) == [1] * 5 + [2] * 4
    assert set(standings) == {candidate.arch.label for candidate in FIELD}
    assert epochs_run(9, 12) == sum(rungs[-1] for rungs in trained.values())


def test_loss_decides_between_equal_accuracies() -> None:
    def train_to(candidate: Candidate, epochs: int) -> Standing:
        return Standing(accuracy=0.9, loss=abs(candidate.arch.width - 0.25), epochs=epochs)

    assert race(FIELD, 8, train_to)[0].arch.width == 0.25


def test_a_field_of_one_needs_no_race() -> None:
    def train_to(candidate: Candidate, epochs: int) -> Standing:
        raise AssertionError("nothing to find out")

    assert race(FIELD[:1], 8, train_to) == (FIELD[0], {})
    assert epochs_run(1, 8) == 0


def test_a_race_is_a_fifth_of_the_training_and_no_less_than_240_steps() -> None:
    assert [race_epochs(epochs, steps=100) for epochs in (1, 20, 60)] == [1, 4, 12]
    assert race_epochs(45, steps=19) == 13
