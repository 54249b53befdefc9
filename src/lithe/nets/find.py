"""Any network by what someone typed: a table's name, a library's, a file, one's own code."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from lithe.arch import ARCHITECTURES, Architecture
from lithe.arch.named import TableOptions, check_no_options, named
from lithe.errors import LitheError
from lithe.graph.model import Model
from lithe.graph.ops import Shape
from lithe.nets.card import Card
from lithe.nets.cards import card_of, input_of, read_any_card, title_of
from lithe.units import format_shape

if TYPE_CHECKING:
    from torch import nn

FORMS = "a table's name, timm:NAME, torchvision:NAME, package.module:attribute, or a file"

_PICKLES = (".pt", ".pth", ".pkl", ".bin", ".ckpt")


@dataclass(frozen=True, slots=True)
class Found:
    """A network and what it is to be given: the shape n c h w of its input.

    `name` is what reports call it: a table's label, what was converted, else what was typed. A
    `Path` is a model file of lithe's, which holds a network and its weights.
    """

    name: str
    model: "Architecture | nn.Module | Model | Path"
    input_shape: Shape


def find(
    text: str,
    options: TableOptions | None = None,
    input_shape: Shape | None = None,
    batch: int | None = None,
    outputs: int | None = None,
    network: str | None = None,
) -> Found:
    """The network that a text names.

    Written `mobilenet_v2` (or a label, `mobilenet_v2_w0.5_r160`), `timm:NAME`,
    `torchvision:NAME`, `package.module:attribute`, `FILE.onnx` or `FILE.safetensors`. Only
    `package.module:attribute` runs code from outside; weights of libraries' networks are
    drawn at random, and nothing is fetched.

    Args:
        text: what was typed.
        options: those of a named table.
        input_shape: n c h w; what the network itself says by default.
        batch: images in one run, in place of the shape's own number.
        outputs: classes that a library's network is built for, in place of its own number.
        network: the code, as `package.module:attribute`, that the network of a file was converted
            from; it is run.

    Raises:
        LitheError: nothing of that name (the nearest are offered), options that do not go
            with it, no input shape where one is needed, or code that raises.
    """
    options = options or TableOptions()
    source, colon, rest = text.partition(":")
    path = Path(text)
    if network is not None and path.suffix != ".safetensors":
        raise LitheError(f"{text} is no model file, so --network {network} says nothing")
    if _is_file(path):
        check_no_options(text, options)
        return _from_file(path, input_shape, batch, network)
    if not colon:
        return _from_table(text, options, input_shape, batch)
    check_no_options(text, options)
    if source in ("timm", "torchvision"):
        return _from_library(text, input_shape, batch, outputs)
    if source.endswith(".py"):
        wanted = ".".join(Path(source).with_suffix("").parts)
        raise LitheError(f"{text}: name the module and not its file, {wanted}:{rest or 'function'}")
    from lithe.nets.user_code import from_user_code

    return _from_module(text, from_user_code(text), input_shape, batch)


def _from_library(
    text: str, input_shape: Shape | None, batch: int | None, outputs: int | None
) -> Found:
    from lithe.nets.libraries import LIBRARIES, from_library, input_of

    source, _, name = text.partition(":")
    library = next(each for each in LIBRARIES if each == source)
    module = from_library(library, name, outputs)
    return Found(text, module, _with_batch(input_shape or input_of(library, name, module), batch))


def names_table(text: str) -> bool:
    """Whether a text is read as the name of a table, so that options of one go with it."""
    return ":" not in text and not _is_file(Path(text))


def _is_file(path: Path) -> bool:
    return path.suffix in (".onnx", ".safetensors", *_PICKLES) or path.is_file()


def _from_table(
    text: str, options: TableOptions, input_shape: Shape | None, batch: int | None
) -> Found:
    if input_shape is not None:
        options = _at_input(text, options, input_shape)
    try:
        arch = named(text, options)
    except LitheError:
        if text.split("-")[0].split("_w")[0] in ARCHITECTURES:
            raise
        raise LitheError(f"there is no network {text!r}; {_offers(text)}") from None
    return Found(arch.label, arch, _with_batch(input_shape or input_of(arch), batch))


def _at_input(text: str, options: TableOptions, shape: Shape) -> TableOptions:
    """The options under which a table takes inputs of that shape."""
    if len(shape) != 4 or shape[2] != shape[3]:
        raise LitheError(
            f"{text} takes square images, n c h w such as 1x3x224x224, not {format_shape(shape)}"
        )
    for option, given, wanted in (
        ("--in-channels", options.in_channels, shape[1]),
        ("--resolution", options.resolution, shape[2]),
    ):
        if given not in (None, wanted):
            raise LitheError(
                f"--input {format_shape(shape)} and {option} {given} contradict each other; "
                "leave one of them out"
            )
    return TableOptions(options.width, shape[2], options.classes, shape[1], options.paper_strides)


def _from_file(
    path: Path, input_shape: Shape | None, batch: int | None, network: str | None
) -> Found:
    if path.suffix == ".onnx":
        from lithe.graph.onnx import read_onnx

        model = read_onnx(path, input_shape)
        own = model.graph.shapes[model.graph.inputs[0]]
        if batch not in (None, own[0]):
            model = read_onnx(path, _with_batch(own, batch))
        return Found(path.name, model, _with_batch(own, batch))
    if path.suffix != ".safetensors":
        raise LitheError(_not_read(path))
    card = read_any_card(path)
    shape = _with_batch(input_shape or input_of(card), batch)
    if network is None:
        return Found(title_of(card), path, shape)
    from lithe.nets.load import load
    from lithe.nets.user_code import from_user_code

    return Found(title_of(card), load(path, from_user_code(network)), shape)


def _from_module(
    text: str, module: "nn.Module", input_shape: Shape | None, batch: int | None
) -> Found:
    from lithe.nets.libraries import stated_input

    said = card_of(module) or getattr(module, "arch", None)
    own = input_of(said) if isinstance(said, Card | Architecture) else stated_input(module)
    shape = input_shape or own
    if shape is None:
        raise LitheError(
            f"{text} does not say what it takes; add the shape of its input, "
            "such as --input 1x3x224x224"
        )
    return Found(text, module, _with_batch(shape, batch))


def _with_batch(shape: Shape, batch: int | None) -> Shape:
    return shape if batch is None else (batch, *shape[1:])


def _not_read(path: Path) -> str:
    if path.suffix in _PICKLES:
        return (
            f"{path}: reading a pickle can run code, so lithe does not; name the function that "
            "builds the network (package.module:function), or give .onnx or .safetensors"
        )
    if path.suffix == ".py":
        wanted = ".".join(path.with_suffix("").parts)
        return f"{path} is Python code; name the function in it, {wanted}:function"
    return f"{path}: of files lithe reads .onnx, and .safetensors that it wrote itself"


def _offers(text: str) -> str:
    """What may have been meant: a table, or a library's network of that very name or nearly."""
    near = get_close_matches(text, ARCHITECTURES, n=2, cutoff=0.6)
    from lithe.nets.libraries import LIBRARIES, names_of

    for library in LIBRARIES:
        found = get_close_matches(text, names_of(library), n=2, cutoff=0.75)
        near += [f"{library}:{name}" for name in found if text not in found or name == text]
    return f"did you mean {' or '.join(near[:4])}?" if near else f"give {FORMS}"
