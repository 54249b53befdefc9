"""Which layers of a network can be replaced, by what, and why others cannot."""

import math
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lithe.errors import LitheError
from lithe.nets.conversion.layers import Layer
from lithe.nets.conversion.rows import Kind, Replacement

# Outputs or inputs of a linear layer below which a low rank would leave out what tells classes
# apart and save next to nothing.
_FEW = 16


@dataclass(frozen=True, slots=True)
class Place:
    """A convolution or linear layer of a network, as it runs on one image.

    `kinds` can take its place; where there are none, `reason` says why. `signed`: its input
    had negative values. `order` counts calls.
    """

    layer: str
    order: int
    macs: int
    signed: bool
    kinds: tuple[Kind, ...]
    reason: str = ""


def places(network: nn.Module, x: Tensor) -> tuple[Place, ...]:
    """The convolutions and linear layers of a network in the order of their runs on `x`, n c h w.

    A network that is not in eval mode is run as if it were, and left as it was.

    Raises:
        LitheError: it does not run on `x`, or has no such layer at all.
    """
    names = {name: module for name, module in network.named_modules() if isinstance(module, Layer)}
    if not names:
        raise LitheError(
            f"{type(network).__name__} has no nn.Conv2d and no nn.Linear, so there is nothing to "
            "convert"
        )
    calls: list[tuple[str, int, bool]] = []
    hooks = [
        module.register_forward_hook(_recorder(name, module, calls), with_kwargs=True)
        for name, module in names.items()
    ]
    # Parts may be in another mode than the whole: frozen batch norms are.
    training = [(module, module.training) for module in network.modules()]
    try:
        with torch.inference_mode():
            network.eval()(x)
    except Exception as error:
        raise LitheError(
            f"{type(network).__name__} does not run on an input of {tuple(x.shape)}: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error
    finally:
        for module, before in training:
            module.training = before
        for hook in hooks:
            hook.remove()
    counts = Counter(name for name, *_ in calls)
    shared = _shared(network)
    first = {name: index for index, (name, *_) in reversed(list(enumerate(calls)))}
    found = []
    for name, module in names.items():
        order = first.get(name, len(calls))
        macs = sum(call[1] for call in calls if call[0] == name)
        signed = any(call[2] for call in calls if call[0] == name)
        reason = _reason(name, module, counts[name], shared)
        kinds = () if reason else kinds_for(module)
        reason = reason or ("" if kinds else _no_kind(module))
        found.append(Place(name, order, macs, signed, kinds, reason))
    return tuple(sorted(found, key=lambda place: place.order))


def kinds_for(layer: Layer) -> tuple[Kind, ...]:
    """What can stand in place of a layer, by its sizes alone."""
    if isinstance(layer, nn.Linear):
        return ("low-rank",) if min(layer.in_features, layer.out_features) >= _FEW else ()
    if layer.groups > 1:
        return ()
    if max(layer.kernel_size) > 1:
        # With so few channels in, filters of their own for each cannot tell colours apart.
        return ("separable", "inverted-residual", "low-rank") if layer.in_channels > 4 else ()
    return ("low-rank",) if min(layer.in_channels, layer.out_channels) > 1 else ()


def largest(layer: Layer, kind: Kind) -> int:
    """The size at which a replacement loses nothing."""
    c_out, *window = layer.weight.shape
    k = math.prod(window[1:])
    match kind:
        case "separable":
            return min(c_out, k)
        case "inverted-residual":
            return 4 * min(c_out, k)
        case "low-rank":
            return min(c_out, math.prod(window))


def named(
    found: tuple[Place, ...], patterns: tuple[str, ...], kinds: tuple[Kind, ...]
) -> tuple[Place, ...]:
    """The places that patterns such as `layer3.*` name and that one of `kinds` can take.

    Raises:
        LitheError: a pattern names no layer, or none that can be replaced.
    """
    chosen = []
    for pattern in patterns:
        matches = [place for place in found if fnmatchcase(place.layer, pattern)]
        if not matches:
            raise LitheError(
                f"no convolution or linear layer is called {pattern!r}; there are "
                f"{', '.join(place.layer for place in found[:6])}{', ...' * (len(found) > 6)}"
            )
        able = [place for place in matches if set(kinds) & set(place.kinds)]
        if not able:
            reason = matches[0].reason or f"a {' or '.join(kinds)} one cannot take its place"
            raise LitheError(f"{pattern} names nothing that can be replaced: {reason}")
        chosen += able
    return tuple(dict.fromkeys(chosen))


def check_replacement(network: nn.Module, row: Replacement) -> Layer:
    """The layer that a row replaces.

    Raises:
        LitheError: there is none of that name, or the row's kind or size does not suit it.
    """
    try:
        layer = network.get_submodule(row.layer)
    except AttributeError:
        raise LitheError(f"{type(network).__name__} has no layer {row.layer!r}") from None
    if layer is network:
        raise LitheError(
            f"a {type(network).__name__} as a whole cannot be replaced, its layers can"
        )
    if type(layer) not in (nn.Conv2d, nn.Linear):
        raise LitheError(f"{row.layer} is no nn.Conv2d or nn.Linear but {type(layer).__name__}")
    assert isinstance(layer, Layer)
    if row.kind not in kinds_for(layer):
        raise LitheError(f"{row.layer}: {row.kind} cannot take its place, {_no_kind(layer)}")
    most = largest(layer, row.kind)
    if row.size < 1:
        raise LitheError(f"{row.layer}: {row.kind} of size {row.size}, 1 is the smallest")
    # An expansion may be as large as one likes, but not the number of filters.
    if row.kind != "inverted-residual" and row.size > most:
        raise LitheError(f"{row.layer}: {row.kind} of size {row.size}, {most} is the largest")
    return layer


def _recorder(name: str, module: Layer, calls: list[tuple[str, int, bool]]):  # type: ignore[no-untyped-def]
    def record(
        _: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor], output: Tensor
    ) -> None:
        macs = output[0].numel() * math.prod(module.weight.shape[1:])
        calls.append((name, macs, bool(((*inputs, *named.values())[0] < 0).any())))

    return record


