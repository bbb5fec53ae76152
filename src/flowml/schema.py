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
PACKETS, BYTES = _BY_NAME["bidirectional_packets"], _BY_NAME["bidirectional_bytes"]

# --- the payload packets of a record ----------------------------------------------------------------------

PACKET_TIME_MS = Column("packet_time_ms", "i8", "ms", "time of each payload packet (epoch)")
PACKET_SIZE_BYTES = Column(
    "packet_size_bytes",
    "i4",
    "bytes",
    "payload size of each payload packet; negative: sent by the destination",
)
SEQUENCE_COLUMNS = (PACKET_TIME_MS, PACKET_SIZE_BYTES)

# --- what a model sees of an observation ------------------------------------------------------------------


def _side_features(side: str) -> tuple[Column, ...]:
    def of(what: str, unit: str, meaning: str) -> Column:
        return Column(f"{side}_{what}", "f8", unit, f"{meaning} of the {side}'s messages")

    return (
        of("messages", "-", "number"),
        of("size_median_bytes", "bytes", "median size"),
        of("size_mean_bytes", "bytes", "mean size"),
        of("size_variation_ratio", "-", "standard deviation over mean of the size"),
        of("size_min_bytes", "bytes", "smallest size"),
        of("size_q25_bytes", "bytes", "lower quartile of the size"),
        of("size_q75_bytes", "bytes", "upper quartile of the size"),
        of("size_max_bytes", "bytes", "largest size"),
        of("size_entropy_bits", "bits", "entropy of the size"),
        of("size_most_common_bytes", "bytes", "most common size"),
        of("size_most_common_ratio", "-", "share of the most common size"),
        of("size_constant_ratio", "-", "share within 2 % and 2 bytes of the median size"),
        of("packets_per_message_ratio", "-", "payload packets per message"),
        of("gap_q10_ms", "ms", "lowest tenth of the gap between starts"),
        of("gap_q25_ms", "ms", "lower quartile of the gap between starts"),
        of("gap_median_ms", "ms", "median gap between starts"),
        of("gap_q75_ms", "ms", "upper quartile of the gap between starts"),
        of("gap_q90_ms", "ms", "highest tenth of the gap between starts"),
        of("gap_max_ms", "ms", "longest gap between starts"),
        of("gap_variation_ratio", "-", "standard deviation over mean of the gap"),
        of("gap_regular_ratio", "-", "share of gaps within 10 % of their median: periodicity"),
    )


FEATURE_COLUMNS = (
    *_side_features("client"),
    *_side_features("server"),
    Column("client_messages_share_ratio", "f8", "-", "share of messages sent by the client"),
    Column("client_bytes_share_ratio", "f8", "-", "share of payload sent by the client"),
    Column("messages_per_s", "f8", "1/s", "messages of both sides a second"),
    Column("bytes_per_s", "f8", "bytes/s", "payload of both sides a second"),
    Column("turn_taking_ratio", "f8", "-", "share of messages that follow one of the other side"),
    Column("quiet_time_ratio", "f8", "-", "share of time in pauses of at least 1 s"),
    Column("burstiness_ratio", "f8", "-", "burstiness of all messages: -1 clock, 0 Poisson, 1 bursts"),
    Column("push_share_ratio", "f8", "-", "share of server messages at least 1 s after any client message"),
    Column(
        "late_push_share_ratio", "f8", "-", "share of server messages at least 5 s after any client message"
    ),
    Column("push_size_median_bytes", "f8", "bytes", "median size of server messages that answer nothing"),
    Column("push_size_variation_ratio", "f8", "-", "standard deviation over mean of their size"),
    Column("push_size_constant_ratio", "f8", "-", "share of them within 2 % and 2 bytes of the median"),
    Column("push_gap_median_ms", "f8", "ms", "median gap between them"),
    Column("push_gap_variation_ratio", "f8", "-", "standard deviation over mean of that gap"),
    Column("push_answered_ratio", "f8", "-", "share of them that the client answers within 1 s"),
    Column(
        "client_unasked_ratio", "f8", "-", "share of client messages at least 1 s after any server message"
    ),
    Column("client_unasked_size_median_bytes", "f8", "bytes", "median size of those"),
    Column("client_unasked_size_constant_ratio", "f8", "-", "share of those within 2 % and 2 bytes of it"),
    Column("answered_ratio", "f8", "-", "share of client messages that the server answers within 1 s"),
    Column("answer_delay_median_ms", "f8", "ms", "median delay of those answers"),
    Column("answer_delay_variation_ratio", "f8", "-", "standard deviation over mean of that delay"),
    Column("answer_size_median_bytes", "f8", "bytes", "median size of those answers"),
    Column("answer_size_constant_ratio", "f8", "-", "share of answers within 2 % and 2 bytes of the median"),
    Column("answer_to_request_ratio", "f8", "-", "median answer over median size of what it answers"),
)
FEATURE_DIGEST = digest(FEATURE_COLUMNS)
