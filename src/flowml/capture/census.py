"""Counts the packets of a capture and says, packet by packet, why the engine will leave some of them out.

NFStream's engine ignores packets silently. This follows what it was seen to do on each link layer, so that
packets in the file can be set against packets metered, with a reason for every difference.
"""

from collections import Counter
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowml.capture.extension import extension
from flowml.capture.framing import PacketRun, PcapWalker

ETHERNET, LINUX_COOKED, RAW_IP, IPV4_LINK, IPV6_LINK = 1, 113, (12, 101), 228, 229
CLASSIFIED_LINKS = (ETHERNET, LINUX_COOKED, *RAW_IP, IPV4_LINK, IPV6_LINK)

_IPV4, _IPV6, _VLAN, _PPPOE, _MPLS, _SERVICE_VLAN = 0x0800, 0x86DD, 0x8100, 0x8864, (0x8847, 0x8848), 0x88A8
_EXTENSION_HEADERS = (0, 43, 60, 135)  # hop-by-hop, routing, destination options, mobility (RFC 8200, 6275)
_TUNNEL_PORTS = (2152, 5247, 37008)  # GTP-U, CAPWAP data, TZSP: what NFStream calls decode_tunnels
_NESTING = (
    4  # tags, labels, tunnels and extension headers are followed that deep; more is not seen in practice
)

NOT_IP = "not IP (ARP, spanning tree and the like)"
SERVICE_VLAN = "802.1ad (QinQ) service tags, which NFStream does not read"
FRAGMENT = "IP fragments after the first"
TRUNCATED = "IPv6 packets longer than what was captured of them (capture with a snapshot length of 0)"
SHORT = "too little captured to find the addresses"
MALFORMED = "IP headers whose lengths contradict each other (length 0: large segment offload)"
REASONS = (NOT_IP, SERVICE_VLAN, FRAGMENT, TRUNCATED, SHORT, MALFORMED)
# of packets that were left out and whose headers say no reason
IN_TUNNEL, UNKNOWN = "in tunnels without IP inside", "of unknown reason"


@dataclass
class Census:
    """What a capture holds.

    Attributes
    ----------
    packets : int
        Packets in the file.
    ignored : Counter of str
        Packets that the engine will leave out, by reason.
    late_packets : int
        Packets with a time more than a millisecond before an earlier one's.
    tunnelled : int
        UDP packets of the tunnels that the engine opens; what is in them decides whether it counts them.
    timeless : int
        Packets without a time, or with one that no clock has shown.
    latest_us, most_late_us : int
        Newest time so far, and the longest way back from it.
    """

    link_type: int
    packets: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    late_packets: int = 0
    tunnelled: int = 0
    timeless: int = 0
    latest_us: int = 0
    most_late_us: int = 0

    @property
    def is_classified(self) -> bool:
        """Whether the reasons are known for this link layer."""
        return self.link_type in CLASSIFIED_LINKS

    @property
    def meterable(self) -> int:
        """Packets that a meter is sure to count."""
        return self.packets - self.ignored.total() - self.tunnelled

    def unexplained(self, packets: int) -> Counter[str]:
        """Name the reason of so many packets that were left out beyond `ignored`."""
        return +Counter({IN_TUNNEL if packets <= self.tunnelled else UNKNOWN: packets})

    def add(self, run: PacketRun) -> None:
        """Count the packets of `run`."""
        if not len(run.starts):
            return
        self.packets += len(run.starts)
        if fast := extension():
            self._count_fast(fast, run)
            return
        self._watch_the_time(run.time_us)
        if self.is_classified:
            headers = _Headers(_unusual(run, self.link_type), self.link_type)
            verdicts = headers.verdicts()
            self.tunnelled += int(headers.tunnelled.sum())
            self._ignore([int((verdicts == code).sum()) for code in _CODES])

    def add_file(self, walker: PcapWalker) -> None:
        """Count what lies before `walker`, up to a packet that is not plainly good, and put it there."""
        if fast := extension():
            counted = self._counted()
            walker.position, packets = fast.count_pcap(
                *walker.plain(), self.link_type, self.is_classified, counted
            )
            self.packets += packets
            self._take(counted)

    def _count_fast(self, fast: ModuleType, run: PacketRun) -> None:
        """Do in C what the rest of this module does, one packet after the other."""
        counted = self._counted()
        columns = (run.data, run.starts, run.captured_bytes, run.time_us)
        fast.count_packets(*columns, self.link_type, self.is_classified, counted)
        self._take(counted)

    def _counted(self) -> NDArray[np.int64]:
        counted = np.zeros(5 + 1 + len(REASONS), np.int64)
        counted[:2] = self.latest_us, self.most_late_us
        return counted

    def _take(self, counted: NDArray[np.int64]) -> None:
        self.latest_us, self.most_late_us, late, timeless, tunnelled, _metered, *ignored = counted.tolist()
        self.late_packets += late
        self.timeless += timeless
        self.tunnelled += tunnelled
        self._ignore(ignored)

    def _ignore(self, counts: list[int]) -> None:
        """Count packets that are left out, given in the order of `REASONS`."""
        self.ignored.update(dict(zip(REASONS, counts, strict=True)))
        self.ignored = +self.ignored

    def _watch_the_time(self, time_us: NDArray[np.int64]) -> None:
        newest = np.maximum.accumulate(np.maximum(time_us, self.latest_us))
        back = np.where(time_us < 0, 0, newest - time_us)
        self.timeless += int((time_us < 0).sum())
        self.late_packets += int((back > 1000).sum())
        self.most_late_us = max(self.most_late_us, int(back.max()))
        self.latest_us = int(newest[-1])


