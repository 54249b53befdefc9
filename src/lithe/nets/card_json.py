"""The model card as JSON, checked on the way in and on the way out."""

import math
import unicodedata
from collections.abc import Iterable

import msgspec

from lithe.arch import unroll
from lithe.errors import LitheError
from lithe.nets import strict_json
from lithe.nets.card import ConvertedCard, ModelCard
from lithe.nets.strict_json import one_line

# A second to build without storage; rows.py alone would allow 8192 blocks, 16 seconds.
MAX_BLOCKS = 512


def encode_card(card: ModelCard) -> bytes:
    """The card's JSON, one text for one card; `decode_card` takes it.

    Raises:
        LitheError: a metric or normalisation that is not finite, a class name that is not
            text, or a card that `decode_card` refuses.
    """
    text = as_json(card)
    decode_card(text)
    return text


def as_json(card: ModelCard | ConvertedCard) -> bytes:
    """A card's JSON, one text for one card, not yet decoded again.

    Raises:
        LitheError: a metric or normalisation that is not finite, or a class name that is not
            text.
    """
    figures = {f"the metric {name}": value for name, value in card.metrics.items()}
    for name in ("mean", "std"):
        for channel, value in enumerate(getattr(card.preprocessing, name)):
            figures[f"preprocessing.{name}[{channel}]"] = value
    for name, value in figures.items():
        if not math.isfinite(value):
            raise LitheError(f"{name} is {value}; a card takes finite numbers only")
    try:
        return msgspec.json.encode(card, order="deterministic")
    except UnicodeEncodeError as error:  # a folder's name in another encoding than the system's
        raise LitheError(f"{error.object!a} is not text; rename it") from None


def decode_card(text: bytes) -> ModelCard:
    """A card that agrees with itself and whose table can be built in bounded time.

    Raises:
        LitheError: not a card, a table that cannot be unrolled or is too deep, classes or
            preprocessing at odds with the table, or a class name with control characters.
    """
    try:
        card = strict_json.decode(text, ModelCard)
    except ValueError as error:
        raise LitheError(f"the card does not read: {one_line(error)}") from None
    arch, preprocessing = card.arch, card.preprocessing
    blocks = sum(row.n for row in arch.rows)
    if blocks > MAX_BLOCKS:
        raise LitheError(f"the table has {blocks} blocks; a model file takes {MAX_BLOCKS} at most")
    unroll(arch)
    for what, given, needed in (
        ("classes", len(card.classes), arch.num_classes),
        ("channels in preprocessing.mean", len(preprocessing.mean), arch.in_channels),
        ("channels in preprocessing.std", len(preprocessing.std), arch.in_channels),
        ("pixels as preprocessing.resolution", preprocessing.resolution, arch.resolution),
    ):
        if given != needed:
            raise LitheError(f"the card has {given} {what}, and its table has {needed}")
    check_classes(card.classes)
    return card


def check_classes(names: Iterable[str]) -> None:
    """Refuse names that would garble a terminal.

    Raises:
        LitheError: a name with control characters.
    """
    for name in names:
        if any(unicodedata.category(letter) == "Cc" for letter in name):
            raise LitheError(f"the class {name!a} has control characters; rename it")
