"""How a signal ends a command: as an exception that unwinds it, so that nothing is left half written."""

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from flowml.signals import ENDING_SIGNALS

_RETRY_S = 0.01


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

    SIGINT stays ignored where it is: in a shell's background job.
    """
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    with _swallowed_again():
        signal.signal(signal.SIGTERM, _terminator(os.getpid()))
        if before[signal.SIGINT] is signal.default_int_handler:
            signal.signal(signal.SIGINT, _interrupt)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _swallowed_again() -> Iterator[None]:
    """Raise an ending once more that came where nothing can be raised, as when an object is destroyed."""
    hook, before = sys.unraisablehook, signal.getsignal(signal.SIGALRM)
    is_armed = False

    def retry(what: "sys.UnraisableHookArgs") -> None:
        nonlocal is_armed
        if not issubclass(what.exc_type, Interruption | Termination):
            hook(what)
            return
        ending, is_armed = what.exc_type, True
        signal.signal(signal.SIGALRM, lambda number, frame: _unwind(ending))  # noqa: ARG005
        signal.setitimer(signal.ITIMER_REAL, _RETRY_S)

    sys.unraisablehook = retry
    try:
        yield
    finally:
        sys.unraisablehook = hook
        if is_armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    _unwind(Interruption)


def _terminator(owner: int) -> Callable[[int, FrameType | None], None]:
    def terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if os.getpid() == owner:
            _unwind(Termination)
        signal.signal(number, signal.SIG_DFL)  # a process that a library forked ends as it always did
        os.kill(os.getpid(), number)

    return terminate


def _unwind(ending: type[BaseException]) -> NoReturn:
    # It may come when a file is open and nothing stands by yet to close it, in Python's own modules too.
    # Python closes such a file as it lets go of it; all that is left to do would be to tell the operator,
    # and that later than any block that could take the filter back.
    warnings.simplefilter("ignore", ResourceWarning)
    raise ending
