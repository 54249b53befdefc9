"""The card of a converted network as JSON, checked on the way in and on the way out."""

from lithe.errors import LitheError
from lithe.nets import strict_json
from lithe.nets.card import ConvertedCard
from lithe.nets.card_json import as_json, check_classes
from lithe.nets.strict_json import one_line


def encode_converted(card: ConvertedCard) -> bytes:
    """The card's JSON, one text for one card; `decode_converted` takes it.

    Raises:
        LitheError: a metric or normalisation that is not finite, a class name that is not
            text, or a card that `decode_converted` refuses.
    """
    text = as_json(card)
    decode_converted(text)
    return text


def decode_converted(text: bytes) -> ConvertedCard:
    """A card that agrees with itself.

    Raises:
        LitheError: not a card, classes or preprocessing at odds with the conversion, a layer
            that is replaced twice, or a class name with control characters.
    """
    try:
        card = strict_json.decode(text, ConvertedCard)
    except ValueError as error:
        raise LitheError(f"the card does not read: {one_line(error)}") from None
    conversion, preprocessing = card.conversion, card.preprocessing
    side = preprocessing.resolution
    wanted = (1, preprocessing.channels, side, side)
    if conversion.input_shape != wanted:
        raise LitheError(
            f"the network was converted for images of {one_line(conversion.input_shape)}, and "
            f"the card's preprocessing makes {wanted}"
        )
    if len(preprocessing.std) != preprocessing.channels:
        raise LitheError(
            f"the card has {len(preprocessing.std)} channels in preprocessing.std, and "
            f"{preprocessing.channels} in preprocessing.mean"
        )
    if conversion.outputs not in (None, len(card.classes)):
        raise LitheError(
            f"the card has {len(card.classes)} classes, and its network "
            f"{one_line(conversion.outputs)} outputs"
        )
    layers = [row.layer for row in conversion.replacements]
    if len(set(layers)) < len(layers):
        twice = next(layer for layer in layers if layers.count(layer) > 1)
        raise LitheError(f"{one_line(twice)} is replaced twice")
    check_classes(card.classes)
    return card
