"""Ctrl-C is not lost.

Python raises KeyboardInterrupt wherever the main thread happens to be. Inside an import, a
callback from C or a finaliser, it may be swallowed: the command would go on as if nobody had
asked it to stop. So that it was asked is kept as well, and long work looks at it at each step.
"""

import importlib
import signal
import threading
from types import FrameType

_ASKED = threading.Event()
_deferred = False


def remember_interrupts() -> None:
    """From now on Ctrl-C is remembered; it raises KeyboardInterrupt as before.

    A process that was started to ignore Ctrl-C goes on ignoring it.
    """
    _ASKED.clear()
    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def raise_if_interrupted() -> None:
    """To be called between the steps of long work.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed since `remember_interrupts`.
    """
    if _ASKED.is_set():
        raise KeyboardInterrupt


def import_whole(module: str) -> None:
    """Import a module to its end; Ctrl-C meanwhile is raised behind it.

    torch ends the process ("terminate called") where it is interrupted while it is imported,
    and the terminal keeps what a progress bar did to it.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed meanwhile.
    """
    global _deferred
    _deferred = True
    try:
        importlib.import_module(module)
    finally:
        _deferred = False
    raise_if_interrupted()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _ASKED.set()
    if _deferred:
        return
    raise KeyboardInterrupt
