"""Networks counted and timed side by side."""

from dataclasses import replace
from itertools import groupby

import pytest
import torch
from torch import Tensor, nn

from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.graph.capture import capture_model
from lithe.profiling import Profile
from lithe.profiling.compare import compare, side_by_side
from lithe.profiling.profile import profile as profile_of
from lithe.profiling.rounds import Way
from lithe.profiling.side_by_side import Refused
from lithe.profiling.subject import Source, subject_of
from lithe.profiling.turns import FEWEST_ROUNDS, MOST, ROUNDS, WARM_UP, in_turns

SMALL = architecture("mobilenet_v2", width=0.1, resolution=32, num_classes=3)
SMALLER = architecture("mobilenet_v1", width=0.1, resolution=32, num_classes=3)


class Depends(nn.Module):
    """What it does depends on what is in its input, so there is no graph of it."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Sums(nn.Module):
    """A convolution, and an operator that nobody has a rule for."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.logcumsumexp(self.conv(x), 1)
        return y


class Raises(nn.Module):
    """It can be captured, which runs nothing, but not be run."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        if not torch.compiler.is_compiling() and not torch.compiler.is_exporting():
            raise RuntimeError("not today,\nnor tomorrow")
        y: Tensor = self.conv(x)
        return y


def test_all_are_counted_and_timed_in_every_runtime() -> None:
    before = torch.get_num_threads()
    compared = compare([SMALL, SMALLER], threads=1)
    assert torch.get_num_threads() == before
    assert [profile.name for profile in compared.profiles] == [SMALL.label, SMALLER.label]
    for profile, arch in zip(compared.profiles, (SMALL, SMALLER), strict=True):
        alone = profile_of(arch, static=True, threads=1)
        assert replace(profile, latencies=()) == alone
        assert profile.memory_use("lithe") is not None
        assert profile.notes == ()
        assert [run.runtime for run in profile.latencies] == ["lithe", "eager"]
        for run in profile.latencies:
            assert 0 < run.total.p20_s <= run.total.p50_s <= run.total.p80_s
            assert run.total.threads == 1
            assert run.total.runs >= FEWEST_ROUNDS * 2
            assert run.steps == ()


def test_static_runs_nothing_and_names_are_told_apart() -> None:
    named: dict[str, Source] = {"one": SMALL, "broken": Depends(), "two": SMALLER}
    twice = compare(named, (1, 3, 32, 32), to="two", static=True)
    assert [row.name for row in twice.rows] == ["one", "broken", "two"]
    assert twice.base.name == "two"
    assert not any(profile.latencies for profile in twice.profiles)
    same = compare([SMALL, SMALL, Depends()], (1, 3, 32, 32), static=True)
    assert [row.name for row in same.rows] == [SMALL.label, f"{SMALL.label} (2)", "Depends"]
    assert same.base is same.profiles[0]


def test_one_that_fails_is_a_row_and_the_others_go_on() -> None:
    compared = compare(
        {"depends": Depends(), "unknown": Sums(), "raises": Raises(), "good": SMALL},
        (1, 3, 32, 32),
        threads=1,
    )
    depends, unknown, raises, good = compared.rows
    assert isinstance(depends, Refused)
    assert "depends on the values" in depends.reason
    assert isinstance(unknown, Profile)
    assert unknown.unknown == ("aten.logcumsumexp.default",)
    assert unknown.latency("lithe") is None
    assert unknown.latency("eager") is not None
    assert len(unknown.notes) == 1
    assert unknown.notes[0].startswith("lithe's engine: not measured: ")
    assert "aten.logcumsumexp" in unknown.notes[0]
    assert isinstance(raises, Profile)
    assert raises.latency("lithe") is not None
    assert raises.notes == (
        "eager PyTorch: not measured: it raised RuntimeError: not today, nor tomorrow",
    )
    assert isinstance(good, Profile)
    assert good.latency("eager") is not None


def test_a_notebook_shows_a_line_for_each() -> None:
    html = compare({"<b>": SMALL, "broken": Depends()}, (1, 3, 32, 32), static=True)._repr_html_()
    assert html.count("<tr>") == 3
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "depends on the values" in html


def test_a_model_without_a_module_is_timed_in_the_engine() -> None:
    model = capture_model(Sums().conv, (1, 3, 8, 8))
    found = side_by_side([subject_of(model, None)], threads=1)
    assert found.base.latency("lithe") is not None
    assert found.base.latency("eager") is None
    assert "without a torch module" in found.base.notes[0]


def test_when_nothing_can_be_compared_every_reason_is_said() -> None:
    with pytest.raises(LitheError, match=r"none of these.*a: Depends.*b: Depends"):
        compare({"a": Depends(), "b": Depends()}, (1, 3, 8, 8), static=True)
    with pytest.raises(LitheError, match="nothing can be compared to a: Depends"):
        compare({"a": Depends(), "b": SMALL}, (1, 3, 32, 32), to="a", static=True)
    with pytest.raises(LitheError, match="'c' is none of the networks compared: b"):
        compare({"a": Depends(), "b": SMALL}, (1, 3, 32, 32), to="c", static=True)


def test_every_round_counts_as_much_for_each_network() -> None:
    calls: list[int] = []

    def slowly() -> int:
        calls.append(1)
        return sum(range(100_000))  # about a millisecond

    ways = [Way("lithe", 1, lambda: calls.append(0)), Way("lithe", 1, slowly)]
    rounds = 0

    def advance(steps: float = 1, note: str = "") -> None:
        nonlocal rounds
        rounds += 1

    quick, slow = in_turns(ways, advance, longest_s=0.0)
    assert rounds == FEWEST_ROUNDS
    assert quick.total.runs == FEWEST_ROUNDS * MOST
    assert quick.warm_up == slow.warm_up == FEWEST_ROUNDS * WARM_UP
    # Turns of the two alternate, and each is as long as all others of its network.
    turns = [len(list(turn)) for _, turn in groupby(calls)]
    assert len(turns) == 2 + 2 * FEWEST_ROUNDS
    assert len(set(turns[2::2])) == len(set(turns[3::2])) == 1
    assert slow.total.runs == FEWEST_ROUNDS * (turns[3] - WARM_UP)
    _, rest = in_turns(ways, advance, longest_s=60.0)
    assert rest.warm_up == ROUNDS * WARM_UP
