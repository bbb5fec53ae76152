"""Where an engine's packets come from: one open libpcap capture, of a file or of an interface."""

import ctypes
import os
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowml.capture.engine import Engine
from flowml.capture.framing import PCAP_MAGICS, PcapWalker
from flowml.capture.links import is_up, links
from flowml.errors import CaptureError

FILE, INTERFACE = 0, 1  # the engine's modes
ERROR_BYTES = 256  # PCAP_ERRBUF_SIZE
RING_TIMEOUT_MS = 100  # the kernel hands over what it has after this time; the engine alone would wait 1 s
RAW_IP = 101  # LINKTYPE_RAW
_DLT_RAW = 12  # what libpcap calls it here; files must not
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_HEADERS_BYTES = 128  # Ethernet, a tag, IP, GTP-U and all of TCP in it have 94, some with options more
_READ_BYTES = 1 << 17  # of a file at once; a processor's own cache holds it
_IOFBF, _FSETLOCKING_BYCALLER = 0, 2  # stdio.h, stdio_ext.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT_BYTES, _MAPPED_BYTES = 128 << 20, 32 << 20  # the second is glibc's upper limit
_REFUSE_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)  # linux/filter.h: return 0, no byte of any packet


@dataclass(frozen=True)
class RingSettings:
    """The ring between kernel and meter.

    Attributes
    ----------
    ring_bytes : int
        Its size: 64 MiB take half a second of a saturated gigabit link.
    snapshot_bytes : int
        Captured bytes per packet. Not fewer than a packet can have: the engine ignores IPv6 packets that
        are longer than what was captured of them.
    is_promiscuous : bool
        Take packets for other hosts too, as a tap must.
    """

    ring_bytes: int = 64 << 20
    snapshot_bytes: int = 65_535
    is_promiscuous: bool = True


class Capture:
    """One open libpcap capture; made by `open_file` and `open_interface`."""

    def __init__(self, engine: Engine, handle: Any, mode: int, descriptor: int = -1) -> None:
        self._engine = engine
        self._handle = handle
        self._mode = mode
        self.descriptor = descriptor
        self._buffer: ctypes.Array[ctypes.c_char] | None = None
        self.address = int(engine.ffi.cast("uintptr_t", handle))

    def kernel_counters(self) -> tuple[int, int]:
        """Packets that the kernel received for this capture, and those of them that it dropped."""
        counters = self._engine.ffi.new("struct nf_stat *")
        self._engine.library.capture_stats(self._handle, counters, self._mode)
        return int(counters.received), int(counters.dropped)

    @property
    def link_type(self) -> int:
        """Its link layer, as capture files name it."""
        found = self._engine.pcap_datalink(self._handle)
        return RAW_IP if found == _DLT_RAW else found

    def refuse_more(self) -> None:
        """Let no further packet in; what the kernel holds already can still be read."""
        program = ctypes.create_string_buffer(_REFUSE_ALL)
        with socket.socket(fileno=os.dup(self.descriptor)) as one:
            # struct sock_fprog: length in instructions, their address
            one.setsockopt(
                socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", 1, ctypes.addressof(program))
            )

    def read_quickly(self) -> None:
        """Let the C library read a file in large pieces, and without a lock: only one thread reads it.

        libpcap asks for two small pieces a packet. The C library alone would read 4 KiB at once.
        """
        self._buffer = ctypes.create_string_buffer(_READ_BYTES)
        file, libc = self._engine.pcap_file(self._handle), ctypes.CDLL(None)
        libc.setvbuf(file, self._buffer, _IOFBF, ctypes.c_size_t(_READ_BYTES))
        libc["__fsetlocking"](file, _FSETLOCKING_BYCALLER)

    def close(self) -> None:
        """Close it; a second time does nothing."""
        if self._handle is not None:
            self._engine.library.capture_close(self._handle)
            self._handle = self._buffer = None


def is_plain(path: Path) -> bool:
    """Whether a sound capture file can be read without libpcap, as `PlainFile`: pcap, with headers in full.

    Where ports lie behind what was captured of a packet, the engine takes what an earlier packet has left
    there: it must see all of them.
    """
    with path.open("rb") as file:
        if int.from_bytes(file.read(4), "little") not in PCAP_MAGICS:
            return False
        file.seek(0)
        return PcapWalker(file).interfaces[0].snapshot_bytes >= _HEADERS_BYTES


