"""The network that a conversion starts from, built again by its name; no code from outside runs."""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from lithe.arch import unroll
from lithe.arch.named import TableOptions, named
from lithe.errors import LitheError
from lithe.nets.build import build
from lithe.nets.conversion.rewrite import rewritten
from lithe.nets.conversion.rows import Conversion
from lithe.nets.libraries import LIBRARIES, from_library
from lithe.nets.strict_json import one_line

_CPU = torch.device("cpu")


def runs_code(source: str) -> bool:
    """Whether a source is built by code of the user's own, `package.module:attribute`."""
    library, colon, _ = source.partition(":")
    return bool(colon) and library not in LIBRARIES


def structure(conversion: Conversion, network: nn.Module | None = None) -> nn.Module:
    """The converted network without storage: the names, types and shapes of its tensors.

    It is built on the meta device. Where the original cannot be built there, only its weights
    are without storage, and where that fails, too, it takes memory for a while. `network` is
    the original, where its source is not to be built.

    Raises:
        LitheError: a source that cannot be built, or rows that do not go with it.
    """
    original = _copied(network) if network is not None else _without_storage(conversion)
    return _converted(original.to("meta"), conversion, torch.device("meta"))


def drawn(conversion: Conversion, network: nn.Module | None = None) -> nn.Module:
    """The converted network on the CPU, with weights that say nothing yet.

    Raises:
        LitheError: as for `structure`.
    """
    original = _by_name(conversion, _CPU) if network is None else _copied(network).cpu()
    return _converted(original, conversion, _CPU)


class _WeightsWithoutStorage(TorchFunctionMode):
    """What layers make their weights with is on the meta device; what is computed with is not.

    RegNet, for one, reads widths from a tensor while it is built.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func in (torch.empty, torch.zeros, torch.ones) and given.get("device") is None:
            given["device"] = "meta"
        return func(*args, **given)


def _without_storage(conversion: Conversion) -> nn.Module:
    for where in (torch.device("meta"), _WeightsWithoutStorage()):
        with suppress(LitheError):
            return _by_name(conversion, where)
    return _by_name(conversion, _CPU)


def _by_name(conversion: Conversion, where: AbstractContextManager[object]) -> nn.Module:
    """The original, with freshly drawn weights; what has been drawn elsewhere is not moved on."""
    library, _, name = conversion.source.partition(":")
    with torch.random.fork_rng(devices=[]), where:
        for known in LIBRARIES:
            if library == known:
                return from_library(known, name, conversion.outputs)
        _, channels, side, _ = conversion.input_shape
        arch = named(conversion.source, TableOptions(None, side, conversion.outputs, channels))
        unroll(arch)
        return build(arch).eval()


def _copied(network: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(network)
    except Exception as error:  # what a module of the user's own raises is up to it
        raise LitheError(
            f"{type(network).__name__} cannot be copied: {type(error).__name__}: {one_line(error)}"
        ) from error


def _converted(original: nn.Module, conversion: Conversion, device: torch.device) -> nn.Module:
    with torch.random.fork_rng(devices=[]), device:
        return rewritten(original, conversion.replacements, carry=False)
