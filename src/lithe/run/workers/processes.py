"""Processes beside each other on this machine, each with a trial."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path

from lithe.run.workers.crew import Died, News
from lithe.run.workers.trial import TrialTask
from lithe.search.work import Work

LONGEST_END_S = 5.0  # for a process whose pipe was closed, before it is killed


class Processes:
    """A crew of processes that lithe starts and that end with this one, however it ends.

    They ignore Ctrl-C, which a terminal sends to them as well: this process ends them by
    closing their pipes. What they print goes to `work/worker-N.log` in the run's folder.
    `devices` are CUDA devices by turns; none leaves the environment as it is.
    """

    def __init__(self, task: TrialTask, size: int, devices: Sequence[str] = ()) -> None:
        self._task = pickle.dumps(task)  # read only by processes of our own, from their pipes
        self._threads = str(task.settings.threads or 1)
        self._work = task.folder / "work"
        self._devices = devices
        self._members: dict[int, _Process] = {}
        self._started = 0
        self._size = size

    @property
    def size(self) -> int:
        """The most processes at once."""
        return self._size

    def start(self) -> int:
        """Start a process; `Ready` follows once it has imported what it needs."""
        self._started += 1
        number = self._started
        counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), self._threads)
        device = None
        if self._devices:
            taken = [member.device for member in self._members.values()]
            device = counts["CUDA_VISIBLE_DEVICES"] = min(self._devices, key=taken.count)
        member = _Process(self._work / f"worker-{number}.log", os.environ | counts, device)
        self._members[number] = member
        member.send(self._task)
        return number

    def give(self, member: int, work: Work) -> None:
        """Hand a work to a process."""
        self._members[member].send(pickle.dumps(work))

    def wait(self, timeout_s: float) -> list[tuple[int, News]]:
        """What processes say, and which of them have ended."""
        pipes = {member.pipe: number for number, member in self._members.items()}
        spoken = {pipes[pipe] for pipe in wait(list(pipes), timeout_s) if pipe in pipes}
        found: list[tuple[int, News]] = []
        for number, member in list(self._members.items()):
            # A process that decodes images for a dead one keeps its pipe open for a while.
            dead = member.ended
            news = member.news() if number in spoken or member.pipe.poll() else None
            if news is None and (dead or number in spoken):
                news = Died(member.last_words())
            if isinstance(news, Died):
                del self._members[number]
            if news is not None:
                found.append((number, news))
        return found

    def close(self) -> None:
        """End all processes."""
        members, self._members = list(self._members.values()), {}
        for member in members:
            member.pipe.close()
        for member in members:
            member.end()


class _Process:
    def __init__(self, log: Path, environment: dict[str, str], device: str | None) -> None:
        self.device = device
        self.pipe, theirs = Pipe()
        self._log = log
        with theirs, log.open("wb") as file:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "lithe.run.workers.process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=[theirs.fileno()],
                env=environment,
            )

    @property
    def ended(self) -> bool:
        return self._popen.poll() is not None

    def send(self, message: bytes) -> None:
        with suppress(OSError):  # it has died, which `wait` will find
            self.pipe.send_bytes(message)

    def news(self) -> News | None:
        try:
            news: News = pickle.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            return None
        return news

    def last_words(self) -> str:
        self.end()
        code = self._popen.returncode
        how = f"by signal {-code} ({_signal(-code)})" if code < 0 else f"with exit code {code}"
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"{how}, after: {lines[-1]}" if lines and code > 0 else how

    def end(self) -> None:
        self.pipe.close()
        try:
            self._popen.wait(LONGEST_END_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def _signal(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return "unknown"