class PlainFile:
    """A pcap file that a packet loop reads by itself; made by `PacketLoop.open_plain`.

    Parameters
    ----------
    path : Path
        A sound pcap file.
    """

    address = 0  # no capture of libpcap's

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        walker = PcapWalker(self._file)
        self.layout = (*walker.plain(), walker.interfaces[0].link_type)

    def close(self) -> None:
        """Close it; the loop must not go on with it."""
        self._file.close()


def open_file(engine: Engine, path: str, bpf_filter: str = "") -> Capture:
    """Open a capture file.

    Parameters
    ----------
    engine : Engine
    path : str
        A plain pcap or pcapng file.
    bpf_filter : str
        Packets to meter, in libpcap's filter language; empty for all.

    Raises
    ------
    CaptureError
        libpcap cannot read the file or the filter.
    """
    error = engine.ffi.new(f"char[{ERROR_BYTES}]")
    handle = engine.library.capture_open(os.fsencode(path), FILE, error, 0)
    if handle == engine.ffi.NULL:
        raise CaptureError(f"{path}: libpcap cannot read it: {_text(engine, error)}")
    _set_filter(engine, handle, path, bpf_filter)
    capture = Capture(engine, handle, FILE)
    capture.read_quickly()
    keep_freed_memory()
    return capture


def keep_freed_memory() -> None:
    """Let glibc keep what is freed between two batches: to give it back and get it again takes long.

    Other C libraries have no such setting. A sensor, which runs for months, never opens a file.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def _set_filter(engine: Engine, handle: Any, source: str, bpf_filter: str) -> None:
    error = engine.ffi.new(f"char[{ERROR_BYTES}]")
    if bpf_filter and engine.library.capture_set_filter(handle, bpf_filter.encode(), error):
        raise CaptureError(
            f"{source}: {bpf_filter!r} is no packet filter, "
            "expected one of pcap-filter(7) such as 'tcp port 443'"
        )


def _text(engine: Engine, error: Any) -> str:
    return str(engine.ffi.string(error).decode(errors="replace")).strip()


def open_interface(engine: Engine, name: str, settings: RingSettings, bpf_filter: str = "") -> Capture:
    """Open a network interface; reading from it never waits.

    Raises
    ------
    CaptureError
        No such interface, no permission, or no memory for its ring.
    """
    error, library = engine.ffi.new(f"char[{ERROR_BYTES}]"), engine.library
    before = set(_packet_sockets())
    handle = library.capture_open(name.encode(), INTERFACE, error, settings.ring_bytes)
    if handle == engine.ffi.NULL:
        raise CaptureError(f"{name}: cannot be captured: {_text(engine, error)}")
    if (
        engine.pcap_set_timeout(handle, RING_TIMEOUT_MS)
        or library.capture_set_promisc(handle, INTERFACE, error, int(settings.is_promiscuous))
        or library.capture_set_snaplen(handle, INTERFACE, error, settings.snapshot_bytes)
        or library.capture_activate(handle, INTERFACE, error)
    ):  # the engine has closed the handle
        raise _refused(name)
    engine.pcap_setnonblock(handle)
    _set_filter(engine, handle, name, bpf_filter)
    opened = set(_packet_sockets()) - before
    if len(opened) != 1:
        raise CaptureError(f"{name}: libpcap opened {len(opened)} packet sockets, expected one; report this")
    return Capture(engine, handle, INTERFACE, opened.pop())


def _packet_sockets() -> list[int]:
    """Descriptors of this process that are AF_PACKET sockets."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        descriptor = int(entry.name)
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with socket.socket(fileno=os.dup(descriptor)) as one:
                if one.family == socket.AF_PACKET:
                    found.append(descriptor)
        except OSError:  # closed meanwhile, among them the descriptor that listed the folder
            continue
    return found


def _refused(name: str) -> CaptureError:
    """Why an interface could not be activated; the engine keeps libpcap's reason to itself."""
    names = [link.name for link in links()]
    if name not in names:
        return CaptureError(f"{name}: no such interface, expected one of {', '.join(names)}, or any")
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        return CaptureError(
            f"{name}: no permission to capture; run as root or with the capability CAP_NET_RAW "
            "(systemd: AmbientCapabilities=CAP_NET_RAW)"
        )
    except OSError as error:
        return CaptureError(f"{name}: cannot be captured: {error.strerror}")
    if not is_up(name):
        return CaptureError(f"{name}: is down; bring it up with: ip link set {name} up")
    return CaptureError(f"{name}: cannot be captured: libpcap refused it; try tcpdump -i {name} to see why")
