"""`lithe inspect`: every stage, every target, and what cannot be shown is said."""

import pytest
from tests.command import finished

from lithe.cli.inspect import STAGES


@pytest.mark.parametrize("target", ["avx512", "avx2", "baseline", "neon"])
def test_all_stages_of_a_block_for_every_target(target: str) -> None:
    code, out, err = finished("inspect", "mobilenet_v2", "--block", "3", "--target", target)
    assert (code, err) == (0, "")
    assert out.count("blocks.3: ") == len(STAGES) - 1
    assert max(map(len, out.splitlines())) <= 80
    counts = next(line for line in out.splitlines() if line.startswith("expand "))
    _, _, multiply_adds, loads, spills, _ = counts.split()
    assert int(multiply_adds) >= int(loads) > 0
    assert spills == "0"


def test_time_is_measured_beside_the_peak() -> None:
    arguments = ("mobilenet_v2", "--width", "0.35", "--resolution", "96", "--block", "2")
    code, out, err = finished("inspect", *arguments, "--stage", "time", "--threads", "2")
    assert (code, err) == (0, "")
    assert "2 threads" in out
    assert "blocks.2.project.conv" in out


def test_a_whole_kernel_is_text_that_llvm_reads_again() -> None:
    arguments = ("mobilenet_v1", "--width", "0.25", "--block", "2", "--whole", "--stage", "ir")
    code, out, _ = finished("inspect", *arguments, "--target", "neon")
    assert code == 0
    assert out.startswith('target triple = "aarch64')
    assert out.count("\n}\n") == out.count("define ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--block", "99"), "no block 'blocks.99' in this network; there are blocks.0, blocks.1"),
        (("--block", "3", "--target", "sse9"), "no target 'sse9'"),
        (("--block", "3", "--function", "fold", "--stage", "ir"), "there are: expand, "),
        (("--block", "3", "--whole"), "--whole needs one --stage"),
    ],
)
def test_what_cannot_be_shown(arguments: tuple[str, ...], said: str) -> None:
    code, _, err = finished("inspect", "mobilenet_v2", *arguments)
    assert code == 2
    assert said in err
