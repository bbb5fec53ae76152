"""The packets of some connections, cut out of the rings of headers by five-tuple and time."""

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import zip_longest
from pathlib import Path

import numpy as np

from flowml.capture.framing import PacketRun, PcapWalker
from flowml.capture.header_ring import FILE_HEADER, files_of
from flowml.errors import CaptureError
from flowml.flows.key import FlowKey
from flowml.whole_files import unfinished_beside

MAX_BYTES = 128 << 20  # of a slice: in memory, also that of the dashboard
_RECORD_HEADER_BYTES = 16
_MAGIC = 0xA1B2C3D4
_EXTENSIONS = {0, 43, 60, 135}  # IPv6: hop-by-hop, routing, destination options, mobility
_FRAGMENT = 44
_NESTING = 8


@dataclass(frozen=True)
class Cut:
    """Whose packets are wanted.

    Attributes
    ----------
    interface : str
        Where they were seen.
    key : FlowKey
    since_ms : int
        When the connection began (epoch, ms); what its ports were used for before is none of it.
    """

    interface: str
    key: FlowKey
    since_ms: int


def write_slice(folder: Path, cuts: Iterable[Cut], target: Path) -> int:
    """Write the packets of some connections into a pcap file, in the order of time.

    Parameters
    ----------
    folder : Path
        Of the rings.
    cuts : iterable of Cut
    target : Path
        Appears when it is whole.

    Returns
    -------
    int
        How many packets; 0: nothing of them is kept any more, and nothing was written.

    Raises
    ------
    CaptureError
        The rings cannot be read, or the file not be written.
    """
    packets, data = read_slice(folder, cuts)
    if packets:
        with _named(target), unfinished_beside(target) as unfinished:
            unfinished.write_bytes(data)
            unfinished.replace(target)
    return packets


def read_slice(folder: Path, cuts: Iterable[Cut]) -> tuple[int, bytes]:
    """Give the same as bytes: how many packets, and the file; raises as `write_slice` does."""
    found: dict[tuple[int, bytes], int] = {}
    size = 0
    with _named(folder):
        for cut in cuts:
            for time_us, record, link_type in _records(folder, cut):
                found[time_us, record] = link_type
                size += len(record)
                if size > MAX_BYTES:
                    raise CaptureError(
                        f"{folder}: more than {MAX_BYTES >> 20} MiB of headers are of these connections; "
                        "read the files with tshark"
                    )
    if len(set(found.values())) > 1:
        raise CaptureError(f"{folder}: these connections were seen on different link layers; use tshark")
    header = [FILE_HEADER.pack(_MAGIC, 2, 4, 0, 0, 262_144, link) for link in set(found.values())]
    return len(found), b"".join([*header, *(record for _, record in sorted(found))])


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a line that names the file."""
    try:
        yield
    except OSError as error:
        raise CaptureError(f"{error.filename or path}: {error.strerror or error}") from error


def _records(folder: Path, cut: Cut) -> Iterator[tuple[int, bytes, int]]:
    """Give time (us), pcap record and link type of each packet of a connection."""
    files = files_of(folder, cut.interface)
    for path, later in zip_longest(files, files[1:]):
        end_us = None if later is None else int(later.stem)
        if end_us is not None and end_us < cut.since_ms * 1000:
            continue
        try:
            with path.open("rb") as file:
                if path.stat().st_size <= FILE_HEADER.size:
                    continue
                walker = PcapWalker(file)  # it stops at a record that a killed sensor did not end
                for run in walker.runs():
                    yield from ((*found, walker.interfaces[0].link_type) for found in _of_run(run, cut))
        except FileNotFoundError:  # the ring has turned meanwhile
            continue


def _of_run(run: PacketRun, cut: Cut) -> Iterator[tuple[int, bytes]]:
    data = run.data.tobytes()
    for number, place in sorted(_candidates(data, run, cut.key)):
        start, time_us = int(run.starts[number]), int(run.time_us[number])
        end = start + int(run.captured_bytes[number])
        if time_us >= cut.since_ms * 1000 and _is_of(data[start:end], place - start, cut.key):
            yield time_us, data[start - _RECORD_HEADER_BYTES : end]


def _candidates(data: bytes, run: PacketRun, key: FlowKey) -> Iterator[tuple[int, int]]:
    """Give number of packet and place, wherever both addresses stand beside each other."""
    client, server = (ip_address(text).packed for text in (key.client_ip, key.server_ip))
    for needle in {client + server, server + client}:
        place = data.find(needle)
        while place >= 0:
            number = int(np.searchsorted(run.starts, place, side="right")) - 1
            if number >= 0:
                yield number, place
            place = data.find(needle, place + 1)


def _is_of(packet: bytes, place: int, key: FlowKey) -> bool:
    """Whether the addresses at this place are those of an IP header of the connection."""
    is_ipv4 = ":" not in key.client_ip
    start = place - (12 if is_ipv4 else 8)
    if start < 0:
        return False
    try:
        protocol, transport = (_ipv4 if is_ipv4 else _ipv6)(packet, start)
        source, target = struct.unpack_from("!HH", packet, transport)
    except (IndexError, struct.error):  # cut before the ports
        return False
    length = 4 if is_ipv4 else 16
    sender = packet[place : place + length]
    ends = {(ip_address(key.client_ip).packed, key.client_port, key.server_port)}
    ends |= {(ip_address(key.server_ip).packed, key.server_port, key.client_port)}
    return protocol == key.protocol and (sender, source, target) in ends


def _ipv4(packet: bytes, start: int) -> tuple[int, int]:
    """Protocol and place of the transport header; protocol 0 where there is none."""
    is_whole = packet[start] >> 4 == 4 and not struct.unpack_from("!H", packet, start + 6)[0] & 0x1FFF
    return packet[start + 9] if is_whole else 0, start + (packet[start] & 15) * 4


def _ipv6(packet: bytes, start: int) -> tuple[int, int]:
    protocol, at = packet[start + 6], start + 40
    for _ in range(_NESTING):
        if protocol == _FRAGMENT:
            is_later = struct.unpack_from("!H", packet, at + 2)[0] >> 3
            protocol, at = (0 if is_later else packet[at]), at + 8
        elif protocol in _EXTENSIONS:
            protocol, at = packet[at], at + (packet[at + 1] + 1) * 8
    return (protocol if packet[start] >> 4 == 6 else 0), at
