"""A whole run, and what it leaves behind."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.command import finished
from tests.made_up_table import made_up_table

import lithe
from lithe.errors import LitheError
from lithe.nets.build import Network
from lithe.run.folder import read_state
from lithe.run.run import Result
from lithe.search.space import FAMILIES


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Result]:
    out = tmp_path_factory.mktemp("runs") / "digits"
    budget = lithe.Budget(max_macs=800_000, max_activation_bytes=100_000, max_latency_s=1.0)
    with pytest.MonkeyPatch.context() as patch:
        made_up_table(patch, tmp_path_factory.mktemp("cache"))
        yield lithe.fit("digits", budget, out=out, epochs=4, threads=1, search="space", trials=8)


def test_the_winner_is_within_the_budget_and_what_is_said_is_what_is_saved(result: Result) -> None:
    network = lithe.load(result.model)
    assert isinstance(network, Network)
    counted = lithe.profile(
        network, (1, 1, network.arch.resolution, network.arch.resolution), static=True
    )
    assert counted.macs == result.rows.chosen.macs <= 800_000
    assert counted.peak_activation_bytes == result.rows.chosen.peak_activation_bytes <= 100_000
    assert [limit.name for limit in result.rows.limits] == [
        "max_macs",
        "max_activation_bytes",
        "max_latency_s",
    ]
    assert all(limit.holds and limit.predicted for limit in result.rows.limits)
    assert network.card is not None
    assert network.card.metrics["val_accuracy"] == result.accuracy
    assert result.rows.twin.macs > result.rows.chosen.macs


def test_the_held_out_images_are_counted_once(result: Result) -> None:
    total = sum(map(sum, result.rows.confusion))
    right = sum(row[i] for i, row in enumerate(result.rows.confusion))
    assert total in (359, 360)
    assert right / total == pytest.approx(result.accuracy)


def test_the_state_holds_what_was_tried(result: Result) -> None:
    state = read_state(result.out)
    assert state.winner is not None
    assert state.standings[state.winner.label].epochs == 4
    assert len(state.standings) == 8
    beyond = {c.arch.name for c in state.candidates} - set(FAMILIES)
    assert beyond  # structures that are none of the papers'
    assert {c.arch.name for c in state.candidates} >= {"mobilenet_v2", "mobilenet_v1"}
    assert state.finished >= state.started
    assert len(result.rows.history) == 4


def test_a_finished_run_can_be_shown_again(result: Result) -> None:
    before = result.model.read_bytes()
    again = lithe.resume(result.out)
    assert again.accuracy == result.accuracy
    assert result.model.read_bytes() == before


def test_latency_is_the_engines_and_the_page_says_so(result: Result) -> None:
    state = read_state(result.out)
    assert state.settings.runtime == "lithe"
    assert state.predicted is not None
    assert state.predicted.price.latency is not None
    assert state.predicted.price.latency.runtime == "lithe"
    for row in (result.rows.chosen, result.rows.twin):
        assert (row.runtime, row.threads) == ("lithe", 1)
    assert dict(result.rows.facts)["Latency"].startswith("in lithe's engine, 1 thread,")
    assert " in lithe&#39;s engine, 1 thread" in result.report.read_text()


def test_a_run_that_began_in_eager_pytorch_ends_in_it(result: Result) -> None:
    file = result.out / "run.json"
    text = file.read_text()
    state = msgspec.json.decode(text)
    assert state["settings"]["runtime"] == "lithe"  # what the first version wrote was "eager"
    state["settings"]["runtime"] = "eager"
    file.write_text(json.dumps(state))
    again = lithe.resume(result.out)
    assert (again.rows.chosen.runtime, again.rows.twin.runtime) == ("eager", "eager")
    assert "eager PyTorch" in dict(again.rows.facts)["Latency"]
    del state["settings"]["runtime"]
    file.write_text(json.dumps(state))
    assert read_state(result.out).settings.runtime == "lithe"
    state["settings"]["runtime"] = "fast"
    file.write_text(json.dumps(state))
    with pytest.raises(LitheError, match="cannot be read"):
        read_state(result.out)
    file.write_text(text)


def test_a_folder_with_a_run_is_not_overwritten(result: Result) -> None:
    with pytest.raises(LitheError, match="holds another run; go on with it by --resume"):
        lithe.fit("digits", lithe.Budget(max_macs=800_000), out=result.out)


def test_other_images_under_the_same_run_are_refused(result: Result) -> None:
    file = result.out / "run.json"
    text = file.read_text()
    state = msgspec.json.decode(text)
    file.write_text(json.dumps(state | {"images": "0" * 64}))
    with pytest.raises(LitheError, match="are not those that the run"):
        lithe.resume(result.out)
    file.write_text(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("fit", "digits", "--max-macs", "10", "--out", "x"),
            "nothing fits this budget: the cheap",
        ),
        (("fit", "digits", "--out", "x"), "name at least one limit"),
        (("fit", "digits", "--max-macs", "lots", "--out", "x"), "--max-macs: 'lots' is not"),
        (("fit", "digits", "--max-macs", "2M"), "--out FOLDER"),
        (("fit", "nowhere", "--max-macs", "2M", "--out", "x"), "nowhere"),
        (("fit", "--resume", "nowhere"), "no run in nowhere"),
        (
            ("fit", "digits", "--resume", "x", "--max-macs", "2M", "--seed", "0", "--quiet"),
            "the settings it began with: leave out DATA, --max-macs, --seed\n",
        ),
        (("train", "mobilenet_v2", "--resume", "x", "--json"), "it began with: leave out NAME\n"),
        (("train", "mobilenetv2", "digits", "--out", "x"), "did you mean mobilenet_v2"),
        (("train", "mobilenet_v2", "--out", "x"), "name the images too"),
        (("train", "mobilenet_v1", "digits", "--width", "0.01", "--out", "x"), "no channel at all"),
        (("train", "mobilenet_v1", "digits", "--resolution", "4", "--out", "x"), "too small"),
        (("frobnicate",), "No such command"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_code_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = finished(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    if arguments[0] != "frobnicate":  # click adds its usage line
        assert err.count("\n") == 1
