"""The structure of a table: what is chosen for its stages, and a name that says it.

A stage is a row of depthwise blocks. A table that differs from its family's own only in
what is chosen for its stages and in its activation has a name that the whole table can be
read back from: `mobilenet_v2-hs-n1t1k3-n2t3k5s-...` is MobileNetV2 with hard swish, in the
second stage 2 blocks of expansion 3 and kernel 5 with squeeze-and-excite.
"""

import re
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct

from lithe.arch.rows import (
    Activation,
    Architecture,
    DepthwiseSeparable,
    Expansion,
    InvertedResidual,
    Kernel,
    Repeats,
)
from lithe.errors import LitheError

SQUEEZE = 4  # the divisor of squeeze-and-excite wherever it is chosen; arXiv:1905.02244, 5.3
CODES: dict[Activation, str] = {"relu": "re", "relu6": "r6", "hard_swish": "hs", "silu": "si"}

_ACTIVATIONS = {code: activation for activation, code in CODES.items()}
_CODE = "|".join(_ACTIVATIONS)
_STAGE = re.compile(
    rf"n(?P<n>\d{{1,3}})(?:t(?P<t>\d{{1,3}}))?k(?P<k>\d{{1,3}})(?P<s>s)?(?:\.(?P<act>{_CODE}))?"
)


class StageChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """What is chosen for one stage: repeats n, expansion t, kernel k, squeeze-and-excite or not.

    `t` is 1 where a family's blocks do not expand. `act` is None where the stage has the
    activation of the whole network.
    """

    n: Repeats
    t: Expansion
    k: Kernel
    squeeze: bool = False
    act: Activation | None = None


def stage_rows(table: Architecture) -> tuple[int, ...]:
    """The rows of a table that are stages, by index."""
    return tuple(
        index
        for index, row in enumerate(table.rows)
        if isinstance(row, DepthwiseSeparable | InvertedResidual)
    )


def own_stages(table: Architecture) -> tuple[StageChoice, ...]:
    """What a table's own rows have chosen.

    >>> from lithe.arch import ARCHITECTURES
    >>> own_stages(ARCHITECTURES["mobilenet_v2"])[1]
    StageChoice(n=2, t=6, k=3, squeeze=False, act=None)
    """
    choices = []
    for index in stage_rows(table):
        row = table.rows[index]
        assert isinstance(row, DepthwiseSeparable | InvertedResidual)
        t = row.t if isinstance(row, InvertedResidual) else 1
        act = row.act if row.act and row.act != table.activation else None
        choices.append(StageChoice(row.n, t, row.k, bool(row.squeeze), act))
    return tuple(choices)


def restructured(
    base: Architecture, activation: Activation, stages: Sequence[StageChoice]
) -> Architecture:
    """A family's table with other choices for its stages, under a name that says them.

    With the family's own choices it is the family's own table and keeps its name, with its
    own stages they are not named. Channels and strides are always those of the family.

    Raises:
        LitheError: another number of stages than the family has, or an expansion other than
            1 where its blocks do not expand.
    """
    places = stage_rows(base)
    if len(stages) != len(places):
        raise LitheError(f"{base.name} has {len(places)} stages, and {len(stages)} are given")
    front = [base.name] if activation == base.activation else [base.name, CODES[activation]]
    rows, parts = list(base.rows), []
    for place, choice in zip(places, stages, strict=True):
        row = rows[place]
        act = choice.act if choice.act and choice.act != activation else UNSET
        squeeze = SQUEEZE if choice.squeeze else UNSET
        if isinstance(row, InvertedResidual):
            rows[place] = msgspec.structs.replace(
                row, n=choice.n, t=choice.t, k=choice.k, act=act, squeeze=squeeze
            )
        elif choice.t == 1:
            rows[place] = msgspec.structs.replace(
                row, n=choice.n, k=choice.k, act=act, squeeze=squeeze
            )
        else:
            raise LitheError(f"the blocks of {base.name} do not expand; t={choice.t} has to be 1")
        t = f"t{choice.t}" if isinstance(row, InvertedResidual) else ""
        own = f".{CODES[act]}" if act else ""
        parts.append(f"n{choice.n}{t}k{choice.k}{'s' * choice.squeeze}{own}")
    name = "-".join([*front, *parts] if tuple(rows) != base.rows else front)
    return msgspec.structs.replace(base, name=name, rows=tuple(rows), activation=activation)


def read_structure(name: str, base: Architecture) -> Architecture:
    """The table that a name made by `restructured` stands for; `base` is its family's.

    Raises:
        LitheError: a part of the name that is no stage, or what `restructured` raises.
    """
    _, *parts = name.split("-")
    activation = base.activation
    if parts and parts[0] in _ACTIVATIONS:
        activation = _ACTIVATIONS[parts.pop(0)]
    choices = []
    for part in parts:
        read = _STAGE.fullmatch(part)
        if read is None:
            raise LitheError(
                f"{name}: {part!r} is no stage; n2t6k3s.hs is one, of 2 blocks with expansion 6, "
                "kernel 3, squeeze-and-excite (or no s) and hard swish (or nothing)"
            )
        act = _ACTIVATIONS[read["act"]] if read["act"] else None
        choices.append(
            StageChoice(int(read["n"]), int(read["t"] or 1), int(read["k"]), bool(read["s"]), act)
        )
    return restructured(base, activation, choices or own_stages(base))
