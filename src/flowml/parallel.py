"""Worker processes that a signal neither leaves behind nor takes for a failure of their own."""

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from joblib import Parallel, delayed, effective_n_jobs
from joblib.externals.loky import get_reusable_executor

Done = TypeVar("Done")


def in_workers(
    jobs: int, function: Callable[..., Done], arguments: Iterable[tuple[Any, ...]]
) -> Iterator[Done]:
    """Call a function in worker processes, once for each set of arguments.

    Parameters
    ----------
    jobs : int
        How many workers, -1 as many as there are cores; 1: none, the work is done in this process.
    function : callable
        Known to the workers by its module and name.
    arguments : iterable of tuple

    Yields
    ------
    object
        What each call gave, in the order of the arguments.
    """
    jobs = effective_n_jobs(jobs)
    if jobs == 1:
        yield from (function(*each) for each in arguments)
        return
    # joblib starts another worker for one whose memory has grown, and warns of that
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    tasks = (delayed(_call)(function, each) for each in arguments)
    with _births() as came:
        stream: Generator[Done] = Parallel(jobs, backend="loky", return_as="generator")(tasks)
    try:
        for number in came[:1]:
            signal.raise_signal(number)
        for done in stream:  # noqa: UP028  to close the stream would only warn
            yield done
        get_reusable_executor(jobs, reuse=True).shutdown()  # joblib would keep them for another time
    except BaseException:  # Ctrl-C among them: joblib ends its workers when it sees one, too
        threading.excepthook = partial(_tell_of_others, threading.excepthook)
        with suppress(KeyboardInterrupt):
            stream.throw(KeyboardInterrupt)
        raise


def _tell_of_others(tell: Callable[[threading.ExceptHookArgs], Any], args: threading.ExceptHookArgs) -> None:
    """Tell of a thread that failed, but for loky's own: it stumbles over workers that were just ended."""
    if args.thread is None or not args.thread.name.startswith("ExecutorManagerThread"):
        tell(args)


@contextmanager
def _births() -> Iterator[list[int]]:
    """Hold signals until all workers are known, and list them: one in between would leave a worker alone.

    Workers inherit that SIGINT waits: a Ctrl-C reaches them too, and who started them ends them. They inherit
    a standard output that leads nowhere, because loky writes there if it ends a worker that is not yet awake.
    """
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    # handlers too, because a signal that this thread does not take may be given to another
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in numbers}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    sys.stdout.flush()
    output, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield came
    finally:
        os.dup2(output, 1)
        os.close(output)
        os.close(nowhere)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Run in a worker, which was born while signals were held."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return function(*arguments)
