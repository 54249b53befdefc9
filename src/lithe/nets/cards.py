"""What a model file of any kind says of its network, without torch; NumPy only for a file."""

from os import PathLike

from lithe.arch import Architecture
from lithe.errors import LitheError
from lithe.graph.ops import Shape
from lithe.nets.card import Card, ConvertedCard, ModelCard
from lithe.nets.card_json import decode_card
from lithe.nets.conversion.card_json import decode_converted


def read_any_card(path: str | PathLike[str]) -> Card:
    """The card of a model file; the weights are neither read nor held against the digest.

    Raises:
        LitheError: not a safetensors file, not one of lithe's, of a format that is not known,
            a header that is cut off, or a card that does not read or is at odds with itself.
    """
    from lithe.nets.model_data import CONVERTED_FORMATS, FORMATS, read_metadata

    metadata = read_metadata(path, FORMATS)
    decode = decode_converted if metadata.format in CONVERTED_FORMATS else decode_card
    try:
        return decode(bytes(metadata.card))
    except LitheError as error:
        raise LitheError(f"{path} cannot be read: {error}") from None


def card_of(network: object) -> Card | None:
    """The card of a network that is from a model file, or that was given one."""
    card = getattr(network, "card", None)
    return card if isinstance(card, ModelCard | ConvertedCard) else None


def title_of(card: Card) -> str:
    """What reports call a network: a table's label, or what was converted.

    >>> from lithe.nets.card import Preprocessing
    >>> from lithe.nets.conversion.rows import Conversion, Replacement
    >>> rows = (Replacement("conv1", "separable"),)
    >>> conversion = Conversion("timm:resnet18", (1, 3, 32, 32), rows)
    >>> preprocessing = Preprocessing(32, (0.5,) * 3, (0.5,) * 3)
    >>> title_of(ConvertedCard(conversion, ("cat", "dog"), preprocessing))
    'timm:resnet18, 1 layer converted'
    """
    if isinstance(card, ModelCard):
        return card.arch.label
    count = len(card.conversion.replacements)
    return f"{card.conversion.source}, {count} layer{'s' * (count != 1)} converted"


def input_of(network: Card | Architecture) -> Shape:
    """One image n c h w, of the size that a network is made for."""
    if isinstance(network, ConvertedCard):
        return network.conversion.input_shape
    arch = network.arch if isinstance(network, ModelCard) else network
    return (1, arch.in_channels, arch.resolution, arch.resolution)
