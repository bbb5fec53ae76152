"""The lab's processes: how they are started, spoken with and kept from outliving it."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowml.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_ANSWER_S = 180.0  # hundreds of servers get their certificates before the stage answers
_STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A process of the lab, as its parent speaks with it."""

    name: str
    control: Connection

    def tell(self, message: object) -> None:
        """Send a message."""
        self.control.send(message)

    def hear(self) -> Any:
        """Wait for a message; LabError if none comes, or if it is a complaint (a string)."""
        if not self.control.poll(_ANSWER_S):
            raise LabError(
                f"lab: the {self.name} did not answer within {_ANSWER_S:.0f} s; is the machine overloaded?"
            )
        try:
            message = self.control.recv()
        except EOFError as error:
            raise LabError(f"lab: the {self.name} ended by itself; its reason stands above") from error
        if isinstance(message, str):
            raise LabError(f"lab: the {self.name} failed: {message}")
        return message

    def check(self) -> None:
        """Raise LabError if the process complained or ended."""
        if self.control.poll():
            self.hear()


@contextmanager
def worker(name: str, main: Callable[..., None], *arguments: object) -> Iterator[Worker]:
    """Run ``main(*arguments, control, parent_pid)`` in a process that ends with the context.

    ``main`` begins with ``become_worker`` and returns when ``control`` is closed.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=main, args=(*arguments, theirs, os.getpid()), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Worker(name, ours)
    finally:
        ours.close()
        process.join(_STOP_S)
        if process.is_alive():
            process.kill()
            process.join()


def become_worker(parent_pid: int) -> None:
    """Make the calling process die with its parent, leave Ctrl-C to the parent, and open many files.

    Parameters
    ----------
    parent_pid
        Process id of the parent as the parent saw it: it may have died before this call.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # the usual 1024 is too few for hundreds of hosts
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit(1)


def require_files(n_clients: int) -> None:
    """Raise LabError if so many clients with their servers would open more files than a process may have.

    Measured: some 4 a client where every carrier is used. Without this check a client that finds no
    descriptor would look like one whose connection broke, and come again for ever.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 5 * n_clients + 500
    if most != resource.RLIM_INFINITY and needed > most:
        raise LabError(
            f"lab: {n_clients} clients need {needed} open files, the limit is {most}; "
            f"raise it (ulimit -Hn {needed}) or play a smaller scenario"
        )


def bound_to_parent(namespace: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Command line that runs ``argv`` in a network namespace and lets none of its children survive.

    A process namespace ends with its first process, and takes daemons and session children (of sshd, of
    nginx) along, which a process group would not. That first process is a shell that only waits, because
    the kernel forgets the death signal of a program that changes its user.
    """
    keeper = ("sh", "-c", '"$@"; exit $?', "sh")
    confined = ("unshare", "--fork", "--pid", "--kill-child=KILL", "--", *keeper, *argv)
    return ("setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", namespace, *confined)
