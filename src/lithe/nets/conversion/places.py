"""Which convolutions of a network can be replaced, by what, and why others cannot."""

from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lithe.errors import LitheError
from lithe.nets.conversion.rows import Kind, Replacement


@dataclass(frozen=True, slots=True)
class Place:
    """A convolution of a network, as it runs on one image.

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
    """The convolutions of a network in the order in which they run on `x`, n c h w.

    A network that is not in eval mode is run as if it were, and left as it was.

    Raises:
        LitheError: it does not run on `x`, or has no convolution at all.
    """
    names = {
        name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)
    }
    if not names:
        raise LitheError(
            f"{type(network).__name__} has no nn.Conv2d, so there is nothing to convert"
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


def kinds_for(conv: nn.Conv2d) -> tuple[Kind, ...]:
    """What can stand in place of a convolution, by its sizes alone."""
    if conv.groups > 1:
        return ()
    if max(conv.kernel_size) > 1:
        # With so few channels in, filters of their own for each cannot tell colours apart.
        return ("separable", "inverted-residual", "low-rank") if conv.in_channels > 4 else ()
    return ("low-rank",) if min(conv.in_channels, conv.out_channels) > 1 else ()


def largest(conv: nn.Conv2d, kind: Kind) -> int:
    """The size at which a replacement loses nothing."""
    k = conv.kernel_size[0] * conv.kernel_size[1]
    match kind:
        case "separable":
            return min(conv.out_channels, k)
        case "inverted-residual":
            return 4 * min(conv.out_channels, k)
        case "low-rank":
            return min(conv.out_channels, conv.in_channels * k)


def named(found: tuple[Place, ...], patterns: tuple[str, ...], kind: Kind) -> tuple[Place, ...]:
    """The places that patterns such as `layer3.*` name and that `kind` can take.

    Raises:
        LitheError: a pattern names no convolution, or none that can be replaced.
    """
    chosen = []
    for pattern in patterns:
        matches = [place for place in found if fnmatchcase(place.layer, pattern)]
        if not matches:
            raise LitheError(
                f"no convolution is called {pattern!r}; there are "
                f"{', '.join(place.layer for place in found[:6])}{', ...' * (len(found) > 6)}"
            )
        able = [place for place in matches if kind in place.kinds]
        if not able:
            reason = matches[0].reason or f"a {kind} one cannot take its place"
            raise LitheError(f"{pattern} names nothing that can be replaced: {reason}")
        chosen += able
    return tuple(dict.fromkeys(chosen))


def check_replacement(network: nn.Module, row: Replacement) -> nn.Conv2d:
    """The convolution that a row replaces.

    Raises:
        LitheError: there is none of that name, or the row's kind or size does not suit it.
    """
    try:
        conv = network.get_submodule(row.layer)
    except AttributeError:
        raise LitheError(f"{type(network).__name__} has no layer {row.layer!r}") from None
    if conv is network:
        raise LitheError(
            f"a {type(network).__name__} as a whole cannot be replaced, its layers can"
        )
    if type(conv) is not nn.Conv2d:
        raise LitheError(f"{row.layer} is no nn.Conv2d but {type(conv).__name__}")
    if row.kind not in kinds_for(conv):
        raise LitheError(f"{row.layer}: {row.kind} cannot take its place, {_no_kind(conv)}")
    most = largest(conv, row.kind)
    if row.size < 1:
        raise LitheError(f"{row.layer}: {row.kind} of size {row.size}, 1 is the smallest")
    # An expansion may be as large as one likes, but not the number of filters.
    if row.kind != "inverted-residual" and row.size > most:
        raise LitheError(f"{row.layer}: {row.kind} of size {row.size}, {most} is the largest")
    return conv


def _recorder(name: str, module: nn.Conv2d, calls: list[tuple[str, int, bool]]):  # type: ignore[no-untyped-def]
    def record(
        _: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor], output: Tensor
    ) -> None:
        window = module.kernel_size[0] * module.kernel_size[1]
        macs = output[0].numel() * window * module.in_channels // module.groups
        calls.append((name, macs, bool(((*inputs, *named.values())[0] < 0).any())))

    return record


def _shared(network: nn.Module) -> dict[int, list[str]]:
    """Names of the modules that hold each weight, by the weight's identity."""
    holders: dict[int, list[str]] = {}
    for name, module in network.named_modules(remove_duplicate=False):
        for _, weight in module.named_parameters(recurse=False):
            holders.setdefault(id(weight), []).append(name)
    return holders


def _reason(name: str, conv: nn.Conv2d, calls: int, shared: dict[int, list[str]]) -> str:
    if not name:
        return "it is the whole network"
    if parametrize.is_parametrized(conv):
        return "its weight is computed from others (a parametrization)"
    if type(conv) is not nn.Conv2d:
        return f"a {type(conv).__name__}, which computes in its own way"
    for weight in ("weight", "bias"):
        # Pruning and the older norms of weights leave a plain tensor where a parameter was.
        if weight not in conv._parameters:
            return f"its {weight} is computed from others"
        held = conv._parameters[weight]
        others = [other for other in shared.get(id(held), ()) if other != name]
        if held is not None and others:
            return f"its {weight} is also that of {others[0]}"
    if calls == 0:
        return "it does not run"
    return f"it runs {calls} times on an image" if calls > 1 else ""


def _no_kind(conv: nn.Conv2d) -> str:
    if conv.groups == conv.in_channels > 1:
        return "depthwise already"
    if conv.groups > 1:
        return f"{conv.groups} groups"
    if max(conv.kernel_size) > 1:
        return f"only {conv.in_channels} input channels"
    if min(conv.in_channels, conv.out_channels) > 1:
        return "a 1x1 convolution"
    return f"a 1x1 convolution of {conv.in_channels} to {conv.out_channels} channels"
