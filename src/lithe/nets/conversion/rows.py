"""A conversion as a table: what stands in place of which layer."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

Kind = Literal["separable", "inverted-residual", "low-rank"]
KINDS: tuple[Kind, ...] = ("separable", "inverted-residual", "low-rank")


def either(kinds: Sequence[Kind]) -> str:
    """One of some kinds in words.

    >>> either(["separable", "low-rank"])
    'separable or low-rank'
    """
    return " or ".join(kinds)


def both(kinds: Sequence[Kind]) -> str:
    """All of some kinds in words.

    >>> both(["separable", "low-rank"])
    'separable and low-rank'
    """
    return " and ".join(kinds)


class Replacement(Struct, frozen=True, forbid_unknown_fields=True):
    """One convolution or linear layer that was replaced.

    `layer` is the module's name in its network. `size` depends on `kind`:

    - `separable`: depthwise filters for each input channel;
    - `inverted-residual`: the expansion t, channels between for each input channel;
    - `low-rank`: channels between the two convolutions, or linear layers.
    """

    layer: Annotated[str, Meta(min_length=1, max_length=1024)]
    kind: Kind
    size: Annotated[int, Meta(ge=1, le=65_536)] = 1


class Conversion(Struct, frozen=True, forbid_unknown_fields=True):
    """Which network was converted, and how.

    `source` names the network as `lithe.nets.find` reads it, `outputs` is how many classes
    it was built for (None: as its source builds it). `input_shape` is that of one image
    n c h w.
    """

    source: Annotated[str, Meta(min_length=1, max_length=1024)]
    input_shape: tuple[int, ...]
    replacements: tuple[Replacement, ...]
    outputs: Annotated[int, Meta(ge=1)] | None = None
