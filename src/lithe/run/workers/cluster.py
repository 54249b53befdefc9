"""Workers on a Ray cluster: an actor for each trial that is trained at once.

Ray starts the actors where there is room and says when one is gone; what is done then is the
same as for processes (`lithe.run.workers.crew`). Nothing of a trial is kept in Ray: networks
and histories are in the run's folder, which all nodes have to see.
"""

import importlib
import logging
import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from lithe import __version__
from lithe.errors import LitheError
from lithe.files import write_atomically
from lithe.run.workers.crew import Died, News, Ready
from lithe.run.workers.member import Member
from lithe.run.workers.node import Seen, look
from lithe.run.workers.trial import TrialTask
from lithe.search.work import Work
from lithe.training.loader import cpus

# Read by Ray when it is imported: nothing is reported to its makers, a worker without a GPU is
# not told that there are none (Ray warns that this will change), and every line is left out
# that Ray would print on our stdout when a worker dies.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}
_BY_NAME = ("auto", "local")
LONGEST_KNOCK_S = 10.0
LONGEST_LOOK_S = 180.0


class Cluster:
    """A crew of Ray actors, each with `settings.threads` processors, or a GPU if there are any.

    Args:
        task: what all trials have in common, for trials beside each other.
        address: of the cluster; `local` starts one on this machine that ends with this one.
        size: the most actors at once; None: as many as the cluster has room for.

    Raises:
        LitheError: Ray is not installed, no cluster answers, or one of its nodes does not
            see the run's folder or the images.
    """

    def __init__(self, task: TrialTask, address: str, size: int | None = None) -> None:
        self._ray = ray = _ray()
        self._members: dict[int, Any] = {}
        self._asked: dict[Any, int] = {}  # what a member was asked and has not answered
        self._started = 0
        self._ours = not ray.is_initialized()
        threads = task.settings.threads or 1
        if self._ours:
            _connect(ray, address, max(cpus(), threads * (size or 1)))
        try:
            needs, nodes = _room(ray, threads)
            places = sum(nodes.values())
            self._size = min(size, places) if size else places
            # A trial that died is started anew by us, from its checkpoint; Ray would not know.
            self._actor = ray.remote(max_restarts=0, max_task_retries=0, **needs)(_Actor)
            self._task = ray.put(task)
            self._check(task, nodes)
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """The most actors at once."""
        return self._size

    def start(self) -> int:
        """Ask for an actor; `Ready` follows once Ray has found room and started it."""
        self._started += 1
        actor = self._actor.remote(self._task)
        self._members[self._started] = actor
        self._asked[actor.ready.remote()] = self._started
        return self._started

    def give(self, member: int, work: Work) -> None:
        """Hand a work to an actor."""
        self._asked[self._members[member].train.remote(work)] = member

    def wait(self, timeout_s: float) -> list[tuple[int, News]]:
        """What actors answer, and which of them are gone."""
        errors = self._ray.exceptions
        if not self._asked:
            return []
        answered, _ = self._ray.wait(list(self._asked), num_returns=1, timeout=timeout_s)
        found: list[tuple[int, News]] = []
        for answer in answered:
            member = self._asked.pop(answer)
            try:
                found.append((member, self._ray.get(answer)))
            except errors.RayTaskError as error:
                del self._members[member]
                found.append((member, Died(f"of {_last_line(str(error))}")))
            except errors.RayError as error:
                del self._members[member]
                found.append((member, Died(_how(error))))
        return found

    def close(self) -> None:
        """End all actors, and Ray if it was started here."""
        for actor in self._members.values():
            self._ray.kill(actor)
        self._members.clear()
        self._asked.clear()
        if self._ours:
            self._ours = False
            self._ray.shutdown()

    def _check(self, task: TrialTask, nodes: Iterable[tuple[str, str]]) -> None:
        """Make sure that every node sees what trials need, before the first begins."""
        word = secrets.token_hex(8)
        path = task.folder / "work" / f"seen-{word}"
        write_atomically(path, word.encode())
        place = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        look_there = self._ray.remote(num_cpus=0, max_retries=0)(look)
        try:
            asked = {
                (name, number): look_there.options(
                    scheduling_strategy=place(number, soft=False)
                ).remote(self._task, path, word)
                for name, number in nodes
            }
            for (name, _), answer in asked.items():
                try:
                    seen: Seen = self._ray.get(answer, timeout=LONGEST_LOOK_S)
                except self._ray.exceptions.GetTimeoutError:
                    raise LitheError(f"node {name}: no answer in {LONGEST_LOOK_S:g} s") from None
                except self._ray.exceptions.RayError as error:
                    raise LitheError(f"node {name}: {_last_line(str(error))}") from None
                if seen.lithe != __version__:
                    raise LitheError(
                        f"node {name} has lithe {seen.lithe}, this machine {__version__}; "
                        "install the same on all"
                    )
                if seen.problem:
                    raise LitheError(f"node {name} {seen.problem}")
        finally:
            path.unlink(missing_ok=True)


class _Actor:
    """A member of the crew in a process of Ray's."""

    def __init__(self, task: TrialTask) -> None:
        self._member = Member(task)

    def ready(self) -> Ready:
        return Ready(socket.gethostname(), os.getpid())

    def train(self, work: Work) -> News:
        return self._member.train(work)


def _ray() -> Any:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise LitheError(
            "--cluster needs Ray, which is not installed: pip install 'lithe[cluster]'"
        ) from None


def _room(ray: Any, threads: int) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """What an actor needs, and how many have room on each node (address and number)."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    for kind, each in ("GPU", 1), ("CPU", threads):
        counts = {
            (node["NodeManagerAddress"], node["NodeID"]): int(node["Resources"].get(kind, 0))
            for node in alive
        }
        nodes = {node: count // each for node, count in counts.items() if count >= each}
        if nodes:
            return ({"num_gpus": 1, "num_cpus": 0} if kind == "GPU" else {"num_cpus": each}), nodes
    raise LitheError(
        f"no node of the cluster has {threads} processors for a trial (--threads); "
        f"the largest of {len(alive)} has {max(counts.values(), default=0)}"
    )


def _connect(ray: Any, address: str, processors: int) -> None:
    if address not in _BY_NAME:
        _check_answers(address)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        options |= {"include_dashboard": False, "num_cpus": processors}
    try:
        with _quiet_logs():
            ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise LitheError(f"no Ray cluster at {address!r}: {_first_line(str(error))}") from None


def _check_answers(address: str) -> None:
    """Ray itself would knock for minutes at a door that nobody opens."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise LitheError(
            f"{address!r} is no address of a Ray cluster; give {', '.join(_BY_NAME)}, HOST:PORT "
            "or ray://HOST:PORT"
        )
    try:
        socket.create_connection((host, int(port)), LONGEST_KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise LitheError(
            f"no Ray cluster at {address!r}: {error}; `ray start --head` prints its address"
        ) from None


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Ray says where it is through logging, before it has read which level is wanted."""
    log = logging.getLogger("ray")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _how(error: Exception) -> str:
    text = str(error)
    if "node" in text.lower() and "died" in text.lower() and "node failure" in text.lower():
        return "with its node"
    _, found, detail = text.partition("exit detail: ")
    return f"({_first_line(detail) if found else _first_line(text)})"


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else "no word"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no word"
