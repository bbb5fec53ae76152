"""What a process may do, cut down to what it needs, and how it ends with the one that started it."""

import ctypes
import os
import signal
import struct

# linux/capability.h
CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_NET_RAW = 0, 1, 2, 3, 13
READING = (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)
"""What root needs to import flowml from somebody's home."""
WRITING = (CAP_CHOWN, CAP_FOWNER, *READING)
"""What root needs to write where others do."""
_VERSION_3 = 0x20080522
_PR_SET_PDEATHSIG, _PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 23, 24, 38  # prctl(2)


def keep_only(*capabilities: int, hand_on: bool = False) -> None:
    """Give up every capability but some, for good; without effect on those that the process has not.

    Only the calling thread gives up: call it before there is another. The bounding set shrinks as well where
    the process may do that, which takes CAP_SETPCAP; where it may not, nothing of it can be had any more,
    because no new privileges are gained by starting a program.

    Parameters
    ----------
    *capabilities : int
        CAP_* of linux/capability.h.
    hand_on : bool
        Let the programs that it starts have them, too.

    Raises
    ------
    OSError
        The kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _require(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    for other in range(64):
        if other not in capabilities and libc.prctl(_PR_CAPBSET_READ, other, 0, 0, 0) == 1:
            libc.prctl(_PR_CAPBSET_DROP, other, 0, 0, 0)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION_3, 0))
    sets = ctypes.create_string_buffer(24)  # effective, permitted, inheritable; lower halves, then upper ones
    _require(libc.capget(header, sets))
    _, permitted, inheritable, *_ = struct.unpack("=6I", sets.raw)
    wanted = sum(1 << capability for capability in capabilities)
    kept, inherited = permitted & wanted, inheritable & wanted if hand_on else 0
    # the ambient set shrinks with the inheritable one
    _require(
        libc.capset(header, ctypes.create_string_buffer(struct.pack("=6I", kept, kept, inherited, 0, 0, 0)))
    )


def die_with(parent: int) -> bool:
    """Let the kernel kill this process when its parent ends; False if the parent is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def _require(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
