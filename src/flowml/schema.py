"""The table of everything that is metered: name, unit, dtype and meaning of every column.

Names follow NFStream's where NFStream has the figure, so that its documentation applies. A schema is
identified by the digest of its columns: a model remembers the digest it was fitted on and refuses another.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

MAX_ADDRESS_CHARS = 46  # INET6_ADDRSTRLEN of POSIX: the longest textual IPv6 address and its NUL


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        Name with its unit as the last word, unless it counts packets or is a name itself.
    dtype : str
        NumPy dtype string.
    unit : str
        Unit, or ``"-"`` for names, flags and ratios without one.
    meaning : str
        One sentence for the person who reads the table.
    """

    name: str
    dtype: str
    unit: str
    meaning: str

    @property
    def numpy_dtype(self) -> np.dtype[np.generic]:
        """The dtype as NumPy knows it."""
        return np.dtype(self.dtype)


def digest(columns: Iterable[Column]) -> str:
    """Identify a schema by its columns' names, dtypes and units.

    Parameters
    ----------
    columns : iterable of Column
        In their order, which counts.

    Returns
    -------
    str
        SHA-256 in hexadecimal. Meanings may be reworded without changing it.
    """
    text = "\n".join(f"{column.name}\t{column.dtype}\t{column.unit}" for column in columns)
    return hashlib.sha256(text.encode()).hexdigest()


# --- what every meter reports of a record -----------------------------------------------------------------

UID = Column("uid", "u8", "-", "identifier of the flow in its meter, kept through active timeouts")
SLICE = Column("slice", "u4", "-", "number of this record among those of its flow, from 0")
SRC_IP = Column("src_ip", f"S{MAX_ADDRESS_CHARS}", "-", "address of the sender of the record's first packet")
DST_IP = Column(
    "dst_ip", f"S{MAX_ADDRESS_CHARS}", "-", "address of the receiver of the record's first packet"
)
SRC_PORT = Column("src_port", "u2", "-", "port of the sender of the record's first packet")
DST_PORT = Column("dst_port", "u2", "-", "port of the receiver of the record's first packet")
PROTOCOL = Column("protocol", "u1", "-", "IP protocol number; 6 is TCP")
VLAN_ID = Column("vlan_id", "u2", "-", "innermost 802.1Q identifier, 0 without one")
FIRST_SEEN_MS = Column("bidirectional_first_seen_ms", "i8", "ms", "time of the record's first packet (epoch)")
LAST_SEEN_MS = Column("bidirectional_last_seen_ms", "i8", "ms", "time of the record's last packet (epoch)")
IS_FINAL = Column(
    "is_final",
    "?",
    "-",
    "the record closes its slice; if not, it is a snapshot, and a later record replaces its statistics",
)
COVERED_UNTIL_MS = Column(
    "covered_until_ms",
    "i8",
    "ms",
    "the meter vouches that every packet of this flow before this time is in this or an earlier record",
)
GAP_BEFORE = Column(
    "gap_before", "?", "-", "packets since the flow's previous record are left out before the first"
)
GAP_AFTER = Column(
    "gap_after", "?", "-", "packets of this record are left out after the last of the sequence"
)
APPLICATION_NAME = Column(
    "application_name", "S40", "-", "nDPI's name of the application: evidence, no feature"
)
SERVER_NAME = Column(
    "requested_server_name", "S80", "-", "TLS SNI, HTTP host or DNS name: evidence, no feature"
)

IDENTITY_COLUMNS = (
    UID, SLICE, SRC_IP, DST_IP, SRC_PORT, DST_PORT, PROTOCOL, VLAN_ID,
    FIRST_SEEN_MS, LAST_SEEN_MS, IS_FINAL, COVERED_UNTIL_MS, GAP_BEFORE, GAP_AFTER,
    APPLICATION_NAME, SERVER_NAME,
)  # fmt: skip

# --- NFStream's statistics, for both directions together and each by itself -------------------------------

_FLAGS = ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")
_SPANS = {
    "bidirectional": "both directions",
    "src2dst": "source to destination",
    "dst2src": "destination to source",
}


def _statistics(span: str) -> tuple[Column, ...]:
    words = _SPANS[span]
    columns = [
        Column(f"{span}_duration_ms", "i8", "ms", f"last minus first packet, {words}"),
        Column(f"{span}_packets", "i8", "packets", f"packets, {words}"),
        Column(f"{span}_bytes", "i8", "bytes", f"payload bytes, {words}"),
    ]
    for quantity, unit in (("ps", "bytes"), ("piat_ms", "ms")):
        what = "payload size" if quantity == "ps" else "inter-arrival time"
        for statistic, dtype in (("min", "i8"), ("mean", "f8"), ("stddev", "f8"), ("max", "i8")):
            meaning = f"{statistic} of the packets' {what}, {words}"
            columns.append(Column(f"{span}_{statistic}_{quantity}", dtype, unit, meaning))
    columns += [
        Column(f"{span}_{flag}_packets", "i8", "packets", f"packets with {flag.upper()}, {words}")
        for flag in _FLAGS
    ]
    return tuple(columns)


STATISTIC_COLUMNS = tuple(column for span in _SPANS for column in _statistics(span))
RECORD_COLUMNS = IDENTITY_COLUMNS + STATISTIC_COLUMNS

_BY_NAME = {column.name: column for column in RECORD_COLUMNS}
SRC_PACKETS, DST_PACKETS = _BY_NAME["src2dst_packets"], _BY_NAME["dst2src_packets"]
SRC_BYTES, DST_BYTES = _BY_NAME["src2dst_bytes"], _BY_NAME["dst2src_bytes"]
SRC_SYN, DST_SYN = _BY_NAME["src2dst_syn_packets"], _BY_NAME["dst2src_syn_packets"]
SRC_ACK, DST_ACK = _BY_NAME["src2dst_ack_packets"], _BY_NAME["dst2src_ack_packets"]
SRC_FIN, DST_FIN = _BY_NAME["src2dst_fin_packets"], _BY_NAME["dst2src_fin_packets"]
RST = _BY_NAME["bidirectional_rst_packets"]
PACKETS = _BY_NAME["bidirectional_packets"]

# --- the payload packets of a record ----------------------------------------------------------------------

PACKET_TIME_MS = Column("packet_time_ms", "i8", "ms", "time of each payload packet (epoch)")
PACKET_SIZE_BYTES = Column(
    "packet_size_bytes",
    "i4",
    "bytes",
    "payload size of each payload packet; negative: sent by the destination",
)
SEQUENCE_COLUMNS = (PACKET_TIME_MS, PACKET_SIZE_BYTES)
