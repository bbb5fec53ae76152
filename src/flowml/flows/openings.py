"""Openings: which servers clients named lately, to tell which page started a miner in a browser."""

import numpy as np

from flowml.flows.batch import FlowBatch
from flowml.flows.key import TCP
from flowml.schema import DST_PORT, FIRST_SEEN_MS, MAX_ADDRESS_CHARS, PROTOCOL, SERVER_NAME, SRC_IP, SRC_SYN

UDP, QUIC_PORT = 17, 443
NAME_BYTES = 80
CAPACITY = 131_072
"""At 1,000 connections a second two minutes: the minute before one that is judged at 60 s. Takes 18 MB when
it is full, and memory is only touched as it fills."""

_ENTRY = np.dtype([("client_ip", f"S{MAX_ADDRESS_CHARS}"), ("time_ms", "i8"), ("name", f"S{NAME_BYTES}")])


class Openings:
    """A bounded memory of connections that named their server (TLS SNI or HTTP host); the oldest goes first.

    Evidence for people: nothing of it is a feature.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._ring = np.zeros(capacity, _ENTRY)
        self._next = 0

    def note(self, batch: FlowBatch) -> None:
        """Remember the beginnings of connections; later records of one and names of DNS queries are none."""
        begins = (batch[PROTOCOL] == TCP) & (batch[SRC_SYN] > 0)
        begins |= (batch[PROTOCOL] == UDP) & (batch[DST_PORT] == QUIC_PORT)
        rows = np.flatnonzero(begins & (batch[SERVER_NAME] != b""))[-len(self._ring) :]
        if not len(rows):
            return
        fresh = np.zeros(len(rows), _ENTRY)
        fresh["client_ip"], fresh["time_ms"] = batch[SRC_IP][rows], batch[FIRST_SEEN_MS][rows]
        fresh["name"] = batch[SERVER_NAME][rows]
        self._ring[(self._next + np.arange(len(rows))) % len(self._ring)] = fresh
        self._next = (self._next + len(rows)) % len(self._ring)

    def before(
        self, client_ip: str, start_ms: int, within_s: float = 60.0, at_most: int = 5
    ) -> tuple[str, ...]:
        """Name what a client opened in the time before a connection, newest first, each name once."""
        earliest = start_ms - int(within_s * 1000)
        time_ms = self._ring["time_ms"]
        rows = np.flatnonzero((time_ms >= earliest) & (time_ms < start_ms))
        rows = rows[self._ring["client_ip"][rows] == client_ip.encode()]
        rows = rows[np.argsort(-time_ms[rows], kind="stable")]
        names = dict.fromkeys(name.decode(errors="replace") for name in self._ring["name"][rows].tolist())
        return tuple(names)[:at_most]
