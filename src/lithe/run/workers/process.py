"""`python -m lithe.run.workers.process FD`: a process that trains what its pipe brings.

It ends as soon as the other end of the pipe is closed, so it never outlives the one who
started it, killed or not; the checkpoint of the last epoch is whole.
"""

import os
import pickle
import signal
import socket
import sys
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread


def _listen(pipe: "Connection[bytes, bytes]", messages: "SimpleQueue[bytes]") -> None:
    while True:
        try:
            messages.put(pipe.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)


def main() -> None:
    """Train until nobody listens any more."""
    # Ctrl-C in a terminal reaches this process too; the one who started it decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe: Connection[bytes, bytes] = Connection(int(sys.argv[1]))
    messages: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(pipe, messages), daemon=True).start()
    # From here on the end is noticed, also while torch is imported.
    from lithe.run.workers.crew import Ready
    from lithe.run.workers.member import Member

    member = Member(pickle.loads(messages.get()))
    pipe.send_bytes(pickle.dumps(Ready(socket.gethostname(), os.getpid())))
    while True:
        pipe.send_bytes(pickle.dumps(member.train(pickle.loads(messages.get()))))


if __name__ == "__main__":
    main()
