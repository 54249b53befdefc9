"""A network's tensors and a card in one safetensors file, and back; whatever kind the card is.

The format is described in `lithe.nets.model_data`, which reads it without torch.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import msgspec
import safetensors.torch
import torch
from msgspec import Raw
from torch import Tensor, nn

from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.nets.model_data import Metadata, Spec, check_size, chunks, digest, metadata_of
from lithe.nets.safetensors_header import (
    MAX_HEADER_BYTES,
    MAX_TENSORS,
    Header,
    check_layout,
    opened,
    read_header,
)
from lithe.nets.strict_json import one_line

_DTYPES = {torch.float32: "F32", torch.int64: "I64"}

_Path = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file that is as it was written: its card's JSON, and what tensors it holds."""

    card: bytes
    spec: Spec
    header: Header
    file: BinaryIO


@contextmanager
def whole_file(path: _Path, formats: Collection[int]) -> Iterator[WholeFile]:
    """A file of one of these formats, open, its layout and digest checked.

    What is raised while it is open is raised with the file's name.

    Raises:
        LitheError: not a safetensors file, not one of lithe's, of another format, cut off or
            changed.
    """
    with opened(path) as (file, size):
        header = read_header(file, size, path)
        metadata = metadata_of(header, path, formats)
        check_layout(header, path)
        try:
            check_size(header.data_bytes)
            spec = {name: (entry.dtype, entry.shape) for name, entry in header.tensors.items()}
            data = {name: chunks(file, header, entry) for name, entry in header.tensors.items()}
            if digest(bytes(metadata.card), spec, data) != metadata.sha256:
                raise LitheError("it was changed or damaged since it was written; copy it again")
            yield WholeFile(bytes(metadata.card), spec, header, file)
        except LitheError as error:
            raise LitheError(f"{path} cannot be loaded: {error}") from None


def fill(network: nn.Module, whole: WholeFile) -> None:
    """Read the tensors of a file into a network on the CPU of the same names, types and shapes.

    Raises:
        LitheError: the file became shorter, or values are not finite.
    """
    weights = network.state_dict()
    with torch.no_grad():
        for name, tensor in weights.items():
            begin = whole.header.data_start + whole.header.tensors[name].data_offsets[0]
            if tensor.is_contiguous():
                _read_into(tensor, whole.file, begin)
                continue
            plain = torch.empty(tensor.shape, dtype=tensor.dtype)  # in the order of the file
            _read_into(plain, whole.file, begin)
            tensor.copy_(plain)
    check_finite(weights)


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """Copies of a network's tensors as they can be written.

    Raises:
        LitheError: more tensors or bytes than a file takes, a type that it does not hold, or
            values that are not finite.
    """
    spec = spec_of(network)
    if len(spec) > MAX_TENSORS:
        raise LitheError(f"it has {len(spec):,} tensors; a model file takes {MAX_TENSORS:,}")
    for name, (kind, _) in spec.items():
        if kind not in _DTYPES.values():
            raise LitheError(
                f"{name} is {kind}; a model file takes weights in fp32 and counters in int64"
            )
    weights = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }
    check_size(sum(tensor.nbytes for tensor in weights.values()))
    check_finite(weights)
    return weights


def write(
    path: _Path, weights: Mapping[str, Tensor], version: int, card: bytes, classes: int
) -> None:
    """Write tensors and the JSON of a card of so many classes; it appears whole or not at all.

    Raises:
        LitheError: a header that would be too long, or a file that cannot be written.
    """
    spec = {name: _kind(tensor) for name, tensor in weights.items()}
    sha256 = digest(card, spec, {name: (_bytes(t),) for name, t in weights.items()})
    metadata = msgspec.json.encode(Metadata(version, sha256, Raw(card))).decode()
    data = safetensors.torch.save(dict(weights), {"lithe": metadata})
    if int.from_bytes(data[:8], "little") > MAX_HEADER_BYTES:
        raise LitheError(
            f"cannot save {path}: the names of {classes:,} classes need a header of "
            f"more than {MAX_HEADER_BYTES:,} bytes; shorten them"
        )
    write_atomically(Path(path), data)


def spec_of(network: nn.Module) -> Spec:
    """Type and shape of each of a network's tensors, by name."""
    return {name: _kind(tensor) for name, tensor in network.state_dict().items()}


def compare(needed: Spec, given: Spec, *, of: str, remedy: str) -> None:
    """Hold a file's or a network's tensors against those of what it should be (`of`).

    Raises:
        LitheError: names, types or shapes differ.
    """
    lacking, besides = needed.keys() - given.keys(), given.keys() - needed.keys()
    if lacking or besides:
        raise LitheError(
            f"its tensors are not those of {of}: "
            f"{len(lacking)} are missing{_first(lacking)}, {len(besides)} too "
            f"many{_first(besides)}; {remedy}"
        )
    for name, expected in needed.items():
        if given[name] != expected:
            raise LitheError(
                f"its tensors are not those of {of}: {name} is {_shown(given[name])}, "
                f"{of} needs {_shown(expected)}; {remedy}"
            )


def check_finite(weights: Mapping[str, Tensor]) -> None:
    """Refuse a network that has no answer to any image.

    Raises:
        LitheError: values that are not finite; says of which tensor.
    """
    for name, tensor in weights.items():
        finite = int(torch.isfinite(tensor).sum())
        if finite < tensor.numel():
            raise LitheError(
                f"{tensor.numel() - finite} of {tensor.numel()} values of {name} are not finite; "
                "train it again with a lower learning rate"
            )


def _kind(tensor: object) -> tuple[str, tuple[int, ...]]:
    if not isinstance(tensor, Tensor):  # a module may put anything into its state
        return type(tensor).__name__, ()
    return _DTYPES.get(tensor.dtype, str(tensor.dtype)), tuple(tensor.shape)


def _first(names: Iterable[str]) -> str:
    return f" (such as {one_line(name)})" if (name := min(names, default="")) else ""


def _shown(spec: tuple[str, tuple[int, ...]]) -> str:
    return f"{spec[0]} {list(spec[1])}"


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).numpy().data.cast("B")


def _read_into(tensor: Tensor, file: BinaryIO, position: int) -> None:
    target = _bytes(tensor)
    file.seek(position)
    if file.readinto(target) != len(target):  # type: ignore[attr-defined]
        raise LitheError("it became shorter while it was read; copy it again")
