"""Work that copies of this process share with it: they have at once what took it half a second to load.

A process that forks must not have other threads, which its copies would lack, with whatever locks they held.
"""

import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import BinaryIO, Generic, TypeVar

from flowml.errors import FlowmlError
from flowml.service.privileges import die_with
from flowml.signals import ENDING_SIGNALS, held_signals

Done = TypeVar("Done")
_NUMBER_BYTES = 4


@dataclass(frozen=True)
class _Fork:
    """A copy of this process, and where it tells what it has done."""

    process: BaseProcess
    told: Connection


class Forks(Generic[Done]):
    """Tasks 0, 1, ..., done by this process and copies of it, each whenever it has nothing else to do.

    Parameters
    ----------
    jobs : int
        Processes, this one included; no more than there are tasks are used.
    tasks : int
        How many there are.
    work : callable
        Does the task of a number. What it gives, or raises, has to be picklable.
    """

    def __init__(self, jobs: int, tasks: int, work: Callable[[int], Done]) -> None:
        self._tasks = tasks
        self._work = work
        self._done: dict[int, Done] = {}
        self._forks: list[_Fork] = []
        self._numbers = _numbers(tasks)
        with ExitStack() as started:
            started.callback(self.close)
            with held_signals():
                for _ in range(min(jobs, tasks) - 1):
                    self._forks.append(self._fork())
            started.pop_all()

    def results(self) -> Generator[Done]:
        """Take part in the work, and give what came of it in the order of the tasks.

        Raises
        ------
        FlowmlError
            A process was ended from outside.
        """
        for number in range(self._tasks):
            while number not in self._done:
                mine = _draw(self._numbers)
                if mine is not None:
                    self._done[mine] = self._work(mine)
                self._hear(is_idle=mine is None)
            yield self._done.pop(number)

    def close(self) -> None:
        """End all copies, whatever they are doing."""
        for fork in self._forks:
            fork.process.kill()
        for fork in self._forks:
            fork.process.join()
            fork.told.close()
        self._forks = []
        self._numbers.close()

    def _fork(self) -> _Fork:
        context = get_context("fork")
        told, tells = context.Pipe(duplex=False)
        process = context.Process(target=self._serve, args=(tells, os.getpid()), daemon=True)
        with warnings.catch_warnings():
            # Python 3.12 warns of every thread, also of OpenBLAS's, which bear a fork
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            process.start()
        tells.close()
        return _Fork(process, told)

    def _serve(self, tells: Connection, parent: int) -> None:
        """Work in a copy, until there is nothing left or its parent is gone."""
        signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # a Ctrl-C reaches the copies too: their parent ends them
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        if not die_with(parent):
            return
        while (number := _draw(self._numbers)) is not None:
            try:
                done: Done | Exception = self._work(number)
            except Exception as error:  # noqa: BLE001  raised again where somebody hears of it
                done = error
            tells.send((number, done))

    def _hear(self, *, is_idle: bool) -> None:
        """Take what copies have told; who has nothing else to do waits for it."""
        pipes = {fork.told: fork for fork in self._forks}
        for told in wait(list(pipes), None if is_idle else 0):
            fork = pipes[told]  # type: ignore[index]  # pipes are all that is waited for
            try:
                number, done = fork.told.recv()
            except EOFError:
                self._forget(fork)
                continue
            if isinstance(done, Exception):
                raise done
            self._done[number] = done

    def _forget(self, fork: _Fork) -> None:
        """Let a copy go that has come to its end."""
        fork.process.join()
        if fork.process.exitcode:
            raise FlowmlError(
                f"one of several processes came to an unexpected end (exit code {fork.process.exitcode}; "
                "-9: it was killed, perhaps for want of memory); try again with fewer --jobs"
            )
        fork.told.close()
        self._forks.remove(fork)


def _numbers(count: int) -> BinaryIO:
    """A file of the numbers below `count`; copies share its position, so each is read by one of them."""
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed with the copies
    file.write(b"".join(number.to_bytes(_NUMBER_BYTES) for number in range(count)))
    file.seek(0)
    return file


def _draw(numbers: BinaryIO) -> int | None:
    """The next number that nobody has drawn; None if there is none."""
    drawn = numbers.read(_NUMBER_BYTES)
    return int.from_bytes(drawn) if drawn else None
