"""The parent's side of a worker: start, ask, stop while others run, end."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lithe.errors import LitheError

LONGEST_ANSWER_S = 1200.0  # compiling a large network on one core


class Worker:
    """A process that holds one engine.

    What the engine prints goes to `log`. The process is stopped as a whole between its turns
    (`pause`), since several libraries leave workers spinning for a while after a run.
    """

    def __init__(self, log: Path, threads: int, extra_environment: Mapping[str, str]) -> None:
        counts = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = os.environ | dict.fromkeys(counts, str(threads)) | dict(extra_environment)
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lithe.bench.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=environment,
                bufsize=0,
            )
        self._log = log
        self._rest = b""

    def tell(self, do: str, **values: Any) -> None:
        """Send a command and do not wait for its answer."""
        assert self._process.stdin is not None
        line = json.dumps({"do": do} | values) + "\n"
        try:
            self._process.stdin.write(line.encode())
        except BrokenPipeError:
            raise LitheError(self._last_words()) from None

    def answer(self) -> dict[str, Any]:
        """The answer to the oldest command.

        Raises:
            LitheError: the worker failed, ended, or took too long; says which.
        """
        assert self._process.stdout is not None
        deadline = time.monotonic() + LONGEST_ANSWER_S
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                self.close()
                raise LitheError(f"no answer in {LONGEST_ANSWER_S:g} s")
            piece = os.read(self._process.stdout.fileno(), 1 << 20)
            if not piece:
                raise LitheError(self._last_words())
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise LitheError(answer["error"])
        return answer

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; raises as `answer` does."""
        self.tell(do, **values)
        return self.answer()

    def pause(self) -> None:
        """Let the whole process rest until `resume`."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _last_words(self) -> str:
        code = self._process.wait()
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"ended with code {code}" + (f" after: {lines[-1]}" if lines else "")
