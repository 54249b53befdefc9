"""What one machine can do: multiply-adds and bytes per second, each number with its source."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from lithe.device.latency_rows import LatencyTable

FORMAT = 2  # of the file that a device is kept in; 2 has `latency`

Level = Literal["L1", "L2", "L3", "memory"]
DType = Literal["fp64", "fp32", "fp16", "bf16", "int8"]
LEVELS: tuple[Level, ...] = ("L1", "L2", "L3", "memory")  # the nearest first
DTYPES: tuple[DType, ...] = ("fp64", "fp32", "fp16", "bf16", "int8")

_Positive = Annotated[float, Meta(gt=0, lt=1e18)]
_Threads = Annotated[int, Meta(ge=1, le=1 << 20)]
_Name = Annotated[str, Meta(max_length=200)]


class Cache(Struct, frozen=True, forbid_unknown_fields=True):
    """One level of cache for data: `bytes` of one, which `shared_by` cores have in common."""

    level: Literal["L1", "L2", "L3"]
    bytes: Annotated[int, Meta(gt=0)]
    shared_by: _Threads
    source: _Name = ""


class Peak(Struct, frozen=True, forbid_unknown_fields=True):
    """Multiply-accumulates per second of `threads` cores at once, in one data type.

    `instruction` is what does them (`vfmadd231ps`); `source` is "measured" or the document
    that the number was read from.
    """

    dtype: DType
    threads: _Threads
    macs_per_s: _Positive
    instruction: _Name = ""
    source: _Name = ""


class Bandwidth(Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes per second that `threads` cores at once read from one level, and copy within it.

    A copy counts the bytes read and the bytes written. `buffer_bytes` is the working set of
    all threads together; None where the number was not measured.
    """

    level: Level
    threads: _Threads
    read_bytes_per_s: _Positive
    copy_bytes_per_s: _Positive | None = None
    buffer_bytes: int | None = None
    source: _Name = ""


class Launch(Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds that a runtime needs to begin and end one step that does next to nothing."""

    runtime: Literal["lithe", "eager"]
    threads: _Threads
    seconds: _Positive
    source: _Name = ""


class Device(Struct, frozen=True, forbid_unknown_fields=True):
    """One machine.

    `kind` is "measured" or "data sheet"; `date` and `version` (lithe's) say when and by what
    it was measured. `isa` names the instruction set that lithe's engine uses there, "" none.
    `latency` has a table for every number of threads that steps were timed with.
    """

    name: _Name
    kind: Literal["measured", "data sheet"]
    cores: _Threads
    isa: _Name
    caches: tuple[Cache, ...]
    peaks: tuple[Peak, ...]
    bandwidths: tuple[Bandwidth, ...]
    launches: tuple[Launch, ...] = ()
    notes: tuple[str, ...] = ()
    date: _Name = ""
    version: _Name = ""
    format: Annotated[int, Meta(ge=1)] = FORMAT
    latency: tuple[LatencyTable, ...] = ()
