"""A network begins with ImageNet weights: those of its own table, or of the nearest width."""

from dataclasses import dataclass

import msgspec
import torch
from torch import Tensor

from lithe.arch import ARCHITECTURES, Architecture, changed
from lithe.arch.rows import Row
from lithe.errors import LitheError
from lithe.nets.build import Network, build
from lithe.nets.inherit import inherit
from lithe.nets.published import Normalisation, fetch, published_normalisation
from lithe.nets.weight_names import load_weights, names

# Our table and its width -> timm's name with the tag of the training that made the weights.
PRETRAINED: dict[tuple[str, float], str] = {
    ("mobilenet_v1", 1.0): "mobilenetv1_100.ra4_e3600_r224_in1k",
    ("mobilenet_v1", 1.25): "mobilenetv1_125.ra4_e3600_r224_in1k",
    ("mobilenet_v2", 0.5): "mobilenetv2_050.lamb_in1k",
    ("mobilenet_v2", 1.0): "mobilenetv2_100.ra_in1k",
    ("mobilenet_v2", 1.4): "mobilenetv2_140.ra_in1k",
    ("mobilenet_v2_110d", 1.1): "mobilenetv2_110d.ra_in1k",
    ("mobilenet_v2_120d", 1.2): "mobilenetv2_120d.ra_in1k",
}
# A family without weights -> one that begins with the same rows.
BEGINS_LIKE = {"shallow_mobilenet": "mobilenet_v1"}

_STEM = "blocks.0.conv.weight"
_CHOSEN = {"n", "t", "k", "act", "squeeze"}  # of a row, by a structure; inherit copes with them
_NAMED = 3  # weights that were left as drawn are named up to so many


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What a network began with.

    `name` is timm's name of the weights and `table` ours of their network; `share` is that of
    the parameters that were taken from them, 0 to 1, and `fresh` names the parameters of
    which nothing was. `mean` and `std` normalise an image scaled to 0..1, one number per
    input channel; the weights were trained under them.
    """

    name: str
    table: Architecture
    share: float
    fresh: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def told(self) -> str:
        """The same in one line."""
        new = ", ".join(self.fresh[:_NAMED]) or "nothing"
        more = f" and {len(self.fresh) - _NAMED} more" if len(self.fresh) > _NAMED else ""
        return (
            f"starts from {self.name} ({self.table.name} at width {self.table.width:g}), "
            f"{self.share:.1%} of the parameters; new: {new}{more}"
        )


def nearest_pretrained(arch: Architecture) -> tuple[Architecture, str]:
    """The table whose weights a network begins with, and timm's name of these.

    It is one of the same family, with its own rows, at the same resolution: of the same width
    or else the next wider one, since a narrower network can keep the strongest channels of a
    wider one, while of a narrower one's it would lack some. Beyond the widest it is that one.
    Any structure, resolution, number of classes and of channels will do.

    Raises:
        LitheError: there are no weights for the family, or the rows are not the family's;
            says for what there are.

    >>> from lithe.arch import architecture
    >>> table, name = nearest_pretrained(architecture("mobilenet_v2", width=0.35))
    >>> table.label, name
    ('mobilenet_v2_w0.5_r224', 'mobilenetv2_050.lamb_in1k')
    """
    family = BEGINS_LIKE.get(arch.family, arch.family)
    widths = sorted(width for name, width in PRETRAINED if name == family)
    if not widths or _alike(arch, ARCHITECTURES[family]) < 2:
        other = " with these rows" if widths else ""
        known = ", ".join(dict.fromkeys(name for name, _ in PRETRAINED))
        raise LitheError(
            f"there are no pretrained weights for {arch.name}{other}; there are for {known}, "
            f"whose widths and structures are free, and the front of {', '.join(BEGINS_LIKE)}"
        )
    width = next((width for width in widths if width >= arch.width), widths[-1])
    table = changed(
        ARCHITECTURES[family],
        width=width,
        resolution=arch.resolution,
        min_last_map=arch.min_last_map,
    )
    return table, PRETRAINED[family, width]


def pretrained_names(family: str) -> tuple[str, ...]:
    """Timm's names of all weights that networks of a family may begin with; none: ()."""
    family = BEGINS_LIKE.get(family, family)
    return tuple(name for (of, _), name in PRETRAINED.items() if of == family)


