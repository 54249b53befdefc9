"""Successive halving."""

from collections.abc import Mapping, Sequence

from lithe.search.race import Standing, by_accuracy, epochs_run, halve, race_epochs

FIELD = tuple(range(1, 10))  # the fourth is the best


def test_the_best_wins_and_the_worse_half_stops_early() -> None:
    trained: dict[int, list[int]] = {}

    def train_to(field: Sequence[int], epochs: int) -> dict[int, Standing]:
        for number in field:
            trained.setdefault(number, []).append(epochs)
        return {n: Standing(1 - abs(n - 4) / 10, loss=0.0, epochs=epochs) for n in field}

    standings = halve(FIELD, 12, train_to)
    assert by_accuracy(standings)[0] == 4
    assert trained[4] == [6, 12]
    assert sorted(len(rungs) for rungs in trained.values()) == [1] * 5 + [2] * 4
    assert set(standings) == set(FIELD)
    assert epochs_run(9, 12) == sum(rungs[-1] for rungs in trained.values())


def test_loss_decides_between_equal_accuracies_and_none_is_the_worst() -> None:
    losses = {1: 0.3, 2: 0.1, 3: 0.2, 4: float("nan")}
    standings = {n: Standing(0.9, loss, epochs=8) for n, loss in losses.items()}
    assert by_accuracy(standings) == [2, 3, 1, 4]


def test_another_order_decides_who_goes_on() -> None:
    def train_to(field: Sequence[int], epochs: int) -> dict[int, Standing]:
        return {n: Standing(n / 10, 0.0, epochs) for n in field}

    def smallest(standings: Mapping[int, Standing]) -> list[int]:
        return sorted(standings)

    assert {n for n, s in halve(FIELD, 8, train_to, smallest).items() if s.epochs == 8} == {
        1, 2, 3, 4,
    }  # fmt: skip


def test_who_is_lost_is_out_of_the_race() -> None:
    def train_to(field: Sequence[int], epochs: int) -> dict[int, Standing]:
        return {n: Standing(n / 10, 0.0, epochs) for n in field if n != 9}

    standings = halve(FIELD, 8, train_to)
    assert 9 not in standings
    assert {n for n, s in standings.items() if s.epochs == 8} == {5, 6, 7, 8}


def test_one_alone_goes_all_the_way() -> None:
    def train_to(field: Sequence[int], epochs: int) -> dict[int, Standing]:
        return {n: Standing(0.5, 0.0, epochs) for n in field}

    assert halve((7,), 8, train_to) == {7: Standing(0.5, 0.0, 8)}
    assert epochs_run(1, 8) == 0


def test_a_race_is_a_fifth_of_the_training_and_no_less_than_240_steps() -> None:
    assert [race_epochs(epochs, steps=100) for epochs in (1, 20, 60)] == [1, 4, 12]
    assert race_epochs(45, steps=19) == 13