def why_ignored(
    heads: NDArray[np.uint8], captured_bytes: NDArray[np.integer[Any]], link_type: int
) -> Counter[str]:
    """Say why the engine left out packets of an interface.

    Parameters
    ----------
    heads : ndarray of uint8, shape (n, length)
        The first bytes of each packet.
    captured_bytes : ndarray of int, shape (n,)
        Captured length of each, which may be more.
    link_type : int
        Of all of them.

    Returns
    -------
    Counter of str
        n packets in total, by reason.
    """
    n, length = heads.shape
    starts = np.arange(n, dtype=np.int64) * length
    census = Census(link_type)
    census.add(PacketRun(heads.reshape(-1), starts, captured_bytes.astype(np.int64), np.zeros(n, np.int64)))
    return census.ignored + census.unexplained(n - census.ignored.total())


_CODES = dict(enumerate(REASONS, start=1))
_CODE_OF = {reason: code for code, reason in _CODES.items()}


def _unusual(run: PacketRun, link_type: int) -> PacketRun:
    """Leave out the packets that are metered beyond doubt, which are nearly all: plain TCP over Ethernet.

    That is IPv4 without options, fragment or contradiction, or IPv6 captured whole.
    """
    if link_type != ETHERNET or len(run.data) < 64:
        return run
    at, last = run.starts, len(run.data) - 1

    def byte(offset: int) -> NDArray[np.uint8]:
        return run.data[np.minimum(at + offset, last)]

    ipv4 = (byte(12) == 0x08) & (byte(13) == 0) & (byte(14) == 0x45) & (byte(23) == 6)
    ipv4 &= (byte(16) | (byte(17) >= 20)).astype(bool)  # a total length of at least the header
    ipv4 &= (byte(20) & 0x1F == 0) & (byte(21) == 0) & (run.captured_bytes >= 34)
    ipv6 = (byte(12) == 0x86) & (byte(13) == 0xDD) & (byte(14) >> 4 == 6) & (byte(20) == 6)
    payload = byte(18).astype(np.int64) << 8 | byte(19)
    ipv6 &= run.captured_bytes >= 54 + payload
    kept = ~(ipv4 | ipv6)
    return PacketRun(run.data, at[kept], run.captured_bytes[kept], run.time_us[kept])


