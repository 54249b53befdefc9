"""A front from images to page, what it leaves behind, and runs that take from it."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import msgspec
import pytest
from tests.command import finished
from tests.command import lithe as lithe_process

import lithe
from lithe.arch import changed
from lithe.cli import cli
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.nets.model_file import load, save
from lithe.progress import Progress
from lithe.run.folder import read_state
from lithe.run.front_file import FrontPoint, read_front
from lithe.run.pareto import FrontResult, resume_pareto
from lithe.search.front import Worth, dominates

MAX_MACS = 400_000
POINTS, TRIALS, EPOCHS = 3, 5, 2
OPTIONS = (
    f"--max-macs={MAX_MACS}", f"--points={POINTS}", f"--trials={TRIALS}", f"--epochs={EPOCHS}",
    "--threads=1", "--quiet",
)  # fmt: skip


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> FrontResult:
    out = tmp_path_factory.mktemp("fronts") / "front"
    budget = lithe.Budget(max_macs=MAX_MACS)
    return lithe.pareto(
        "digits", budget, out=out, points=POINTS, trials=TRIALS, epochs=EPOCHS, threads=1
    )


def worth(point: FrontPoint) -> Worth:
    return Worth(point.accuracy, (point.macs, point.peak_activation_bytes))


def test_every_point_is_a_file_and_says_of_it_what_is_true(result: FrontResult) -> None:
    front = result.front
    assert 1 <= len(front.points) <= POINTS
    assert [point.macs for point in front.points] == sorted(point.macs for point in front.points)
    for point in front.points:
        network = lithe.load(result.out / point.file)
        assert isinstance(network, Network)
        side = network.arch.resolution
        counted = lithe.profile(network, (1, 1, side, side), static=True)
        assert counted.macs == point.macs <= MAX_MACS
        assert counted.params == point.params
        assert counted.peak_activation_bytes == point.peak_activation_bytes
        assert network.card is not None
        assert network.card.metrics["val_accuracy"] == point.accuracy
        assert network.arch == point.arch
        assert point.latency is not None
        assert point.dominated == any(
            dominates(worth(other), worth(point)) for other in front.points
        )


def test_what_is_left_is_the_front_and_what_was_tried(result: FrontResult) -> None:
    left = sorted(path.name for path in result.out.iterdir())
    assert left == [
        "front.html", "front.json", "networks", "pareto.json", "run.json", "trials.db",
    ]  # fmt: skip
    state = read_state(result.out)
    assert len(state.candidates) == TRIALS
    assert len(result.rows.tried) == TRIALS
    assert {row.network.label for row in result.rows.points} <= set(state.standings)
    assert read_front(result.out) == result.front


def test_a_finished_front_can_be_shown_again_without_training(result: FrontResult) -> None:
    files = {point.file: (result.out / point.file).read_bytes() for point in result.front.points}
    again = resume_pareto(result.out, Progress(quiet=True))
    assert [p.accuracy for p in again.front.points] == [p.accuracy for p in result.front.points]
    assert all((result.out / name).read_bytes() == data for name, data in files.items())


def test_killed_while_a_point_is_trained_it_ends_with_the_same_bits(
    result: FrontResult, tmp_path: Path
) -> None:
    out = tmp_path / "front"
    process = lithe_process("pareto", "digits", *OPTIONS, "--out", out)
    while not list(out.glob("work/full-*.safetensors")) and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert not (out / "front.json").exists()
    with pytest.raises(LitheError, match="is not finished; go on with: lithe pareto --resume"):
        read_front(out)
    with pytest.raises(LitheError, match=r"is a front; go on with: lithe pareto --resume"):
        lithe.resume(out)
    code, text, err = finished("pareto", "--resume", out, "--json")
    assert code == 0, err
    points = json.loads(text)["points"]
    assert [point["accuracy"] for point in points] == [p.accuracy for p in result.front.points]
    for point in result.front.points:
        assert (out / point.file).read_bytes() == (result.out / point.file).read_bytes()


def test_fit_takes_the_most_accurate_that_fits_and_trains_nothing(
    result: FrontResult, tmp_path: Path
) -> None:
    least = min(result.front.points, key=lambda point: point.macs)
    budget = lithe.Budget(max_macs=max(p.macs for p in result.front.points))
    best = max(result.front.points, key=lambda point: (point.accuracy, -point.macs))
    run = lithe.fit("digits", budget, out=tmp_path / "all", threads=1, front=result.out, seed=3)
    assert run.model.read_bytes() == (result.out / best.file).read_bytes()
    assert run.accuracy == best.accuracy  # on the images that the front held out, whatever seed
    assert len(run.rows.history) == 2
    points = len(result.front.points)  # where one beats all others there is one
    said = "The one network" if points == 1 else f"The {points} networks"
    assert f"{said} of a front" in run.report.read_text()
    few = lithe.fit(
        "digits", lithe.Budget(max_macs=least.macs), out=tmp_path / "few", front=result.out
    )
    assert few.rows.chosen.label == least.label
    assert all(limit.holds for limit in few.rows.limits)


def test_a_budget_that_no_point_fits_names_the_cheapest(
    result: FrontResult, tmp_path: Path
) -> None:
    least = min(result.front.points, key=lambda point: point.macs)
    with pytest.raises(LitheError, match=f"of the front in .*, nothing fits .*{least.label}"):
        lithe.fit("digits", lithe.Budget(max_macs=10), out=tmp_path / "x", front=result.out)
    budget = lithe.Budget(max_latency_s=1e-9)
    with pytest.raises(LitheError, match=r"of the front in .*, no network that was compiled"):
        lithe.fit("digits", budget, out=tmp_path / "y", front=result.out, threads=1)


def changed_copy(result: FrontResult, to: Path, **fields: object) -> Path:
    shutil.copytree(result.out, to)
    text = json.loads((to / "front.json").read_text())
    (to / "front.json").write_text(json.dumps(text | fields))
    return to


def test_a_front_of_other_images_is_refused(result: FrontResult, tmp_path: Path) -> None:
    budget = lithe.Budget(max_macs=MAX_MACS)
    classes = ("ant", *"123456789")
    other = changed_copy(result, tmp_path / "a", classes=classes)
    with pytest.raises(LitheError, match=r"made from other images than digits: .*'ant' is not"):
        lithe.fit("digits", budget, out=tmp_path / "x", front=other)
    other = changed_copy(result, tmp_path / "b", images="0" * 64)
    with pytest.raises(LitheError, match="the classes are the same, the files are not"):
        lithe.fit("digits", budget, out=tmp_path / "y", front=other)


def test_folders_that_are_no_front_are_refused(result: FrontResult, tmp_path: Path) -> None:
    with pytest.raises(LitheError, match=r"no front in .*; make one with lithe pareto"):
        read_front(tmp_path)
    with pytest.raises(LitheError, match="is of format 9; this version reads 1"):
        read_front(changed_copy(result, tmp_path / "newer", format=9))
    with pytest.raises(LitheError, match="cannot be read"):
        read_front(changed_copy(result, tmp_path / "empty", points=[]))
    point = json.loads((result.out / "front.json").read_text())["points"][0]
    away = point | {"file": "networks/../../secret.safetensors"}
    with pytest.raises(LitheError, match="cannot be read"):
        read_front(changed_copy(result, tmp_path / "away", points=[away]))
    (tmp_path / "front.json").write_text("[]")
    with pytest.raises(LitheError, match="cannot be read"):
        read_front(tmp_path)


def test_a_network_file_that_is_another_is_refused(result: FrontResult, tmp_path: Path) -> None:
    copy = changed_copy(result, tmp_path / "swapped")
    best = max(result.front.points, key=lambda point: (point.accuracy, -point.macs))
    trained = load(copy / best.file)
    assert trained.card is not None
    other = build(changed(best.arch, width=2 * best.arch.width))
    save(copy / best.file, other, msgspec.structs.replace(trained.card, arch=other.arch))
    said = f"is {other.arch.label}, not {best.label} as the front says"
    with pytest.raises(LitheError, match=said):
        lithe.fit("digits", lithe.Budget(max_macs=MAX_MACS), out=tmp_path / "x", front=copy)


def test_another_front_is_not_overwritten(result: FrontResult) -> None:
    with pytest.raises(LitheError, match="go on with it by --resume"):
        lithe.pareto("digits", lithe.Budget(max_macs=MAX_MACS), out=result.out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "--out", "x"), "name at least one limit that the front goes up to"),
        (("digits", "--max-macs", "10", "--quiet", "--out", "x"), "nothing fits this budget: the"),
        (("digits", "--max-macs", "2M"), "for a new front, or only --resume FOLDER"),
        (("--resume", "nowhere"), "no front in nowhere"),
        (("--resume", "x", "--points", "8", "--out", "y"), "leave out --points, --out$"),
        (
            ("digits", "--max-latency", "1ms", "--runtime", "eager", "--out", "x"),
            "is searched by predictions, which --runtime eager has none of",
        ),
    ],
)
def test_what_the_user_can_mend_is_said(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LitheError, match=message):
        cli.main(["pareto", *arguments], standalone_mode=False)
