"""What stands in front of a meter: whether a file is a capture, of which kind, whole and readable.

The kind is told by the first bytes, never by the name. Compressed captures are unpacked into a temporary
file on the way; a damaged one, if allowed, is cut there to its intact part.
"""

import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard

from flowml.capture.census import ETHERNET, Census
from flowml.capture.framing import (
    PCAP_MAGICS,
    PCAPNG_MAGIC,
    Damage,
    Interface,
    PcapWalker,
    write_pcap,
)
from flowml.capture.pcapng import PcapngWalker
from flowml.errors import CaptureError
from flowml.signals import held_signals

COPY_BYTES = 1 << 20
# bytes that are unpacked at once: gzip makes of one at most a thousand, Zstandard of four at most 128 KiB
GZIP_BYTES, ZSTD_BYTES = 1 << 16, 1 << 10
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

# link types (tcpdump.org/linktypes.html) from which NFStream 6.6.0 takes flows; it drops all others silently
METERED_LINKS = {
    0: "BSD loopback", 1: "Ethernet", 9: "PPP", 12: "raw IP", 50: "PPP in HDLC framing", 101: "raw IP",
    104: "Cisco HDLC", 113: "Linux cooked", 127: "802.11 with radiotap", 228: "raw IPv4", 229: "raw IPv6",
}  # fmt: skip
_OTHER_LINKS = {108: "OpenBSD loopback", 276: "Linux cooked v2 (tcpdump -i any)", 105: "802.11", 189: "USB"}


@dataclass(frozen=True)
class CaptureSource:
    """A capture that a meter can read.

    Attributes
    ----------
    path : Path
        What the operator named.
    readable_path : Path
        What the engine opens: `path` itself, or a temporary file.
    link_type : int
        Link layer of its packets.
    census : Census
        How many packets it holds.
    damage : Damage or None
        Where it stops making sense; only the part before is in `readable_path`.
    """

    path: Path
    readable_path: Path
    link_type: int
    census: Census
    damage: Damage | None


@contextmanager
def open_capture(path: Path, *, allow_partial: bool = False) -> Iterator[CaptureSource]:
    """Check a capture file and make it readable for the engine.

    Parameters
    ----------
    path : Path
        A pcap or pcapng file, plain or packed with gzip or Zstandard.
    allow_partial : bool
        Take what comes before the damage of a cut or corrupt file.

    Yields
    ------
    CaptureSource
        Valid inside the block; temporary files are removed after it.

    Raises
    ------
    CaptureError
        The file cannot be metered; one line that says why and what to do.
    """
    with ExitStack() as stack:
        readable, start, broken = path, _first_bytes(path), None
        if start.startswith((_GZIP_MAGIC, _ZSTD_MAGIC)):
            readable = _temporary(stack)
            broken = _unpack(path, readable, start)
            start = _head(readable)
        _require_capture(path, start, broken)
        source, interfaces = _walk(path, readable, broken)
        damage = source.damage
        if damage and not allow_partial:
            raise CaptureError(
                f"{path}: cut or corrupt at byte {damage.offset}: {damage.what}; "
                f"{source.census.packets} packets before it are intact, --allow-partial meters them"
            )
        if len({interface.snapshot_bytes for interface in interfaces}) > 1:
            source = _rewritten(source, _temporary(stack), _join)
        elif damage:
            source = _rewritten(source, _temporary(stack), _cut)
        yield source


def _temporary(stack: ExitStack) -> Path:
    """A file name in a folder of its own that lasts as long as `stack`."""
    with held_signals():  # one between the making and what removes it would leave it there
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="flowml-"))
    return Path(folder) / "capture"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(24)


def _first_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise CaptureError(f"{path}: is a directory, expected a capture file; name the files in it")
        if path.exists() and not path.is_file():
            raise CaptureError(
                f"{path}: is a device or pipe, expected a capture file; save the capture first"
            )
        return _head(path)
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such file; expected a pcap or pcapng capture") from None
    except PermissionError:
        raise CaptureError(f"{path}: not readable for this user; allow reading it (chmod, group)") from None
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read: {error.strerror}") from error


