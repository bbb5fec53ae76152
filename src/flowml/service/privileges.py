"""What a process may do, cut down to what it needs: it takes in packets that anybody can send."""

import ctypes
import os
import struct

CAP_NET_RAW = 13  # linux/capability.h
_VERSION_3 = 0x20080522
_PR_SET_NO_NEW_PRIVS = 38  # prctl(2)


def keep_only(capability: int) -> None:
    """Give up every capability but one, for good; without effect on one that the process has not.

    Raises
    ------
    OSError
        The kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION_3, 0))
    sets = ctypes.create_string_buffer(24)  # effective, permitted, inheritable; lower halves, then upper ones
    _require(libc.capget(header, sets))
    _, permitted, *_ = struct.unpack("=6I", sets.raw)
    kept = permitted & 1 << capability
    _require(libc.capset(header, ctypes.create_string_buffer(struct.pack("=6I", kept, kept, 0, 0, 0, 0))))


def _require(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
