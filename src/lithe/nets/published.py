"""Weights that timm publishes: fetched once, then from the cache of the hub's client."""

from typing import Any

import safetensors.torch
from torch import Tensor

from lithe.errors import LitheError
from lithe.nets.strict_json import one_line

INSTALL = "pip install 'lithe[pretrained]'"

_FILE = "model.safetensors"
_PROBE_S = 5.0

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]  # mean and std


def published_normalisation(name: str) -> Normalisation:
    """Mean and std of the images, scaled to 0..1, that timm's weights were trained with.

    Raises:
        LitheError: timm is not installed, or does not know the name.
    """
    config = _config(name)
    return config.mean, config.std


def fetch(name: str, without: str = "train without them") -> dict[str, Tensor]:
    """The weights of that name, under timm's names.

    `without` says what else can be done where they cannot be had.

    Raises:
        LitheError: timm is not installed or does not know the name, or the weights are not
            in the cache and the hub cannot be reached.
    """
    config = _config(name)
    from huggingface_hub import get_session, hf_hub_url, try_to_load_from_cache
    from timm.models import load_state_dict_from_hf

    cached = try_to_load_from_cache(config.hf_hub_id, _FILE)
    if isinstance(cached, str):
        return safetensors.torch.load_file(cached)
    address = hf_hub_url(config.hf_hub_id, _FILE)
    try:
        # Asked once, because the hub's own client tries a dead network for 23 seconds.
        get_session().head(address, timeout=_PROBE_S)
        state: dict[str, Tensor] = load_state_dict_from_hf(config.hf_hub_id, filename=_FILE)
    except Exception as error:  # what the client raises depends on its version and the network
        raise LitheError(
            f"the pretrained weights {name} are not on this machine and cannot be fetched from "
            f"{address} ({one_line(error)}); connect it to the network, or {without}"
        ) from error
    return state


def _config(name: str) -> Any:
    """What timm knows of the weights of that name."""
    from lithe.nets import torchvision_compat  # noqa: F401  timm imports torchvision

    try:
        import huggingface_hub  # noqa: F401  comes with timm
        from timm.models import get_pretrained_cfg
    except ImportError as error:
        raise LitheError(
            f"pretrained weights come through timm, which cannot be imported ({one_line(error)}): "
            f"{INSTALL}"
        ) from None
    config = get_pretrained_cfg(name)
    if config is None or not config.hf_hub_id:
        raise LitheError(f"the installed timm does not know {name}: {INSTALL} --upgrade")
    return config