class _Stream(Protocol):
    """One gzip member or Zstandard frame that is being unpacked."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _unpack(path: Path, target: Path, start: bytes) -> Damage | None:
    """Decompress `path` into `target`; give the damage if the compressed stream is cut or corrupt."""
    is_gzip = start.startswith(_GZIP_MAGIC)
    with _room_for(path, target), path.open("rb") as packed, target.open("wb") as out:
        stream = _stream(is_gzip)
        while data := packed.read(GZIP_BYTES if is_gzip else ZSTD_BYTES):
            try:
                out.write(stream.decompress(data))
                while rest := stream.unused_data.lstrip(b"\0"):  # padding with zeros is customary
                    stream = _stream(is_gzip)
                    out.write(stream.decompress(rest))
            except (zlib.error, zstandard.ZstdError) as error:
                return Damage(out.tell(), f"its compression is broken ({error})")
        return None if stream.eof else Damage(out.tell(), "its compressed data are cut")


def _stream(is_gzip: bool) -> _Stream:
    return zlib.decompressobj(wbits=31) if is_gzip else zstandard.ZstdDecompressor().decompressobj()


@contextmanager
def _room_for(path: Path, target: Path) -> Iterator[None]:
    """Say what to do where the temporary file does not fit."""
    try:
        yield
    except OSError as error:
        raise CaptureError(
            f"{path}: cannot be copied into {target.parent}: {error.strerror}; "
            "free space there or point TMPDIR elsewhere"
        ) from error


def _require_capture(path: Path, start: bytes, broken: Damage | None) -> None:
    """Refuse what is no capture by its first 24 bytes."""
    if broken and len(start) < 24:
        raise CaptureError(f"{path}: {broken.what} before its first packet; copy it again")
    if not start:
        raise CaptureError(f"{path}: empty, expected a pcap or pcapng capture; record it again")
    magic = int.from_bytes(start[:4], "little")
    if magic not in (*PCAP_MAGICS, PCAPNG_MAGIC):
        raise CaptureError(
            f"{path}: no capture: starts with {start[:4].hex(' ')}, "
            "expected the magic number of pcap, pcapng, gzip or Zstandard; convert it with editcap"
        )
    if len(start) < 24:
        raise CaptureError(f"{path}: only {len(start)} bytes of the file header; record it again")


def _walker(file: BinaryIO) -> PcapWalker | PcapngWalker:
    is_pcapng = file.read(4) == PCAPNG_MAGIC.to_bytes(4, "little")
    file.seek(0)
    return PcapngWalker(file) if is_pcapng else PcapWalker(file)


def _walk(path: Path, readable: Path, broken: Damage | None) -> tuple[CaptureSource, list[Interface]]:
    """Count the packets of the file and check its interfaces."""
    with readable.open("rb") as file:
        walker = _walker(file)
        census: Census | None = None
        if isinstance(walker, PcapWalker):
            census = Census(walker.interfaces[0].link_type)
            census.add_file(walker)
        for run in walker.runs():
            if census is None and walker.interfaces:
                census = Census(walker.interfaces[0].link_type)
            if census is not None:
                census.add(run)
    census = census or Census(walker.interfaces[0].link_type if walker.interfaces else ETHERNET)
    _require_link(path, census.link_type, walker.interfaces)
    damage = walker.damage
    if broken:  # the compressed stream broke off: say so, at the last intact packet
        damage = Damage(damage.offset if damage else broken.offset, broken.what)
    return CaptureSource(path, readable, census.link_type, census, damage), walker.interfaces


def _require_link(path: Path, link_type: int, interfaces: list[Interface]) -> None:
    """Refuse link layers from which the engine would silently give nothing."""
    others = {interface.link_type for interface in interfaces} - {link_type}
    if others:
        raise CaptureError(
            f"{path}: interfaces of different link types ({_name(link_type)}, "
            f"{', '.join(map(_name, sorted(others)))}), expected one; split it: "
            "tshark -r IN -Y 'frame.interface_id == 0' -w OUT.pcapng"
        )
    if link_type not in METERED_LINKS:
        raise CaptureError(
            f"{path}: link type {_name(link_type)} cannot be metered, expected Ethernet, raw IP, Linux "
            "cooked v1 or one of their kind; record on one interface, or with tcpdump -y LINUX_SLL"
        )


def _name(link_type: int) -> str:
    name = METERED_LINKS.get(link_type) or _OTHER_LINKS.get(link_type)
    return f"{link_type} ({name})" if name else str(link_type)


def _rewritten(
    source: CaptureSource, target: Path, write: Callable[[CaptureSource, Path], None]
) -> CaptureSource:
    """The same capture, to be read from `target`, after `write` made that."""
    with _room_for(source.path, target):
        write(source, target)
    return replace(source, readable_path=target)


def _cut(source: CaptureSource, target: Path) -> None:
    """Copy the intact part of a damaged capture; libpcap would read on behind the damage."""
    left = source.damage.offset if source.damage else 0
    with source.readable_path.open("rb") as whole, target.open("wb") as out:
        while left and (chunk := whole.read(min(left, COPY_BYTES))):
            out.write(chunk)
            left -= len(chunk)


def _join(source: CaptureSource, target: Path) -> None:
    """Copy all packets under one header: libpcap takes no second interface with another snapshot length."""
    with source.readable_path.open("rb") as file:
        write_pcap(target, _walker(file).runs(), source.link_type)
