"""Networks measured for real, briefly: what is there, what is left out, and what is given back."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.models import make_model_file, make_network
from torch import Tensor, nn

import lithe
from lithe.arch import architecture
from lithe.cpu import cpu_name
from lithe.device import Bandwidth, Device, Peak
from lithe.engine.isa import INSTRUCTION_SETS
from lithe.engine.programs import default_threads
from lithe.errors import LitheError
from lithe.graph import from_arch
from lithe.graph.model import Model
from lithe.nets.build import build
from lithe.profiling import static_profile
from lithe.profiling.measured import Measured, measured
from lithe.profiling.memory import engine_memory
from lithe.profiling.resident import resident
from lithe.profiling.rounds import Effort
from lithe.profiling.subject import Source, subject_of
from lithe.progress import SILENT
from lithe.resident import STATUS
from lithe.runtimes import RuntimeName

BRIEF = Effort(rounds=1, turn_s=0, fewest=1, burst_s=0, warm_up_s=0, calm=0)
BOTH: tuple[RuntimeName, ...] = ("lithe", "eager")
HERE = Device(
    cpu_name(), "measured", 2, "", (), (Peak("fp32", 1, 1e11),), (Bandwidth("memory", 1, 1e10),)
)
SMALL = architecture("mobilenet_v2", width=0.35, resolution=32, num_classes=10)


def _measured(
    source: Source,
    shape: tuple[int, ...] | None = None,
    runtimes: tuple[RuntimeName, ...] = BOTH,
    threads: int | None = None,
) -> Measured:
    return measured(subject_of(source, shape), runtimes, threads, SILENT, BRIEF)


@pytest.mark.smoke
def test_a_profile_is_the_static_one_and_what_was_measured() -> None:
    found = lithe.profile(SMALL, threads=1, device=HERE)
    counted = static_profile(SMALL)
    assert found.layers == counted.layers
    assert (found.macs, found.params) == (counted.macs, counted.params)
    for runtime in BOTH:
        run = found.latency(runtime)
        assert run is not None
        assert run.total.threads == 1
        assert run.warm_up > 0
        assert run.total.runs >= 3
        assert 0 < run.total.p20_s <= run.total.p50_s <= run.total.p80_s
        assert {i for step in run.steps for i in step.layers} == set(range(len(found.layers)))
        assert sum(step.macs for step in run.steps) == found.macs
        assert all(step.moved_bytes for step in run.steps if step.macs)
        assert run.steps_s > 0
        assert all(step.bound and step.share for step in run.steps)
    assert [each.runtime for each in found.resident] == list(BOTH)
    assert {use.way for use in found.memory} == {"layers", "lithe"}
    assert found.energy[-1].estimate
    assert found.device == HERE


def test_a_batch_in_pieces_is_counted_as_a_whole() -> None:
    run = _measured(SMALL, (4, 3, 32, 32), ("lithe",), 1).latencies[0]
    assert sum(step.macs for step in run.steps) == static_profile(SMALL, (4, 3, 32, 32)).macs


class Odd(nn.Module):
    """An operator that the engine does not have."""

    def forward(self, x: Tensor) -> Tensor:
        return x.cumsum(1) + 1


def test_a_network_that_the_engine_refuses_is_run_in_pytorch_alone() -> None:
    found = _measured(Odd(), (1, 3, 8, 8))
    assert [run.runtime for run in found.latencies] == ["eager"]
    assert [each.runtime for each in found.resident] == ["eager"]
    (note,) = (note for note in found.notes if "not measured" in note)
    assert note.startswith("lithe's engine: not measured: the engine has no kernel for aten.cumsum")


def test_a_graph_without_a_module_is_run_in_the_engine_alone() -> None:
    network = build(SMALL)
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    graph = from_arch(SMALL)
    model = Model(graph, {name: arrays[name] for node in graph.nodes for name in node.constants})
    found = _measured(model)
    assert [run.runtime for run in found.latencies] == ["lithe"]
    assert any("eager PyTorch: not measured: it needs a torch module" in n for n in found.notes)


def test_a_model_file_is_measured(tmp_path: Path) -> None:
    path = make_model_file(tmp_path / "model.safetensors", make_network(("a", "b")))
    found = _measured(path)
    assert [run.runtime for run in found.latencies] == list(BOTH)


def test_a_module_that_fails_when_it_runs_says_so() -> None:
    with torch.device("meta"):
        network = nn.Conv2d(3, 4, 3)
    found = _measured(network, (1, 3, 8, 8))
    assert found.latencies == ()
    assert len([note for note in found.notes if "weights without values" in note]) == 2


def test_threads_are_given_back_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    seen: list[int] = []

    def interrupt(self: nn.Module, x: Tensor) -> Tensor:
        if not torch.compiler.is_exporting():
            seen.append(torch.get_num_threads())
            raise KeyboardInterrupt
        return x + 1

    monkeypatch.setattr(Odd, "forward", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _measured(Odd(), (1, 3, 8, 8), threads=before + 1)
    assert seen == [before + 1]
    assert torch.get_num_threads() == before


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(LitheError, match="threads=0"):
        lithe.profile(SMALL, threads=0)
    with pytest.raises(LitheError, match="no runtime 'caffe'"):
        lithe.profile(SMALL, runtimes=("caffe",))  # type: ignore[arg-type]
    with pytest.raises(LitheError, match=r"reads \.safetensors, written by lithe, and \.onnx"):
        lithe.profile("network.pt")


def test_counting_alone_imports_and_runs_nothing() -> None:
    program = (
        "import sys, lithe\n"
        "from lithe.arch import architecture\n"
        "p = lithe.profile(architecture('mobilenet_v2'), static=True)\n"
        "assert p.macs == 300774272 and not p.latencies\n"
        "assert not {'torch', 'llvmlite'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_for_a_machine_that_is_not_here_nothing_is_run() -> None:
    there = Device("a board", "data sheet", 4, "", (), (Peak("fp32", 4, 1e10),), ())
    found = lithe.profile(SMALL, device=there)
    assert found.latencies == ()
    assert found.device == there
    assert found.prediction is not None
    assert found.prediction.seconds == pytest.approx(found.macs / 1e10)
    assert found.memory_use("lithe") is None
    assert found.notes == (
        "memory in lithe's engine: not planned: the engine has no code for a board",
    )


def test_memory_is_planned_for_the_machine_that_is_asked_for() -> None:
    uses = []
    for isa in ("neon", "avx512"):
        there = Device("a board", "data sheet", 4, isa, (), (Peak("fp32", 4, 1e10),), ())
        found = lithe.profile(SMALL, device=there)
        graph = from_arch(SMALL)
        threads = default_threads(graph, there.cores)
        uses.append(found.memory_use("lithe"))
        assert uses[-1] == engine_memory(graph, threads, INSTRUCTION_SETS[isa])
    assert uses[0] != uses[1]  # their kernels need scratch of different widths


@pytest.mark.skipif(not STATUS.exists(), reason="resident memory is read from /proc")
def test_the_resident_growth_holds_the_weights() -> None:
    model = Model(from_arch(SMALL), {})
    with pytest.raises(LitheError, match="the process ended after"):
        resident("lithe", model, 1, 0)
    weights = 4 * 2048 * 2048
    small = _measured(_head(1), (1, 3, 2, 2), ("lithe",), 1).resident[0]
    engine, eager = _measured(_head(2048), (1, 3, 2, 2), BOTH, 1).resident
    for large in (engine, eager):
        assert weights < large.planned_bytes < 1.1 * weights
        assert weights < large.peak_bytes
    assert 0.9 * weights < engine.peak_bytes - small.peak_bytes < 2 * weights


def _head(c: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, c, 1), nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, c, 1))
