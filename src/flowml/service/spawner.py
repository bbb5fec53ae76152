"""The scorer's end of the spawner: capture processes that a process without privileges asks for."""

import os
import signal
import socket
import subprocess
import sys
from types import TracebackType
from typing import Self

from flowml.errors import CaptureError
from flowml.service.spawner_process import EXIT_CODE


class Spawned:
    """A capture process of the spawner's; see `flowml.service.starting.Child`.

    Parameters
    ----------
    pid : int
    process : int
        Descriptor of the process (pidfd), so that no signal can reach another that has its number by now.
    told : int
        Descriptor of the pipe through which the spawner tells the exit code.
    """

    def __init__(self, pid: int, process: int, told: int) -> None:
        self.pid = pid
        self._process = process
        self._told = told
        self._code: int | None = None

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it by force."""
        self._signal(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end; a spawner that was killed took it along."""
        if self._code is None:
            data = os.read(self._told, EXIT_CODE.size)
            self._code = EXIT_CODE.unpack(data)[0] if data else -signal.SIGKILL
            os.close(self._told)
            os.close(self._process)
        return self._code

    def _signal(self, number: signal.Signals) -> None:
        if self._code is not None:
            return
        try:
            signal.pidfd_send_signal(self._process, number)
        except ProcessLookupError:  # it has ended, and `wait` will say how
            return


class Spawner:
    """The process that may open interfaces, and a context manager that ends it.

    Make it before this process gives up CAP_NET_RAW, and before it has opened anything.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        with theirs:
            command = [sys.executable, "-P", "-m", "flowml.service.spawner_process"]
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,  # Ctrl-C in a terminal is not meant for it
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process identifier of the spawner."""
        return self._process.pid

    def start(self, task: str, pipe: int) -> Spawned:
        """Start a capture process.

        Parameters
        ----------
        task : str
            JSON of a `CaptureTask`.
        pipe : int
            Descriptor that it writes into; still this process's to close.

        Raises
        ------
        CaptureError
            The spawner is gone, or could not.
        """
        ours, theirs = os.pipe()
        try:
            socket.send_fds(self._socket, [task.encode()], [pipe, theirs])
            answer, descriptors, _, _ = socket.recv_fds(self._socket, 64, 1)
        except OSError:
            answer, descriptors = b"", []
        finally:
            os.close(theirs)
        if descriptors:
            return Spawned(int(answer), descriptors[0], ours)
        os.close(ours)
        why = os.strerror(-int(answer)) if answer else "the process that starts it is gone"
        raise CaptureError(f"no capture process can be started: {why}; start the sensor again")

    def close(self) -> None:
        """End it, and with it what it started."""
        self._socket.close()
        self._process.kill()
        self._process.wait()
