"""ImageNet weights that timm publishes, fetched by the name of a table and its width."""

from dataclasses import dataclass

import safetensors.torch
from torch import Tensor

from lithe.arch import ARCHITECTURES, Architecture
from lithe.errors import LitheError
from lithe.nets.build import Network
from lithe.nets.strict_json import one_line
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
INSTALL = "pip install 'lithe[pretrained]'"

_FILE = "model.safetensors"
_PROBE_S = 5.0


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What was loaded: timm's name, our weights that were left as drawn, how images came in.

    `mean` and `std` normalise an image scaled to 0..1, one number per input channel; the
    weights were trained under them.
    """

    name: str
    fresh: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def pretrained_name(arch: Architecture) -> str:
    """The name of timm's weights for a table; any resolution and number of classes will do.

    Raises:
        LitheError: there are none for this table at this width; says for which there are.

    >>> from lithe.arch import architecture
    >>> pretrained_name(architecture("mobilenet_v2", width=0.5, resolution=96, num_classes=10))
    'mobilenetv2_050.lamb_in1k'
    """
    table = ARCHITECTURES.get(arch.name)
    same = table is not None and (table.rows, table.activation) == (arch.rows, arch.activation)
    if not same or (arch.name, arch.width) not in PRETRAINED:
        known = ", ".join(f"{name} at width {width:g}" for name, width in PRETRAINED)
        other = "" if same or table is None else " with changed rows"
        raise LitheError(
            f"there are no pretrained weights for {arch.name}{other} at width {arch.width:g}; "
            f"there are for {known}"
        )
    return PRETRAINED[arch.name, arch.width]


def load_pretrained(network: Network) -> Pretrained:
    """Put timm's ImageNet weights into a network, in place; fetched once, then from its cache.

    With another number of classes than the weights' the classifier stays as it is. For grey
    images the first convolution takes the sum of its filters over the colours, which is what
    it computes on a grey image given as three equal channels; for other numbers of channels
    it stays as it is. `fresh` names what stayed.

    Raises:
        LitheError: no weights for this table, timm is not installed, or the weights are not
            in the cache and the hub cannot be reached.
    """
    name = pretrained_name(network.arch)
    state, mean, std = fetched(name)
    own, fresh = network.state_dict(), []
    ours = {theirs: ours for ours, theirs in names(network.arch, "timm").items()}
    channels = network.arch.in_channels
    if channels == 1:
        state["conv_stem.weight"] = state["conv_stem.weight"].sum(dim=1, keepdim=True)
        mean, std = (sum(mean) / len(mean),), (sum(std) / len(std),)
    elif channels != len(mean):
        mean, std = (0.5,) * channels, (0.5,) * channels
    for theirs in ("conv_stem.weight", "classifier.weight", "classifier.bias"):
        if state[theirs].shape != own[ours[theirs]].shape:
            state[theirs] = own[ours[theirs]]
            fresh.append(ours[theirs])
    load_weights(network, state, "timm")
    return Pretrained(name, tuple(fresh), mean, std)


def fetched(
    name: str, without: str = "train without them"
) -> tuple[dict[str, Tensor], tuple[float, ...], tuple[float, ...]]:
    """Weights by timm's name of them, under its names, and the mean and std of their training.

    `without` says what else can be done where they cannot be had.

    Raises:
        LitheError: timm is not installed or does not publish them, or they are not in the
            cache and the hub cannot be reached.
    """
    from lithe.nets import torchvision_compat  # noqa: F401  timm imports torchvision

    try:
        from huggingface_hub import get_session, hf_hub_url, try_to_load_from_cache
        from timm.models import get_pretrained_cfg, load_state_dict_from_hf
    except ImportError as error:
        raise LitheError(
            f"pretrained weights come through timm, which cannot be imported ({one_line(error)}): "
            f"{INSTALL}"
        ) from None
    config = get_pretrained_cfg(name)
    if config is None or not config.hf_hub_id:
        raise LitheError(f"the installed timm does not know {name}: {INSTALL} --upgrade")
    cached = try_to_load_from_cache(config.hf_hub_id, _FILE)
    if isinstance(cached, str):
        return safetensors.torch.load_file(cached), config.mean, config.std
    address = hf_hub_url(config.hf_hub_id, _FILE)
    try:
        # Asked once, because the hub's own client tries a dead network for 23 seconds.
        get_session().head(address, timeout=_PROBE_S)
        state = load_state_dict_from_hf(config.hf_hub_id, filename=_FILE)
    except Exception as error:  # what the client raises depends on its version and the network
        raise LitheError(
            f"the pretrained weights {name} are not on this machine and cannot be fetched from "
            f"{address} ({one_line(error)}); connect it to the network, or {without}"
        ) from error
    return state, config.mean, config.std
