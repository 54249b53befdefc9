"""docs/fit.md names options and files that there are."""

import re
from pathlib import Path

import click

from lithe.arch import ARCHITECTURES
from lithe.arch.structure import read_structure
from lithe.cli import cli
from lithe.run.settings import DEFAULT_SEARCH

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "fit.md").read_text()


def test_every_option_is_one_of_some_command() -> None:
    context = click.Context(cli)
    known = {
        option
        for name in cli.list_commands(context)
        if (command := cli.get_command(context, name))
        for parameter in command.params
        for option in parameter.opts
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", TEXT))
    assert "--max-latency" in named
    assert named <= known


def test_every_linked_page_is_there() -> None:
    for page in re.findall(r"\]\((\w+\.md)\)", TEXT):
        assert (DOCS / page).exists(), page


def test_the_name_that_is_explained_is_read_as_explained() -> None:
    (start,) = re.findall(r"`mobilenet_v2-(hs-[\w-]+)-\.\.\.`", TEXT)
    stages = start.split("-")[1:]
    rest = ["n1t6k3"] * (7 - len(stages))
    name = "-".join(["mobilenet_v2", "hs", *stages, *rest])
    table = read_structure(name, ARCHITECTURES["mobilenet_v2"])
    assert table.activation == "hard_swish"
    first, second = table.rows[1], table.rows[2]
    assert (first.n, first.k) == (1, 3)
    assert (second.n, second.t, second.k, bool(second.squeeze)) == (2, 3, 5, True)  # type: ignore[union-attr]


def test_the_default_search_is_the_one_that_page_and_help_name() -> None:
    assert f"`--search {DEFAULT_SEARCH}`, the default," in TEXT
    command = cli.get_command(click.Context(cli), "fit")
    assert command is not None
    (option,) = (each for each in command.params if each.name == "search")
    assert isinstance(option, click.Option)
    assert str(option.help).endswith(f"[{DEFAULT_SEARCH}].")
