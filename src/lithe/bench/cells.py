"""What is timed: networks by name, and the cells of a table."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Literal

from lithe.arch import ARCHITECTURES
from lithe.errors import LitheError

Source = Literal["lithe", "torchvision", "timm"]


@dataclass(frozen=True, slots=True)
class Network:
    """A network by the library that builds it; `width` is a multiplier of our own tables."""

    source: Source
    name: str
    width: float | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the table: `batch` square images of `resolution` pixels on `threads`."""

    network: str
    resolution: int
    batch: int
    threads: int

    @property
    def label(self) -> str:
        """The cell in words, for a heading.

        >>> Cell("mobilenet_v2", 224, 1, 2).label
        'mobilenet_v2, 224 pixels, batch 1, 2 threads'
        """
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.network}, {self.resolution} pixels, batch {self.batch}, {threads}"


def cells(
    networks: Iterable[str],
    resolutions: Iterable[int],
    batches: Iterable[int],
    threads: Iterable[int],
) -> tuple[Cell, ...]:
    """Every combination; the numbers of threads of one network lie next to each other.

    Raises:
        LitheError: a network that is not known, or a number below 1.
    """
    result = tuple(Cell(*values) for values in product(networks, resolutions, batches, threads))
    for cell in result:
        find_network(cell.network)
        if min(cell.resolution, cell.batch, cell.threads) < 1:
            raise LitheError(
                f"{cell.label}: resolution, batch and threads must be 1 or more; leave one out "
                "for its default"
            )
    return result


def find_network(name: str) -> Network:
    """A network of the benchmark, any table of ours, or `torchvision:NAME` and `timm:NAME`.

    Raises:
        LitheError: an unknown name; the nearest are offered. Whether the libraries know
            theirs shows when it is built.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    if name.partition("-")[0] in ARCHITECTURES:
        return Network("lithe", name)
    source, colon, rest = name.partition(":")
    if colon and rest and source == "torchvision":
        return Network("torchvision", rest)
    if colon and rest and source == "timm":
        return Network("timm", rest)
    known = [*NETWORKS, *ARCHITECTURES]
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    raise LitheError(
        f"unknown network {name!r}; "
        + (f"did you mean {' or '.join(near)}? " if near else "")
        + "Networks of torchvision and timm are named torchvision:NAME and timm:NAME"
    )


# The networks of benchmarks/latency.py. Ours are the tables in `lithe.arch`.
NETWORKS: dict[str, Network] = {
    "mobilenet_v1": Network("lithe", "mobilenet_v1"),
    "mobilenet_v1_w0.5": Network("lithe", "mobilenet_v1", width=0.5),
    "mobilenet_v2": Network("lithe", "mobilenet_v2"),
    "mobilenet_v2_w0.5": Network("lithe", "mobilenet_v2", width=0.5),
    "mobilenet_v3_large": Network("torchvision", "mobilenet_v3_large"),
    "mnasnet1_0": Network("torchvision", "mnasnet1_0"),
    "efficientnet_lite0": Network("timm", "efficientnet_lite0"),
    "shufflenet_v2_x1_0": Network("torchvision", "shufflenet_v2_x1_0"),
    "squeezenet1_1": Network("torchvision", "squeezenet1_1"),
    "resnet18": Network("torchvision", "resnet18"),
}
