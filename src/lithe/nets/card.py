"""What a model file says of its network besides the weights."""

from typing import Annotated

from msgspec import Meta, Struct

from lithe.arch import Architecture
from lithe.nets.conversion.rows import Conversion


class Preprocessing(Struct, frozen=True, forbid_unknown_fields=True):
    """How an image becomes an input: cropped to a square, resized, scaled, normalised.

    An upright image, transparent parts on white, is converted to `channels` (1: grey, 3:
    RGB). Its centred square, as wide as its shorter side, is resized to `resolution` pixels
    (bilinear, averaging where it shrinks), scaled to 0..1, and normalised per channel by
    (x - mean) / std.
    """

    resolution: Annotated[int, Meta(ge=1, le=8192)]
    mean: Annotated[tuple[float, ...], Meta(min_length=1, max_length=4)]
    std: Annotated[tuple[Annotated[float, Meta(gt=0)], ...], Meta(min_length=1, max_length=4)]

    @property
    def channels(self) -> int:
        """Channels of the input image."""
        return len(self.mean)


Classes = Annotated[tuple[str, ...], Meta(min_length=1, max_length=1_000_000)]


class ModelCard(Struct, frozen=True, forbid_unknown_fields=True):
    """The metadata of a model file: enough to use the network and to say where it is from.

    `metrics` are named figures such as `val_accuracy` (a share), `data` names the images,
    `lithe` is the version that wrote the file.
    """

    arch: Architecture
    classes: Classes
    preprocessing: Preprocessing
    seed: int = 0
    metrics: dict[str, float] = {}
    data: str = ""
    lithe: str = ""


class ConvertedCard(Struct, frozen=True, forbid_unknown_fields=True):
    """The same of a converted network, which has no table: `conversion` says how to build it."""

    conversion: Conversion
    classes: Classes
    preprocessing: Preprocessing
    seed: int = 0
    metrics: dict[str, float] = {}
    data: str = ""
    lithe: str = ""


Card = ModelCard | ConvertedCard
