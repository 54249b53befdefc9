"""Ctrl-C is not lost where it is swallowed."""

import signal
import subprocess
import sys
from pathlib import Path

SWALLOWED = """
import os, signal, sys
from lithe.interrupt import remember_interrupts
from lithe.progress import Progress
remember_interrupts()
for quiet in (True, False):
    with Progress(quiet).task("work", 10) as advance:
        advance()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            while True: pass
        except BaseException:
            pass
        try:
            advance()
        except KeyboardInterrupt:
            print("stopped")
    remember_interrupts()
    advance()
"""


def test_what_was_swallowed_is_raised_at_the_next_step() -> None:
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "stopped\nstopped\n"), done.stderr


def test_a_process_that_ignores_it_goes_on_ignoring_it() -> None:
    program = (
        "import os, signal\n"
        "from lithe.interrupt import remember_interrupts, raise_if_interrupted\n"
        "remember_interrupts()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "raise_if_interrupted()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert done.returncode == 0


WHILE_IMPORTING = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from lithe.interrupt import import_whole, remember_interrupts
remember_interrupts()
try:
    import_whole("interrupted")
except KeyboardInterrupt:
    print(sys.modules["interrupted"].end)
try:
    os.kill(os.getpid(), signal.SIGINT)
    while True: pass
except KeyboardInterrupt:
    print("and raised at once again")
"""


def test_an_import_is_not_interrupted_half_way(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nend = 'whole'\n"
    )
    command = [sys.executable, "-c", WHILE_IMPORTING, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "whole\nand raised at once again\n"), done.stderr