class _Headers:
    """The headers of many packets at once; `verdict` is 0 while a packet is still to be metered."""

    def __init__(self, run: PacketRun, link_type: int) -> None:
        self._data = run.data
        self._starts = run.starts
        self._captured = run.captured_bytes
        self.verdict = np.zeros(len(run.starts), np.int8)
        self.tunnelled = np.zeros(len(run.starts), bool)
        self._open = np.ones(len(run.starts), bool)
        self._layer3 = np.zeros(len(run.starts), np.int64)
        self._type = np.full(len(run.starts), _IPV4, np.int64)
        self._link(link_type)

    def _byte(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Byte number `at` of every packet; what lies behind the data reads as its last byte."""
        octets: NDArray[np.uint8] = self._data[np.minimum(self._starts + at, len(self._data) - 1)]
        return octets.astype(np.int64)

    def _word(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._byte(at) << 8 | self._byte(at + 1)

    def _close(self, where: NDArray[np.bool_], reason: str = "") -> None:
        """Decide the packets at `where` that are still open."""
        chosen = self._open & where
        if reason:
            self.verdict[chosen] = _CODE_OF[reason]
        self._open &= ~where

    def _link(self, link_type: int) -> None:
        zero = np.zeros_like(self._layer3)
        if link_type == ETHERNET:
            self._layer3, self._type = zero + 14, self._word(zero + 12)
            self._skip_snap()
        elif link_type == LINUX_COOKED:
            self._layer3, self._type = zero + 16, self._word(zero + 14)
        elif link_type in RAW_IP:
            self._type = np.where(self._byte(zero) >> 4 == 6, _IPV6, _IPV4)
        self._close(self._captured < 28, SHORT)  # the engine's least: an IPv4 and a UDP header
        if link_type in (ETHERNET, LINUX_COOKED):
            self._skip_tags()

    def _skip_snap(self) -> None:
        """Where the type is a length, an LLC header follows, and a SNAP header with the type after it."""
        snap = (self._type <= 1500) & (self._byte(self._layer3) == 0xAA)
        self._type = np.where(snap, self._word(self._layer3 + 6), self._type)
        self._layer3 += 8 * snap

    def _skip_tags(self) -> None:
        for _ in range(_NESTING):
            vlan, pppoe = self._type == _VLAN, self._type == _PPPOE
            mpls = np.isin(self._type, _MPLS)
            inner = self._word(self._layer3 + 2)
            last_label = self._byte(self._layer3 + 2) & 1 == 1
            self._type = np.where(vlan, inner, np.where(pppoe | mpls & last_label, _IPV4, self._type))
            self._layer3 += 4 * (vlan | mpls) + 8 * pppoe
        self._close(self._type == _SERVICE_VLAN, SERVICE_VLAN)
        self._close((self._type != _IPV4) & (self._type != _IPV6), NOT_IP)

    def verdicts(self) -> NDArray[np.int8]:
        """Code of the reason to ignore each packet, 0 for those that are metered, shape (n,)."""
        for _ in range(_NESTING):
            self._close(self._captured < self._layer3 + 20, SHORT)
            version = self._byte(self._layer3) >> 4
            self._close((version != 4) & (version != 6), NOT_IP)
            inner = np.where(version == 4, self._ipv4(version == 4), self._ipv6(version == 6))
            self._layer3 = np.where(self._open, inner, self._layer3)
        return self.verdict

    def _ipv4(self, mine: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Decide the IPv4 packets; those that carry IP stay open: give where it begins."""
        start = self._layer3
        header, protocol = (self._byte(start) & 15) * 4, self._byte(start + 9)
        tunnel = mine & ((protocol == 4) | (protocol == 41)) & (header > 0)
        plain = mine & ~tunnel
        self._close(plain & (self._type == _IPV4) & (self._word(start + 6) & 0x1FFF != 0), FRAGMENT)
        self._udp(plain & (protocol == 17), start + header)
        self._close(plain & (header > self._captured - start), MALFORMED)
        self._close(plain & (self._word(start + 2) < header), MALFORMED)
        self._close(plain)
        return start + header

    def _udp(self, mine: NDArray[np.bool_], start: NDArray[np.int64]) -> None:
        self._close(mine & (self._captured < start + 8), SHORT)
        ports = np.isin(self._word(start), _TUNNEL_PORTS) | np.isin(self._word(start + 2), _TUNNEL_PORTS)
        self.tunnelled |= mine & self._open & ports

    def _ipv6(self, mine: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Decide the IPv6 packets; those that carry IP stay open: give where it begins."""
        start = self._layer3
        self._close(mine & (self._captured < start + 40), SHORT)
        self._close(mine & (self._captured < start + 40 + self._word(start + 4)), TRUNCATED)
        protocol, layer4 = self._byte(start + 6), start + 40
        for _ in range(_NESTING):
            extension, fragment = np.isin(protocol, _EXTENSION_HEADERS), protocol == 44
            self._close(mine & fragment & (self._word(layer4 + 2) >> 3 != 0), FRAGMENT)
            following = layer4 + np.where(fragment, 8, (self._byte(layer4 + 1) + 1) * 8)
            protocol, layer4 = (
                np.where(extension | fragment, self._byte(layer4), protocol),
                np.where(extension | fragment, following, layer4),
            )
        self._close(mine & (protocol == 59), MALFORMED)  # no next header: nothing to meter
        self._udp(mine & (protocol == 17), layer4)
        self._close(mine & (protocol != 4) & (protocol != 41))
        return layer4
