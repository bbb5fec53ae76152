"""The network interfaces of this network namespace, as the kernel lists them, and which of them to watch."""

import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

ANY = "any"  # stands for every interface that `watchable` gives

# linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if.h
_NLMSG_ERROR, _NLMSG_DONE, _RTM_NEWLINK, _RTM_GETLINK = 2, 3, 16, 18
_NLM_F_REQUEST_DUMP = 0x001 | 0x300
_IFLA_IFNAME, _IFLA_LINK, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_INFO_KIND = 3, 5, 10, 18, 1
_IFF_UP, _IFF_LOOPBACK = 0x1, 0x8
_MESSAGE, _LINK, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BxHiII"), struct.Struct("=HH")
_ANSWER_BYTES = 1 << 18  # the kernel fills at most 32 KiB at once

# linux/if_arp.h: device types of which libpcap gives a link layer that the engine meters:
# Ethernet, PPP, raw IP, and none at all (tun, WireGuard)
_METERED_TYPES = frozenset({1, 512, 519, 0xFFFE})


@dataclass(frozen=True)
class Link:
    """A network interface.

    Attributes
    ----------
    index : int
        The kernel's number of it.
    name : str
    is_up, is_loopback : bool
    device_type : int
        ARPHRD_* of linux/if_arp.h.
    kind : str
        Of a virtual interface, such as ``veth``, ``vlan`` or ``bridge``; empty for hardware.
    master : int
        Index of the bridge or bond that it is a port of, 0 for none.
    lower : int
        Index of the interface that it stands on, as a VLAN does, 0 for none.
    """

    index: int
    name: str
    is_up: bool
    is_loopback: bool
    device_type: int
    kind: str
    master: int
    lower: int


def links() -> list[Link]:
    """List all interfaces.

    Not from ``/sys``, which may show another network namespace than that of this process.
    """
    found: list[Link] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        ask = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        kernel.send(_MESSAGE.pack(_MESSAGE.size + len(ask), _RTM_GETLINK, _NLM_F_REQUEST_DUMP, 1, 0) + ask)
        while True:
            for kind, body in _messages(kernel.recv(_ANSWER_BYTES)):
                if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                    return found
                if kind == _RTM_NEWLINK:
                    found.append(_link(body))


def watchable(listed: list[Link]) -> list[str]:
    """Give the names of those interfaces that together show every packet once, as far as that is possible.

    They are up and carry IP. Loopback is left out; so are ports of a bridge or bond and VLANs where the
    bridge, the bond or the interface below is up itself: their packets are seen there.
    """
    up = {link.index for link in listed if link.is_up}
    return [
        link.name
        for link in listed
        if link.is_up
        and not link.is_loopback
        and link.device_type in _METERED_TYPES
        and link.master not in up
        and not (link.kind == "vlan" and link.lower in up)
    ]


def is_up(name: str) -> bool:
    """Whether an interface exists and is up."""
    return any(link.name == name and link.is_up for link in links())


def index_of(name: str) -> int:
    """The kernel's number of an interface, 0 for one that is not there."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each message of an answer."""
    at = 0
    while at + _MESSAGE.size <= len(data):
        length, kind, *_ = _MESSAGE.unpack_from(data, at)
        yield kind, data[at + _MESSAGE.size : at + length]
        at += _aligned(length)


def _link(body: bytes) -> Link:
    _, device_type, index, flags, _ = _LINK.unpack_from(body)
    attributes = _attributes(body[_LINK.size :])
    info = _attributes(attributes.get(_IFLA_LINKINFO, b""))
    return Link(
        index=index,
        name=_text(attributes.get(_IFLA_IFNAME, b"")),
        is_up=bool(flags & _IFF_UP),
        is_loopback=bool(flags & _IFF_LOOPBACK),
        device_type=device_type,
        kind=_text(info.get(_IFLA_INFO_KIND, b"")),
        master=_number(attributes.get(_IFLA_MASTER)),
        lower=_number(attributes.get(_IFLA_LINK)),
    )


def _attributes(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        found[kind] = data[at + _ATTRIBUTE.size : at + length]
        at += max(_aligned(length), _ATTRIBUTE.size)
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="surrogateescape")


def _number(value: bytes | None) -> int:
    return int.from_bytes(value, sys.byteorder) if value else 0
