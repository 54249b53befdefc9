"""Runs whose trainings begin with pretrained weights, from a cache and without a network."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import torch
from tests import hub_cache
from tests.command import finished
from tests.run.workers.tasks import Told, task_in
from torch import Tensor

import lithe
import lithe.run.run
import lithe.run.workers.trial
from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.nets.build import Network
from lithe.nets.model_file import load
from lithe.nets.pretrained import (
    PRETRAINED,
    Pretrained,
    load_pretrained,
    pretrained_names,
)
from lithe.run.folder import Folder, read_state
from lithe.run.machine import deterministic, make_fabric
from lithe.run.training import loaders, seeded
from lithe.run.workers.crew import Gang
from lithe.run.workers.here import Here
from lithe.run.workers.make import side_by_side
from lithe.run.workers.processes import Processes
from lithe.run.workers.trial import TrialTask, train_work
from lithe.search.work import Work
from lithe.training.checkpoint import read_average
from lithe.training.history import EpochRow
from lithe.training.loop import train

ARCHS = tuple(
    architecture("mobilenet_v2", width=width, resolution=8, num_classes=10, in_channels=1)
    for width in (0.08, 0.1)
)
GREY = (0.449, 0.226)  # of the colours' mean and std


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the families of a search may begin with."""
    names = [n for n in PRETRAINED.values() if "110d" not in n and "120d" not in n]
    assert set(names) == {*pretrained_names("mobilenet_v1"), *pretrained_names("mobilenet_v2")}
    return hub_cache.fill(tmp_path_factory.mktemp("hub"), names)


@pytest.fixture(autouse=True)
def cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_cache.use(monkeypatch, home)


@pytest.fixture
def task(tmp_path: Path) -> TrialTask:
    return wished(task_in(tmp_path / "run"))


def wished(task: TrialTask) -> TrialTask:
    settings = msgspec.structs.replace(task.settings, pretrained=True)
    return TrialTask(settings, task.folder, task.images, task.train_images, task.aside)


def fitted(out: Path) -> None:
    budget = lithe.Budget(max_macs=500_000)
    lithe.fit("digits", budget, out=out, epochs=2, threads=1, pretrained=True)


@pytest.fixture(scope="module")
def begun() -> list[tuple[str, Pretrained]]:
    """What was begun with which weights, in order, in the run that is `whole`."""
    return []


