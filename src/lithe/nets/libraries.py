"""Networks of timm and torchvision by name, with random weights; nothing is fetched."""

import warnings
from difflib import get_close_matches
from typing import Any, Literal

from torch import nn

from lithe.errors import LitheError
from lithe.nets.strict_json import one_line

Library = Literal["timm", "torchvision"]
LIBRARIES: tuple[Library, ...] = ("timm", "torchvision")
INSTALL: dict[Library, str] = {
    "timm": "pip install 'lithe[pretrained]'",
    "torchvision": "pip install torchvision",
}

_INPUT = (1, 3, 224, 224)
# torchvision does not say in its networks what they take; this one takes something else.
_INPUTS = {"inception_v3": (1, 3, 299, 299)}


def from_library(library: Library, name: str, num_classes: int | None = None) -> nn.Module:
    """The network as its library builds it, with freshly drawn weights, in eval mode.

    `num_classes` is how many outputs it gets; as many as its library gives it where None.

    Raises:
        LitheError: the library is missing, does not know the name (the nearest are offered)
            or does not build it.
    """
    source: Any = _imported(library)
    known = source.is_model(name) if library == "timm" else name in source.list_models()
    if not known:
        near = get_close_matches(name, source.list_models(), n=3, cutoff=0.5)
        said = f"did you mean {' or '.join(near)}?" if near else f"see {library}'s list_models()"
        raise LitheError(f"{library} has no network {name!r}; {said}")
    outputs = {} if num_classes is None else {"num_classes": num_classes}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on how weights are drawn, and on old names
            built: nn.Module = (
                source.create_model(name, pretrained=False, **outputs)
                if library == "timm"
                else source.get_model(name, weights=None, weights_backbone=None, **outputs)
                if _has_backbone(source, name)
                else source.get_model(name, weights=None, **outputs)
            )
    except ModuleNotFoundError as error:
        raise LitheError(f"{library}:{name} needs {error.name}: pip install {error.name}") from None
    except Exception as error:  # what a constructor raises is up to the library
        raise LitheError(f"{library} does not build {name}: {one_line(error)}") from error
    return built.eval()


def names_of(library: Library) -> tuple[str, ...]:
    """The networks that an installed library has; none where it cannot be imported."""
    try:
        return tuple(_imported(library).list_models())
    except LitheError:
        return ()


def input_of(library: Library, name: str, network: nn.Module) -> tuple[int, ...]:
    """What a library's network takes: one image n c h w of the size that it is made for."""
    if library == "torchvision":
        return _INPUTS.get(name, _INPUT)
    return stated_input(network) or _INPUT


def stated_input(network: nn.Module) -> tuple[int, ...] | None:
    """One image n c h w of the size that a network says it takes, as timm's do."""
    for field in ("pretrained_cfg", "default_cfg"):
        stated = getattr(network, field, None)
        size = stated.get("input_size") if isinstance(stated, dict) else None
        if isinstance(size, tuple | list) and all(isinstance(n, int) and n > 0 for n in size):
            return (1, *size)
    return None


def _imported(library: Library) -> Any:
    try:
        from lithe.nets.torchvision_compat import models  # timm imports torchvision

        if library == "torchvision":
            return models
        import timm
    except ImportError as error:
        raise LitheError(
            f"networks of {library} need {library}, which cannot be imported "
            f"({one_line(error)}): {INSTALL[library]}"
        ) from None
    return timm


def _has_backbone(models: Any, name: str) -> bool:
    """Whether it would fetch the weights of a part of it unless told not to."""
    import inspect

    return "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters
