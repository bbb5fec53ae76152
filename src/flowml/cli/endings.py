"""How a signal ends a command: as an exception that unwinds it, so that nothing is left half written."""

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, NoReturn

from flowml.signals import ENDING_SIGNALS

_WATCH_S = 0.1


class Termination(BaseException):
    """SIGTERM: unwinds like Ctrl-C."""


class Interruption(KeyboardInterrupt):
    """SIGINT.

    Python remembers that its own KeyboardInterrupt met an exec(), of which imports have many, and `python -m`
    then ends by the signal whatever the exit code was to be. It does not do so for this one.
    """


@contextmanager
def endings_by_signal() -> Iterator[None]:
    """Raise `Termination` on SIGTERM inside the block, and `Interruption` on SIGINT.

    SIGINT stays ignored where it is: in a shell's background job. One that goes no further is raised again:
    it came where nothing can be raised, as when an object is destroyed, or was swallowed, as by NumPy, which
    asks Python what a type is and takes any exception for a no.
    """
    before = {number: signal.getsignal(number) for number in (*ENDING_SIGNALS, signal.SIGALRM)}
    hook = sys.unraisablehook
    signal.signal(signal.SIGTERM, _terminator(os.getpid()))
    if before[signal.SIGINT] is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    sys.unraisablehook = partial(_tell_of_others, hook)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGALRM) is not before[signal.SIGALRM]:
            signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    _unwind(Interruption())


def _terminator(owner: int) -> Callable[[int, FrameType | None], None]:
    def terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if os.getpid() == owner:
            _unwind(Termination())
        signal.signal(number, signal.SIG_DFL)  # a process that a library forked ends as it always did
        os.kill(os.getpid(), number)

    return terminate


def _unwind(ending: BaseException) -> NoReturn:
    # It may come when a file is open and nothing stands by yet to close it, in Python's own modules too.
    # Python closes such a file as it lets go of it; all that is left to do would be to tell the operator,
    # and that later than any block that could take the filter back.
    warnings.simplefilter("ignore", ResourceWarning)
    signal.signal(signal.SIGALRM, lambda number, frame: _go_on(ending))  # noqa: ARG005
    signal.setitimer(signal.ITIMER_REAL, _WATCH_S, _WATCH_S)
    raise ending


def _go_on(ending: BaseException) -> None:
    """Raise an ending again that nobody is handling any more, though the command goes on."""
    handled = sys.exception()
    while handled is not None and handled is not ending:
        handled = handled.__context__
    if handled is None:
        raise ending


def _tell_of_others(tell: "Callable[[sys.UnraisableHookArgs], Any]", what: "sys.UnraisableHookArgs") -> None:
    """Tell of what could not be raised, but for endings, which are raised again."""
    if not issubclass(what.exc_type, Interruption | Termination):
        tell(what)
