"""Measured times of the engine's steps, as a device takes them along to another machine."""

from typing import Annotated

from msgspec import Meta, Struct

_Seconds = Annotated[float, Meta(gt=0, lt=1e6)]
_StepSeconds = Annotated[float, Meta(ge=0, lt=1e6)]
_Name = Annotated[str, Meta(max_length=200)]
_Number = Annotated[int, Meta(ge=0, lt=1 << 24)]


class Kernel(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A step before it is measured: kernel, units, and what an estimate goes by."""

    name: _Name
    units: _Number
    features: Annotated[tuple[float, ...], Meta(max_length=256)]


class TimedNetwork(Struct, frozen=True, forbid_unknown_fields=True):
    """A network that was compiled and timed on the device.

    `table` is its architecture as JSON. `steps` are positions in `LatencyTable.kernels` and
    `seconds` their times, in the network's order.
    """

    table: Annotated[str, Meta(max_length=1 << 16)]
    steps: Annotated[tuple[_Number, ...], Meta(max_length=1 << 12)]
    seconds: Annotated[tuple[_StepSeconds, ...], Meta(max_length=1 << 12)]
    whole_s: _Seconds
    disturbed: bool = False
    date: _Name = ""


class LatencyTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Times of steps with so many threads, for code of one generator.

    All are as if measured in a moment in which the reference network took `reference_s`.
    `code` is a digest of what generated the code, as in `lithe.latency_table`.
    """

    cpu: _Name
    isa: _Name
    threads: Annotated[int, Meta(ge=1, le=1 << 20)]
    code: _Name
    reference_s: _Seconds
    kernels: tuple[Kernel, ...]
    networks: tuple[TimedNetwork, ...]
