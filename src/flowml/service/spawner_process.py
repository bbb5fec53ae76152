"""The spawner: starts capture processes when the scorer asks for one, and does nothing else.

`flowml.service.spawner` runs ``python -P -m flowml.service.spawner_process DESCRIPTOR PARENT`` before
the scorer gives up CAP_NET_RAW. So this is the one process of a sensor that keeps it, and neither packets nor
anything that was made of them come near it. It ends with the scorer, and its capture processes end with it.
"""

import os
import selectors
import signal
import socket
import struct
import sys
from types import FrameType

from flowml.service.privileges import CAP_NET_RAW, READING, die_with, keep_only
from flowml.service.starting import start_child

REQUEST_BYTES = 1 << 16
EXIT_CODE = struct.Struct("=i")


def main(arguments: list[str]) -> int:
    """Run the spawner; give its exit code."""
    descriptor, parent = map(int, arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ignore)  # what is started does not inherit a handler, as it would SIG_IGN
    if not die_with(parent):
        return 1
    keep_only(CAP_NET_RAW, *READING, hand_on=True)
    with socket.socket(fileno=descriptor) as scorer, selectors.DefaultSelector() as ready:
        ready.register(scorer, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.data is not None:
                    _bury(ready, key)
                elif not _start(ready, scorer):
                    return 0


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: systemd and terminals tell every process, and the scorer ends this one last."""


def _start(ready: selectors.BaseSelector, scorer: socket.socket) -> bool:
    """Start what the scorer asks for and tell its identifier; False if the scorer has no more to ask."""
    task, descriptors, _, _ = socket.recv_fds(scorer, REQUEST_BYTES, 2)
    if not task:
        return False
    pipe, told = descriptors
    try:
        child = start_child(task.decode(), pipe)
        process = os.pidfd_open(child.pid)
    except OSError as error:
        os.close(told)
        scorer.send(str(-(error.errno or 1)).encode())
    else:
        ready.register(process, selectors.EVENT_READ, (child, told))
        socket.send_fds(scorer, [str(child.pid).encode()], [process])
    finally:
        os.close(pipe)
    return True


def _bury(ready: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    """Tell how a capture process ended."""
    child, told = key.data
    ready.unregister(key.fileobj)
    os.close(key.fd)
    code = child.wait()
    try:
        os.write(told, EXIT_CODE.pack(code))
    except BrokenPipeError:  # nobody wants to know any more
        pass
    finally:
        os.close(told)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
