"""What a network card does to packets before a capture sees them."""

import array
import fcntl
import socket
import struct

# linux/ethtool.h and linux/sockios.h
_SIOCETHTOOL = 0x8946
_QUERIES = {"gro": 0x2B, "gso": 0x23, "tso": 0x1E}
_GET_FLAGS, _LRO_FLAG = 0x25, 1 << 15


def _query(control: socket.socket, interface: str, command: int) -> int:
    """Ask one of ethtool's questions; 0 where the driver has no answer."""
    value = array.array("I", [command, 0])
    request = struct.pack("16sP8x", interface.encode(), value.buffer_info()[0])
    try:
        fcntl.ioctl(control.fileno(), _SIOCETHTOOL, request)
    except OSError:
        return 0
    return value[1]


def joining_offloads(interface: str) -> list[str]:
    """Offloads of `interface` that are on and join packets into longer ones, by ethtool's short names.

    A joined packet counts once, with the size of all: message sizes and gaps are no longer those on the wire.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        found = [name for name, command in _QUERIES.items() if _query(control, interface, command)]
        if _query(control, interface, _GET_FLAGS) & _LRO_FLAG:
            found.append("lro")
    return found


def offload_warning(interface: str) -> str | None:
    """Warn of joined packets, with the command that stops it; None where there are none."""
    found = joining_offloads(interface)
    if not found:
        return None
    switches = " ".join(f"{name} off" for name in found)
    return (
        f"{interface}: {', '.join(found).upper()} on: packets are joined before they are seen, sizes are "
        f"wrong; turn it off with: ethtool -K {interface} {switches}"
    )
