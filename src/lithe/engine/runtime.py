"""Threads that run native code: the step loop loaded once, and teams of workers.

A team is shared by all networks of a process that use as many threads. Its workers are
daemon threads that enter native code once and stay there, without the interpreter's lock;
after 0.1 ms without work they sleep. A caller that finds the team at work runs its network
alone in its own thread: the bits are the same, and nobody waits.

After a fork the child has none of the parent's threads. Teams notice, and start their own
workers when they are first used there.

Numbers are as IEEE 754 has them, whatever the calling thread has set: tiny ones (denormal,
under 1.2e-38) are not flushed to zero, as in PyTorch by default. On a processor of the Zen 5
generation a network full of them takes 1.4 times as long; on others it can be much more.
"""

import ctypes
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithe.engine.isa import InstructionSet
from lithe.engine.native import TEAM_BYTES, TEAM_SETTINGS, futex_number
from lithe.engine.objects import Code

# Long enough to meet the next call of a loop and the end of an uneven step; where there are
# more threads than processors, a spinning one holds up the one that it waits for.
_SPIN_NS = 100_000
_SPIN_CROWDED_NS = 2_000

_WORKER = "lithe-"  # begins the name of a worker: threads of its team, its number

_LIBC = ctypes.CDLL(None)


def c_address(name: str) -> int:
    """Where a function of the C library is."""
    address = ctypes.cast(getattr(_LIBC, name), ctypes.c_void_p).value
    assert address is not None
    return address


CLOCK = c_address("clock_gettime")


def usable_processors() -> int:
    """Processors that this process may use; all where the system does not say."""
    if not hasattr(os, "sched_getaffinity"):  # planning without a run works outside Linux too
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def aligned(size: int) -> NDArray[np.uint8]:
    """Uninitialised bytes that begin on a multiple of 64; NumPy asks for huge pages itself."""
    raw = np.empty(size + 63, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]


def give_back() -> None:
    """Have the C library return freed memory to the system, where it knows how (glibc)."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


@dataclass(frozen=True, slots=True)
class Native:
    """The functions of `lithe.engine.native`, loaded; `each` is an address."""

    code: Code
    isa: InstructionSet
    alone: Callable[[int], None]
    team: Callable[[int, int], None]
    worker: Callable[[int, int], None]
    leave: Callable[[int], None]
    each: int


def load_native(isa: InstructionSet, data: bytes) -> Native:
    """The step loop from its object file."""
    code = Code([data])
    at = code.address
    one = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    two = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    return Native(
        code=code,
        isa=isa,
        alone=one(at["lithe_alone"]),
        team=two(at["lithe_team"]),
        worker=two(at["lithe_worker"]),
        leave=one(at["lithe_leave"]),
        each=at["lithe_each"],
    )


class Team:
    """`threads` of which one is whoever calls; the others start when they are first needed."""

    def __init__(self, native: Native, threads: int) -> None:
        self.threads = threads
        self._native = native
        self._stop: weakref.finalize[..., Team] | None = None
        self._reset()
        _EVERY_TEAM.add(self)

    def _reset(self) -> None:
        if self._stop is not None:
            self._stop.detach()
        self._busy = threading.Lock()
        self._stop = None
        self._address = 0
        self._hopeless = False

    def run(self, job: int) -> bool:
        """Run a job with all threads; False, and nothing done, where the team is at work."""
        if not self._busy.acquire(blocking=False):
            return False
        try:
            if self._stop is None:
                self._start()
            if self._stop is None or not self._stop.alive:
                return False
            self._native.team(self._address, job)
        finally:
            self._busy.release()
        return True

    def _start(self) -> None:
        if self._hopeless:
            return
        memory = aligned(TEAM_BYTES)
        memory[:] = 0
        crowded = self.threads > usable_processors()
        memory[TEAM_SETTINGS:].view(np.int64)[:5] = (
            self.threads,
            CLOCK,
            c_address("syscall"),
            _SPIN_CROWDED_NS if crowded else _SPIN_NS,
            futex_number(self._native.isa),
        )
        self._address = memory.ctypes.data
        try:
            for number in range(1, self.threads):
                threading.Thread(
                    target=_work,
                    args=(self._native, memory, number),
                    name=f"{_WORKER}{self.threads}-{number}",
                    daemon=True,
                ).start()
        except RuntimeError:  # the system has no thread left, or the interpreter is ending
            self._hopeless = True
            _leave(self._native, memory)
            return
        self._stop = weakref.finalize(self, _leave, self._native, memory)


def _work(native: Native, memory: NDArray[np.uint8], number: int) -> None:
    """A worker's life. Its frame keeps code and memory for as long as it needs them."""
    native.worker(memory.ctypes.data, number)


def _leave(native: Native, memory: NDArray[np.uint8]) -> None:
    native.leave(memory.ctypes.data)


@contextmanager
def pinned() -> Iterator[None]:
    """Each thread on a processor of its own while inside: the caller, and every team's workers.

    For measuring: the scheduler may wake two threads on one processor and leave them there
    for longer than a measurement takes. The caller gets the last processor that it may use,
    as the first ones serve more of the system's interrupts. Teams have to be at work already;
    threads that are started inside would share the caller's processor.
    """
    usable = sorted(os.sched_getaffinity(0), reverse=True)
    threads = {threading.get_native_id(): 0}
    for thread in threading.enumerate():
        team, _, member = thread.name.rpartition("-")
        if team.startswith(_WORKER) and thread.native_id is not None:
            threads[thread.native_id] = int(member)
    try:
        for thread_id, number in threads.items():
            with suppress(OSError):  # a worker that has just left
                os.sched_setaffinity(thread_id, {usable[number % len(usable)]})
        yield
    finally:
        for thread_id in threads:
            with suppress(OSError):
                os.sched_setaffinity(thread_id, usable)


_TEAMS: weakref.WeakValueDictionary[tuple[str, int], Team] = weakref.WeakValueDictionary()
_EVERY_TEAM: weakref.WeakSet[Team] = weakref.WeakSet()


def team_of(native: Native, threads: int) -> Team:
    """The process's team of that size; its workers leave when the last network that has it goes."""
    key = native.isa.name, threads
    team = _TEAMS.get(key)
    if team is None:
        team = _TEAMS[key] = Team(native, threads)
    return team


def _after_fork() -> None:
    for team in list(_EVERY_TEAM):
        team._reset()


os.register_at_fork(after_in_child=_after_fork)
