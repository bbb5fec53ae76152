"""How a capture process is started. Nothing but the standard library: the spawner imports this."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Protocol


class Child(Protocol):
    """A capture process, as far as a feed has to do with it; one of `subprocess.Popen` is one."""

    @property
    def pid(self) -> int:
        """Its process identifier."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it by force."""

    def wait(self) -> int:
        """Wait for its end; give the exit code, or the signal that ended it as a negative number."""


Start = Callable[[str, int], Child]
"""Starts a capture process, given its task as JSON and the descriptor of the pipe that it writes into."""


def start_child(task: str, pipe: int) -> "subprocess.Popen[bytes]":
    """Start a capture process that ends when this process does."""
    command = [sys.executable, "-P", "-m", "flowml.service.capture_process"]
    return subprocess.Popen(
        [*command, str(pipe), str(os.getpid()), task],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(pipe,),
        # no numerical library starts threads there: they would keep privileges and cost memory
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        # its own process group: Ctrl-C in a terminal reaches the scorer, which then tells it to end
        process_group=0,
    )