@pytest.fixture(scope="module")
def whole(
    home: Path, begun: list[tuple[str, Pretrained]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run that nobody stopped."""

    def watched(network: Network) -> Pretrained:
        begun.append((network.arch.label, load_pretrained(network)))
        return begun[-1][1]

    out = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        hub_cache.use(patch, home)
        patch.setattr(lithe.run.run, "load_pretrained", watched)
        patch.setattr(lithe.run.workers.trial, "load_pretrained", watched)
        fitted(out)
    return out


def test_fit_begins_every_training_with_them(
    whole: Path, begun: list[tuple[str, Pretrained]]
) -> None:
    state = read_state(whole)
    assert state.settings.pretrained
    assert state.winner is not None
    assert len(state.standings) > 1
    # Each trial once, whatever the part of the race, then the winner.
    assert sorted(label for label, _ in begun[:-1]) == sorted(state.standings)
    assert begun[-1][0] == state.winner.label
    assert all(0 < found.share < 1 for _, found in begun)
    card = load(whole / "model.safetensors").card
    assert card is not None
    used = card.preprocessing
    assert (used.mean, used.std) == (begun[-1][1].mean, begun[-1][1].std)


def test_a_trial_begins_with_them_and_sees_images_as_they_did(
    task: TrialTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: dict[str, Tensor] = {}
    seen = []

    def watched(network, *arguments, **named):  # type: ignore[no-untyped-def]
        begun.update({name: value.clone() for name, value in network.state_dict().items()})
        return train(network, *arguments, **named)

    def watched_loaders(*arguments):  # type: ignore[no-untyped-def]
        seen.append(arguments[2])
        return loaders(*arguments)

    monkeypatch.setattr(lithe.run.workers.trial, "train", watched)
    monkeypatch.setattr(lithe.run.workers.trial, "loaders", watched_loaders)
    train_work(task, Work(0, ARCHS[0], 1, 2), make_fabric(), Told().epoch)
    expected = seeded(ARCHS[0], task.settings.seed)
    load_pretrained(expected)
    for name, value in expected.state_dict().items():
        assert torch.equal(begun[name], value), name
    train_work(task, Work(0, ARCHS[0], 2, 2), make_fabric(), Told().epoch)  # goes on
    first, second = seen
    assert first == second
    assert (first.mean[0], first.std[0]) == pytest.approx(GREY)


def test_a_trial_is_the_same_in_parts_and_in_other_processes(
    task: TrialTask, tmp_path: Path
) -> None:
    deterministic()
    works = [Work(trial, ARCHS[trial], 2, 2) for trial in (0, 1)]
    told = Told()
    Here(task, make_fabric(), told.epoch).train(works, told.done)

    parts = wished(task_in(tmp_path / "parts"))
    for to_epoch in (1, 2):
        train_work(parts, Work(0, ARCHS[0], to_epoch, 2), make_fabric(), Told().epoch)
    assert same(parts.checkpoint(0), task.checkpoint(0))

    beside = side_by_side(wished(task_in(tmp_path / "beside")), 2)
    elsewhere = Told()
    workers = Gang(Processes(beside, 2), beside, elsewhere.epoch, elsewhere.said.append)
    workers.train(works, elsewhere.done)
    workers.close()
    assert not elsewhere.said
    assert elsewhere.outcomes == told.outcomes
    assert all(same(beside.checkpoint(trial), task.checkpoint(trial)) for trial in (0, 1))


def same(one: Path, other: Path) -> bool:
    first, second = read_average(one)[1], read_average(other)[1]
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_stopped_in_the_race_and_in_the_full_training_it_ends_with_the_same_weights(
    whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out, trials = tmp_path / "run", []

    def stopped(*arguments, **named):  # type: ignore[no-untyped-def]
        trials.append(1)
        if len(trials) == 2:
            raise KeyboardInterrupt
        return train(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(lithe.run.workers.trial, "train", stopped)
        with pytest.raises(KeyboardInterrupt):
            fitted(out)
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write_history", interrupted)
        with pytest.raises(KeyboardInterrupt):
            lithe.resume(out)
    assert (out / "work" / "final.safetensors").exists()
    hub_cache.use(monkeypatch, tmp_path / "nothing")  # what has begun needs them no more
    lithe.resume(out)
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def interrupted(folder: Folder, rows: Sequence[EpochRow]) -> None:
    raise KeyboardInterrupt


def test_a_width_that_nobody_published_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arch = architecture("mobilenet_v2", width=0.1, resolution=8)
    lithe.train("digits", arch, out=tmp_path, epochs=1, threads=1, pretrained=True, quiet=False)
    said = capsys.readouterr().err
    assert "starts from mobilenetv2_050.lamb_in1k (mobilenet_v2 at width 0.5), " in said
    card = load(tmp_path / "model.safetensors").card
    assert card is not None
    assert (card.preprocessing.mean[0], card.preprocessing.std[0]) == pytest.approx(GREY)


def test_without_weights_and_network_nothing_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
    out = tmp_path / "run"
    code, _, err = finished("fit", "digits", "--max-macs", "300k", "--pretrained", "--out", out)
    assert code == 2
    assert err.startswith("lithe: the pretrained weights mobilenetv")
    assert f" are not on this machine and cannot be fetched from {hub_cache.NOWHERE}/" in err
    assert err.endswith("connect it to the network, or train without them\n")
    assert err.count("\n") == 1
    assert not out.exists()


def test_a_front_is_not_trained(tmp_path: Path) -> None:
    budget = lithe.Budget(max_macs=300_000)
    with pytest.raises(LitheError, match="nothing is trained: leave --pretrained out"):
        lithe.fit("digits", budget, out=tmp_path / "run", front=tmp_path, pretrained=True)


def test_a_table_without_weights_begins_nothing(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(LitheError, match="no pretrained weights for conv_mobilenet; there are"):
        lithe.train("digits", architecture("conv_mobilenet"), out=out, pretrained=True)
    assert not out.exists()
