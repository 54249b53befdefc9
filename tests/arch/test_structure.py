"""Names that hold a structure, and the tables behind them."""

import re
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithe.arch import ARCHITECTURES, Architecture, architecture
from lithe.arch.named import named
from lithe.arch.rows import Activation
from lithe.arch.structure import CODES, StageChoice, own_stages, restructured
from lithe.errors import LitheError

V2 = ARCHITECTURES["mobilenet_v2"]
activations = st.sampled_from(get_args(Activation))


@st.composite
def structures(draw: st.DrawFn) -> Architecture:
    base = ARCHITECTURES[draw(st.sampled_from(sorted(ARCHITECTURES)))]
    expands = "v2" in base.name
    stage = st.builds(
        StageChoice,
        n=st.integers(1, 64),
        t=st.integers(1, 32) if expands else st.just(1),
        k=st.integers(0, 15).map(lambda half: 2 * half + 1),
        squeeze=st.booleans(),
        act=st.none() | activations,
    )
    own = own_stages(base)
    chosen = [draw(st.just(each) | stage) for each in own]
    return restructured(base, draw(activations), chosen)


def test_every_activation_has_a_code_of_its_own() -> None:
    assert set(CODES) == set(get_args(Activation))
    assert len(set(CODES.values())) == len(CODES)


@given(structures(), st.sampled_from([0.5, 1.0, 1.4]), st.integers(8, 224))
def test_a_name_holds_the_whole_structure(
    table: Architecture, width: float, resolution: int
) -> None:
    assert msgspec.convert(msgspec.to_builtins(table), Architecture) == table
    own = ARCHITECTURES[table.name.partition("-")[0]].width
    read = named(f"{table.name}_w{width:g}_r{resolution}")
    assert read == architecture(table.name, width=width, resolution=resolution)
    assert msgspec.structs.replace(read, width=own, resolution=224) == table
    assert named(read.label) == read


@given(structures(), structures())
def test_two_structures_have_two_names(one: Architecture, other: Architecture) -> None:
    assert (one.name == other.name) == (one == other)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_its_own_choices_are_the_familys_own_table(name: str) -> None:
    table = ARCHITECTURES[name]
    assert restructured(table, table.activation, own_stages(table)) == table
    assert restructured(table, "silu", own_stages(table)).name == f"{name}-si"
    assert architecture(f"{name}-r6") == architecture(name)


def test_what_is_chosen_is_in_the_rows() -> None:
    stages = [StageChoice(2, 1, 5)] + 6 * [StageChoice(1, 3, 7, squeeze=True, act="relu6")]
    table = restructured(V2, "hard_swish", stages)
    assert table.name == "mobilenet_v2-hs-n2t1k5" + 6 * "-n1t3k7s.r6"
    plain, *rest = table.rows[1:-1]
    assert (plain.n, plain.k, plain.act, plain.squeeze) == (2, 5, msgspec.UNSET, msgspec.UNSET)  # type: ignore[union-attr]
    for row, own in zip(rest, V2.rows[2:-1], strict=True):
        wanted = msgspec.structs.replace(own, n=1, t=3, k=7, act="relu6", squeeze=4)
        assert row == wanted
    assert own_stages(table) == tuple(stages)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mobilenet_v2-n1t1k3", "mobilenet_v2 has 7 stages, and 1 are given"),
        ("mobilenet_v2-hs-r6", "'r6' is no stage"),
        ("mobilenet_v2-" + "-".join(7 * ["n1t1k3z"]), "'n1t1k3z' is no stage; n2t6k3s.hs is one"),
        ("mobilenet_v1-" + "-".join(9 * ["n1t2k3"]), "do not expand; t=2 has to be 1"),
        ("mobilenet_v2-" + "-".join(7 * ["n0t1k3"]), r"Expected `int` >= 1 - at `\$.rows"),
        ("mobilenet_v2-" + "-".join(7 * ["n1t1k4"]), "kernel 4 is even"),
        ("mobilenet_v9-n1t1k3", "unknown architecture 'mobilenet_v9-n1t1k3.*did you mean"),
        ("mobilenet_v2-", "'' is no stage"),
    ],
)
def test_names_that_hold_none(name: str, said: str) -> None:
    with pytest.raises(LitheError, match=said):
        architecture(name)
    with pytest.raises(LitheError, match=said):
        named(f"{name}_w0.5")


def test_no_name_is_longer_than_a_name_may_be() -> None:
    for base in ARCHITECTURES.values():
        t = 6 if re.search("v2", base.name) else 1
        longest = [StageChoice(64, t, 31, squeeze=True, act="silu") for _ in own_stages(base)]
        assert len(restructured(base, "hard_swish", longest).name) <= 128
