"""What every engine needs of a cell, written once into a folder by a process of its own.

The parent only reads NumPy files, so that nothing heavy lives in the process that keeps time:

    input.npy           (n, 3, h, w) float32
    expected.npy        (n, classes) float64, from PyTorch in float64
    weights.safetensors the state of the module
    model.onnx, model.pte, model.safetensors    where an engine asks for them
    prepared.json       MACs, and why a file could not be made
"""

import copy
import json
import subprocess
import sys
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lithe.bench.cells import find_network
from lithe.errors import LitheError

if TYPE_CHECKING:
    from torch import Tensor, nn

PREPARED = "prepared.json"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The folder of a network at one resolution and batch.

    `macs` are those of the whole batch. `failures` says of a file that could not be made why.
    """

    folder: Path
    macs: int
    failures: dict[str, str]


def prepare(
    network: str, resolution: int, batch: int, files: Collection[str], folder: Path
) -> Prepared:
    """Write the folder of a cell; `files` are keys of `WRITERS`.

    Raises:
        LitheError: the network cannot be built or run; what the process said last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arguments = [network, str(resolution), str(batch), str(folder), *sorted(files)]
    done = subprocess.run(
        [sys.executable, "-m", "lithe.bench.prepare", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise LitheError(f"{network} cannot be prepared: {said[-1]}")
    return Prepared(folder=folder, **json.loads((folder / PREPARED).read_text()))


def _prepare(network: str, resolution: int, batch: int, folder: Path, files: list[str]) -> None:
    import numpy as np
    import safetensors.torch
    import torch

    from lithe.bench.networks import build_network, enliven, images
    from lithe.profiling import static_profile

    model = build_network(find_network(network), resolution)
    enliven(model, resolution)
    x = images(batch, resolution)
    np.save(folder / "input.npy", x.numpy())
    with torch.inference_mode():
        expected = copy.deepcopy(model).double()(x.double())
    np.save(folder / "expected.npy", expected.numpy())
    safetensors.torch.save_file(model.state_dict(), folder / "weights.safetensors")
    failures = {}
    for name in files:
        try:
            WRITERS[name](model, x, folder / name)
        except Exception as error:  # whatever an exporter raises is a row of the table
            lines = str(error).strip().splitlines() or [type(error).__name__]
            failures[name] = f"{name} cannot be written: {lines[0]}"
    macs = static_profile(model, tuple(x.shape)).macs
    (folder / PREPARED).write_text(json.dumps({"macs": macs, "failures": failures}))


def _onnx(model: "nn.Module", x: "Tensor", path: Path) -> None:
    import torch

    with warnings.catch_warnings():
        # The newer exporter needs one more package and writes the same operators for these.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (x,), path, input_names=["x"], output_names=["logits"], dynamo=False
        )


def _executorch(model: "nn.Module", x: "Tensor", path: Path) -> None:
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    exported = torch.export.export(model, (x,))
    lowered = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    path.write_bytes(lowered.to_executorch().buffer)


def _model_file(model: "nn.Module", x: "Tensor", path: Path) -> None:
    from lithe.nets.build import Network
    from lithe.nets.card import ModelCard
    from lithe.nets.model_file import save
    from lithe.training.transforms import preprocessing

    if not isinstance(model, Network):
        raise LitheError(f"{type(model).__name__} is from no table of lithe's")
    card = ModelCard(
        arch=model.arch,
        classes=tuple(f"class {i}" for i in range(model.arch.num_classes)),
        preprocessing=preprocessing(model.arch.resolution, model.arch.in_channels),
        data="",
    )
    save(path, model, card)


WRITERS: dict[str, Callable[["nn.Module", "Tensor", Path], None]] = {
    "model.onnx": _onnx,
    "model.pte": _executorch,
    "model.safetensors": _model_file,
}


if __name__ == "__main__":
    try:
        _prepare(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:])
    except LitheError as error:
        sys.exit(str(error))
