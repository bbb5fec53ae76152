"""Network namespaces: made with iproute2, entered for as long as it takes to open a socket."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flowml.errors import LabError
from flowml.lab.processes import LIBC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_NAMESPACES = Path("/run/netns")
_SIOCETHTOOL = 0x8946  # linux/sockios.h
# linux/ethtool.h: ETHTOOL_STXCSUM, STSO, SGSO, SGRO. Without them off, packets of up to 64 KiB with empty
# checksums cross a veth pair, which no wire carries and no receiver of a re-sent frame accepts.
_OFFLOADS_OFF = (0x17, 0x1F, 0x24, 0x2C)
_TUN = "/dev/net/tun"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h


def require_root() -> None:
    """Raise LabError unless this process may make network namespaces."""
    if os.geteuid() != 0:
        raise LabError(f"lab: needs root for network namespaces, got uid {os.geteuid()}; run it with sudo")


def ip(commands: Iterable[str], namespace: str | None = None) -> None:
    """Run iproute2 commands as one batch, in a namespace or in ours.

    Raises
    ------
    LabError
        If iproute2 is missing or refuses a command.
    """
    argv = ["ip", *(["-n", namespace] if namespace else []), "-batch", "-"]
    batch = "\n".join(commands)
    try:
        done = subprocess.run(argv, input=batch, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LabError("lab: the program 'ip' is missing; install the package iproute2") from error
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise LabError(
            f"lab: the network cannot be made: ip said '{reason}'; network namespaces and veth are needed"
        )


def forget(namespaces: Iterable[str]) -> None:
    """Delete those of the namespaces that exist; their links go with them."""
    existing = [name for name in namespaces if (_NAMESPACES / name).exists()]
    if existing:
        ip(f"netns delete {name}" for name in existing)


def socket_in(namespace: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """Open a socket that belongs to a namespace, from a process that stays where it is.

    A socket keeps the network namespace in which it was made, so one process can serve hundreds of hosts.
    """
    with _inside(namespace):
        return socket.socket(family, kind, protocol)


def tunnel_in(namespace: str, interface: str) -> int:
    """Make a TUN interface in a namespace, for IP packets alone.

    Returns
    -------
    int
        File descriptor, non-blocking: what is written to it arrives there. The interface ends with it.

    Raises
    ------
    LabError
        If the kernel has no TUN.
    """
    request = struct.pack("16sH22x", interface.encode(), _IFF_TUN | _IFF_NO_PI)
    try:
        with _inside(namespace):
            descriptor = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(descriptor, _TUNSETIFF, request)
    except OSError as error:
        raise LabError(f"lab: {_TUN}: {error.strerror}; a tunnel needs a kernel with TUN") from error
    return descriptor


@contextmanager
def _inside(namespace: str) -> Iterator[None]:
    with Path("/proc/thread-self/ns/net").open("rb") as home, (_NAMESPACES / namespace).open("rb") as away:
        try:
            _enter(away.fileno())
            yield
        finally:
            _enter(home.fileno())


def switch_offloads_off(namespace: str | None, interface: str) -> None:
    """Let the kernel cut segments and fill in checksums before they leave an interface (None: of ours)."""
    here = (socket.AF_INET, socket.SOCK_DGRAM, 0)
    with socket_in(namespace, *here) if namespace else socket.socket(*here) as door:
        for command in _OFFLOADS_OFF:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
            fcntl.ioctl(door.fileno(), _SIOCETHTOOL, request)


def _enter(descriptor: int) -> None:
    if LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise LabError(f"lab: a network namespace cannot be entered: {os.strerror(code)}; run it as root")
