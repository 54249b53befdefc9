"""A teacher by what someone typed: a library's network, one's own code, a file.

What a teacher wants to be given is known from its model file (lithe's), from what its library
states (timm: size, mean and standard deviation; torchvision: 224 pixels, those of ImageNet)
or from `pretrained_cfg`, a dict with `input_size`, `mean` and `std` that a network of one's own
may have as timm's do. Where nothing is stated it is the usual constants of `transforms` and
the size of the student's own inputs.
"""

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lithe.engine.compile import compile
from lithe.errors import LitheError
from lithe.nets.find import Found, find
from lithe.nets.libraries import LIBRARIES, from_library, input_of, stated_input
from lithe.nets.model_file import load
from lithe.nets.published import fetch
from lithe.nets.state_dict import check_state, load_state
from lithe.nets.strict_json import one_line
from lithe.nets.user_code import from_user_code
from lithe.training.teacher import Teacher
from lithe.training.transforms import MEAN_STD
from lithe.units import format_shape

FORMS = "timm:NAME, torchvision:NAME, package.module:attribute, FILE.safetensors or FILE.onnx"
ANY_SIDE = 224  # pixels to try a network with that does not say what it takes


def open_teacher(text: str, weights: Path | None, classes: int) -> Teacher:
    """The teacher that a text names, for images of so many classes.

    Written `timm:NAME`, `torchvision:NAME` or `package.module:attribute`, whose weights are a
    plain state dict in the safetensors file `weights`; timm's own published ones without it,
    and what the code itself loads. Or a `model.safetensors` of lithe's, or an ONNX file,
    which lithe's engine runs. It is tried on one empty image.

    Raises:
        LitheError: no such network or file, weights that are missing or another network's, or
            another number of classes; the message says which.
    """
    try:
        teacher = _opened(text, weights, classes)
    except LitheError as error:
        raise LitheError(f"the teacher {one_line(text)}: {error}") from None
    teacher.module.eval().requires_grad_(False)
    side = teacher.side or ANY_SIDE
    try:
        with torch.no_grad():
            logits: Any = teacher.module(torch.zeros(1, teacher.channels, side, side))
    except Exception as error:  # the code of a stranger
        raise LitheError(
            f"the teacher {one_line(text)} does not take an image of {teacher.channels} x {side} "
            f"x {side}: {one_line(error)}; let its pretrained_cfg say its input_size"
        ) from error
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        made = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise LitheError(
            f"the teacher {one_line(text)} makes {made} of one image; logits (1, {classes}) are "
            "wanted, of a network that classifies"
        )
    if logits.shape[1] != classes:
        raise _other_classes(f"the teacher {one_line(text)}", logits.shape[1], classes)
    return teacher


def _opened(text: str, weights: Path | None, classes: int) -> Teacher:
    source, colon, name = text.partition(":")
    suffix = Path(text).suffix
    if suffix in (".onnx", ".safetensors"):
        if weights is not None:
            raise LitheError(f"a {suffix} file has its weights in it; leave --teacher-weights out")
        return _from_onnx(text) if suffix == ".onnx" else _from_model_file(text)
    if not colon:
        raise LitheError(f"it has to be trained; name it as {FORMS}")
    library = next((each for each in LIBRARIES if each == source), None)
    if library is None:
        module = _apart(from_user_code(text))
        if weights is not None:
            _filled(module, weights, classes)
        return _stated(text, module, stated_input(module))
    if library == "timm" and weights is None:
        return _published(text, name, classes)
    module = from_library(library, name, classes)
    if weights is None:
        raise LitheError(
            "it has no weights yet; give them by --teacher-weights FILE.safetensors, the state "
            f"dict of this network trained on your {classes} classes"
        )
    _filled(module, weights, classes)
    return _stated(text, module, input_of(library, name, module))


def _apart(module: nn.Module) -> nn.Module:
    """A copy, as a teacher's weights are filled in and frozen: code may keep what it hands out.

    A network that cannot be copied is used as it is.
    """
    try:
        return copy.deepcopy(module)
    except Exception:  # the code of a stranger
        return module