def normalisation(arch: Architecture) -> Normalisation:
    """The mean and std that a network's pretrained weights were trained with.

    Grey images get the colours' average, other numbers of channels 0.5. Reads no weights.

    Raises:
        LitheError: no weights for this table, or timm is not installed.
    """
    mean, std = published_normalisation(nearest_pretrained(arch)[1])
    channels = arch.in_channels
    if channels == 1:
        return (sum(mean) / len(mean),), (sum(std) / len(std),)
    return (mean, std) if channels == len(mean) else ((0.5,) * channels, (0.5,) * channels)


def load_pretrained(network: Network) -> Pretrained:
    """Put timm's ImageNet weights into a freshly drawn network, in place.

    They are fetched once, then from the cache. Those of the network's own table and width
    are copied as they are, those of another width or structure by `inherit`: what follows
    from the drawn weights, the table and the published ones, and nothing else.

    With another number of classes than the weights' the classifier stays as it is. For grey
    images the first convolution takes the sum of its filters over the colours, which is what
    it computes on a grey image given as three equal channels; for other numbers of channels
    it stays as it is. `fresh` names what stayed.

    Raises:
        LitheError: no weights for this table, timm is not installed, or the weights are not
            in the cache and the hub cannot be reached.
    """
    arch = network.arch
    table, name = nearest_pretrained(arch)
    state = fetch(name)
    mean, std = normalisation(arch)
    if arch.in_channels == 1:
        state["conv_stem.weight"] = state["conv_stem.weight"].sum(dim=1, keepdim=True)
        table = changed(table, in_channels=1)
    drawn = {name: value.detach().clone() for name, value in network.named_parameters()}
    if _what_holds_weights(arch) == _what_holds_weights(table):
        fresh = _load(network, state)
        taken = sum(value.numel() for name, value in drawn.items() if name not in fresh)
    else:
        taken = _inherit(network, table, state)
        own = network.state_dict()
        fresh = tuple(name for name, value in drawn.items() if torch.equal(own[name], value))
    share = taken / sum(value.numel() for value in drawn.values())
    return Pretrained(name, table, share, fresh, mean, std)


def _load(network: Network, state: dict[str, Tensor]) -> tuple[str, ...]:
    """All weights as they are; our names of those that do not fit and stay as drawn."""
    own, fresh = network.state_dict(), []
    ours = {theirs: ours for ours, theirs in names(network.arch, "timm").items()}
    for theirs in ("conv_stem.weight", "classifier.weight", "classifier.bias"):
        if state[theirs].shape != own[ours[theirs]].shape:
            state[theirs] = own[ours[theirs]]
            fresh.append(ours[theirs])
    load_weights(network, state, "timm")
    return tuple(fresh)


def _inherit(network: Network, table: Architecture, state: dict[str, Tensor]) -> int:
    """What fits of another table's weights; how many parameters that are."""
    with torch.random.fork_rng(devices=[]):  # what is drawn here is replaced
        trained = build(table)
    load_weights(trained, state, "timm")
    weights = trained.state_dict()
    if network.arch.in_channels != table.in_channels:
        del weights[_STEM]
    alike = msgspec.structs.replace(table, rows=table.rows[: _alike(network.arch, table)])
    return inherit(network, alike, weights).params


def _what_holds_weights(arch: Architecture) -> tuple[object, ...]:
    return arch.name, arch.rows, arch.activation, arch.width


def _alike(arch: Architecture, table: Architecture) -> int:
    """How many rows two tables have in common, from the first on, but for their structure."""
    pairs = zip(arch.rows, table.rows, strict=False)
    return next(
        (index for index, (mine, other) in enumerate(pairs) if _role(mine) != _role(other)),
        min(len(arch.rows), len(table.rows)),
    )


def _role(row: Row) -> tuple[object, ...]:
    kept = {name: v for name, v in msgspec.structs.asdict(row).items() if name not in _CHOSEN}
    return type(row), kept
