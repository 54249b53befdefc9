"""The runtimes: same answers, an untouched network, threads as they are, clear refusals."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.command import finished
from tests.models import make_network
from torch import Tensor, nn

import lithe
from lithe.arch import architecture
from lithe.errors import LitheError
from lithe.nets.build import build
from lithe.profiling.latency import latency_of
from lithe.profiling.static import static_profile
from lithe.runtimes import RUNTIMES, WORDS, RuntimeName, check_runtime

SMALL = architecture("mobilenet_v1", width=0.25, resolution=16, num_classes=4)


@pytest.mark.smoke
def test_all_runtimes_give_the_same_logits() -> None:
    network = make_network(("a", "b", "c", "d"))
    x = torch.randn(5, 3, 16, 16)
    with torch.inference_mode():
        expected = network(x)
    for name, runtime in RUNTIMES.items():
        ready = runtime(network, (1, 3, 16, 16))
        assert ready.runtime == name
        torch.testing.assert_close(ready.call(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_network_is_left_as_it_was(name: RuntimeName) -> None:
    network = build(SMALL).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    x = torch.randn(1, 3, 16, 16)
    ready = RUNTIMES[name](network, (1, 3, 16, 16))
    first = ready.call(x)
    assert network.training
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])
        assert value.stride() == before[key].stride()
    with torch.no_grad():
        network.classifier.weight.fill_(7)
    assert torch.equal(ready.call(x), first)  # of a copy of the weights


def test_threads_are_those_of_a_call() -> None:
    before = torch.get_num_threads()
    small = architecture("mobilenet_v1", width=0.1, resolution=8, num_classes=4)
    macs = static_profile(small).macs
    network, shape = build(small), (3, 8, 8)
    images = 4_000_000 // macs + 1
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert RUNTIMES["eager"](network, (1, *shape)).threads == threads
            assert RUNTIMES["lithe"](network, (1, *shape)).threads == 1  # 2 M MACs each
            assert RUNTIMES["lithe"](network, (images, *shape)).threads == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_latency_says_what_it_was_measured_in(name: RuntimeName) -> None:
    (found,) = latency_of([SMALL], name)
    assert (found.runtime, found.runs >= 15) == (name, True)
    assert 0 < found.p20_s <= found.p50_s <= found.p80_s


class Odd(nn.Module):
    """Something that the engine has no operator for."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.fft.rfft(x).abs()
        return y


def test_what_the_engine_cannot_run_is_an_error_that_names_the_way_out() -> None:
    with pytest.raises(LitheError, match=r"; --runtime eager \(runtime='eager' in Python\)") as e:
        RUNTIMES["lithe"](Odd(), (1, 3, 16, 16))
    assert "\n" not in str(e.value)


def test_a_machine_without_the_engine_is_refused_before_anything_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Plan9")
    with pytest.raises(LitheError, match="runs on Linux, not on Plan9; --runtime eager"):
        check_runtime("lithe")
    with pytest.raises(LitheError, match="Plan9"):
        lithe.fit("digits", lithe.Budget(max_macs=1), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    check_runtime("eager")


def test_a_runtime_that_is_not_there() -> None:
    with pytest.raises(LitheError, match="no runtime 'fast'; there are lithe, eager"):
        check_runtime("fast")  # type: ignore[arg-type]
    code, _, err = finished("predict", "m.safetensors", "a.png", "--runtime", "fast")
    assert code == 2
    assert "fast" in err


def test_every_runtime_has_its_words() -> None:
    assert WORDS.keys() == RUNTIMES.keys()


def test_the_names_are_known_without_torch_and_llvm() -> None:
    code = (
        "import json, sys; import lithe.runtimes, lithe.cli.predict, lithe.cli.fit; "
        "print(json.dumps(sorted({'torch', 'llvmlite', 'numpy'} & sys.modules.keys())))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