def _filled(module: nn.Module, weights: Path, classes: int) -> None:
    try:
        load_state(module, weights)
    except LitheError as error:
        raise LitheError(f"{error}; the images have {classes} classes") from None


def _published(text: str, name: str, classes: int) -> Teacher:
    """A network of timm's with the weights that timm publishes of it."""
    module = from_library("timm", name)
    known = getattr(module, "num_classes", classes)
    if known != classes:
        raise _other_classes("its published network", known, classes)
    state = fetch(name, "give --teacher-weights FILE.safetensors")
    check_state(module.state_dict(), state, f"timm's {name}")
    module.load_state_dict(state, strict=False)
    return _stated(text, module, input_of("timm", name, module))


def _stated(name: str, module: nn.Module, shape: tuple[int, ...] | None) -> Teacher:
    convs = [m.in_channels for m in module.modules() if isinstance(m, nn.Conv2d)]
    channels = shape[1] if shape else next(iter(convs), 3)
    stated = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    numbers = [
        tuple(stated[key]) if isinstance(stated, dict) and stated.get(key) else usual
        for key, usual in zip(("mean", "std"), _usual(channels), strict=True)
    ]
    if any(len(each) != channels for each in numbers) or min(numbers[1]) <= 0:
        raise LitheError(
            f"it states mean {numbers[0]} and std {numbers[1]} for {channels} channels; "
            "one number a channel, std above 0"
        )
    mean, std = numbers
    return Teacher(name, module, channels, shape[3] if shape else None, mean, std)


def _usual(channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if channels not in MEAN_STD:
        raise LitheError(f"it takes {channels} channels; take a teacher of 1 or 3")
    return MEAN_STD[channels]


def _from_model_file(text: str) -> Teacher:
    try:
        network = load(text)
    except LitheError as error:
        raise LitheError(
            f"{error} (for a plain state dict name the network, and the file by --teacher-weights)"
        ) from None
    assert network.card is not None
    prep = network.card.preprocessing
    return Teacher(
        text, network, prep.channels, prep.resolution, prep.mean, prep.std, network.card.classes
    )


class _Compiled(nn.Module):
    """An ONNX file's network in lithe's engine, on the CPU; no layers and no parameters."""

    def __init__(self, run: Any) -> None:
        super().__init__()
        self.run = run
        self.one_by_one = False

    def forward(self, x: Tensor) -> Tensor:
        """Logits of any number of images; on the device that they are on."""
        given = x.detach().float().cpu()
        parts = given.split(1) if self.one_by_one else [given]
        return torch.cat([self.run(part) for part in parts]).to(x.device)


def _from_onnx(text: str) -> Teacher:
    found = _read(text)
    if len(found.input_shape) != 4:
        raise LitheError(f"it takes {format_shape(found.input_shape)}; images n c h w are wanted")
    _, channels, height, width = found.input_shape
    if height != width:
        raise LitheError(f"it takes images of {height} x {width}; take one of square images")
    compiled = compile(found.model)
    if len(compiled.output_shapes) != 1:
        raise LitheError(f"it has {len(compiled.output_shapes)} outputs; logits alone are wanted")
    module = _Compiled(compiled)
    try:
        compiled(torch.zeros(2, channels, height, width))
    except LitheError:  # samples meet somewhere, as in a reshape to one row
        module.one_by_one = True
    return Teacher(text, module, channels, height, *_usual(channels))


def _read(text: str) -> Found:
    """The file's network for one image; where the file leaves the size open, of `ANY_SIDE`."""
    try:
        return find(text, batch=1)
    except LitheError as error:
        for channels in MEAN_STD:
            with suppress(LitheError):
                return find(text, input_shape=(1, channels, ANY_SIDE, ANY_SIDE))
        raise error


def _other_classes(who: str, known: int, classes: int) -> LitheError:
    return LitheError(
        f"{who} knows {known} classes and the images have {classes}; take "
        "one that was trained on these classes (its weights by --teacher-weights)"
    )
