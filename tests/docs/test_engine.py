"""docs/engine.md shows what its commands print."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from lithe.cli import cli
from lithe.engine.target import runnable

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"
BLOCK = re.compile(r"```console( measured)?\n\$ lithe ([^\n]*)\n(.*?)```\n", re.DOTALL)


def printed(arguments: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a command prints where there is no terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(cli, arguments.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.output.splitlines())) <= 80
    return result.output


def written(text: str, run: Callable[[str], str], measured: bool) -> str:
    """The page with every block run again, those that were measured only if asked."""

    def block(found: re.Match[str]) -> str:
        kind, arguments, before = found.groups()
        after = run(arguments) if measured or not kind else before
        return f"```console{kind or ''}\n$ lithe {arguments}\n{after}```\n"

    return BLOCK.sub(block, text)


def test_every_block_is_what_its_command_prints(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    text = PAGE.read_text()
    refresh = bool(request.config.getoption("--refresh-golden"))
    now = written(text, lambda arguments: printed(arguments, monkeypatch), measured=refresh)
    if refresh:
        PAGE.write_text(now)
        text = now
    assert len(BLOCK.findall(text)) == 7 == text.count("```console")
    assert without_digests(now) == without_digests(text)


def without_digests(text: str) -> str:
    """Digests of kernels change with every field of a kernel's description; the page need not."""
    return re.sub(r"(?<![0-9a-z])[0-9a-f]{8}(?![0-9a-z])", "digest..", text)


def test_what_was_measured_still_has_the_same_headings(monkeypatch: pytest.MonkeyPatch) -> None:
    (arguments, shown) = next((a, t) for kind, a, t in BLOCK.findall(PAGE.read_text()) if kind)
    target = runnable()[0].name

    def head(text: str) -> list[str]:
        lines = text.replace(target, "*").splitlines()[2:4]
        return [re.sub(r"[ ─]+", " ", line) for line in lines]

    assert head(printed(arguments, monkeypatch)) == head(shown)


def test_what_the_page_says_of_the_inner_loop_is_so() -> None:
    (shown,) = (text for _, a, text in BLOCK.findall(PAGE.read_text()) if "assembly" in a)
    first = next(line for line in shown.splitlines() if line.startswith("expand "))
    assert first.split()[2:5] == ["24", "14", "0"]  # multiply-adds, loads, spills
