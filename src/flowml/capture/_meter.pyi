"""The compiled packet loop; see _meter.c."""

import numpy as np
from numpy.typing import NDArray

CONFIG_FIELDS: list[str]
FACT_FIELDS: list[str]
COUNTER_FIELDS: list[str]
IDLE: int
ACTIVE: int
SNAPSHOT: int
EVICTED: int
FLUSHED: int
BATCH_FULL: int
END_OF_FILE: int
DEADLINE: int
READ_FAILED: int
LINK_ERROR: int
CLOCK_STEPPED_BACK: int
SLOT_MS: int
WHEEL_SLOTS: int
MAX_INPUTS: int
IGNORED_HEAD: int

def walk_pcap(
    data: bytes, is_big_endian: bool, fractions: int, header_bytes: int, /
) -> tuple[int, bytes, bytes, bytes, bytes]: ...
def walk_enhanced_packets(
    data: bytes, at: int, is_big_endian: bool, interfaces: int, /
) -> tuple[int, bytes, bytes, bytes, bytes]: ...
def header_length(packet: bytes, link_type: int, /) -> int: ...
def count_packets(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    captured: NDArray[np.int64],
    times: NDArray[np.int64],
    link_type: int,
    is_classified: bool,
    counted: NDArray[np.int64],
    /,
) -> None: ...
def count_pcap(
    descriptor: int,
    position: int,
    is_big_endian: bool,
    fractions: int,
    header_bytes: int,
    link_type: int,
    is_classified: bool,
    counted: NDArray[np.int64],
    /,
) -> tuple[int, int]: ...

class FlowTable:
    def __new__(cls, config: bytes, ages_ms: bytes, counts: bytes, /) -> FlowTable: ...
    def open_plain(self, *layout: int) -> bool: ...
    def run_file(self, capture: int, max_packets: int, /) -> int: ...
    def run_live(self, inputs: bytes, deadline_ms: int, /) -> int: ...
    def flush(self, is_end_of_file: bool, /) -> int: ...
    def take(self) -> tuple[bytes, bytes, bytes, bytes, bytes]: ...
    def take_ignored(self) -> bytes: ...
    def take_headers(self) -> bytes: ...
    def counters(self) -> bytes: ...
    def restart_clock(self) -> None: ...
    def clear(self) -> None: ...