def _shared(network: nn.Module) -> dict[int, list[str]]:
    """Names of the modules that hold each weight, by the weight's identity."""
    holders: dict[int, list[str]] = {}
    for name, module in network.named_modules(remove_duplicate=False):
        for _, weight in module.named_parameters(recurse=False):
            holders.setdefault(id(weight), []).append(name)
    return holders


def _reason(name: str, layer: Layer, calls: int, shared: dict[int, list[str]]) -> str:
    if not name:
        return "it is the whole network"
    if parametrize.is_parametrized(layer):
        return "its weight is computed from others (a parametrization)"
    if type(layer) not in (nn.Conv2d, nn.Linear):
        return f"a {type(layer).__name__}, which computes in its own way"
    for weight in ("weight", "bias"):
        # Pruning and the older norms of weights leave a plain tensor where a parameter was.
        if weight not in layer._parameters:
            return f"its {weight} is computed from others"
        held = layer._parameters[weight]
        others = [other for other in shared.get(id(held), ()) if other != name]
        if held is not None and others:
            return f"its {weight} is also that of {others[0]}"
    if calls == 0:
        return "it does not run"
    return f"it runs {calls} times on an image" if calls > 1 else ""


def _no_kind(layer: Layer) -> str:
    if isinstance(layer, nn.Linear):
        if min(layer.in_features, layer.out_features) >= _FEW:
            return "a linear layer"
        return f"a linear layer of only {layer.in_features} to {layer.out_features} channels"
    if layer.groups == layer.in_channels > 1:
        return "depthwise already"
    if layer.groups > 1:
        return f"{layer.groups} groups"
    if max(layer.kernel_size) > 1:
        return f"only {layer.in_channels} input channels"
    if min(layer.in_channels, layer.out_channels) > 1:
        return "a 1x1 convolution"
    return f"a 1x1 convolution of {layer.in_channels} to {layer.out_channels} channels"
