"""The reference meter gives NFStream's figures as our records, and leaves no trace of NFStreamer behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flowml import schema
from flowml.capture.reference import ReferenceMeter
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from tests.capture.frames import (
    ACK,
    CLIENT,
    EPOCH_S,
    SERVER,
    End,
    conversation,
    ethernet,
    pcap,
    segment,
)

START_MS = EPOCH_S * 1000


def _meter(
    path: Path, frames: list[tuple[int, bytes]], splt_packets: int = 255, n_dissections: int = 0
) -> FlowBatch:
    path.write_bytes(pcap(frames))
    return FlowBatch.concat(
        list(ReferenceMeter(MeterSettings(n_dissections=n_dissections), splt_packets).batches(path))
    )


def _packets(batch: FlowBatch, row: int) -> list[tuple[int, int]]:
    sequence = batch.packets.take(np.array([row]))
    return [(int(t) - START_MS, int(s)) for t, s in zip(sequence.time_ms, sequence.size_bytes, strict=True)]


def test_a_record_holds_its_payload_packets_and_no_acknowledgement(tmp_path: Path) -> None:
    batch = _meter(tmp_path / "a.pcap", conversation(packets=4, gap_ms=50))
    assert len(batch) == 1
    assert _packets(batch, 0) == [(50, 100), (100, -100), (150, 100), (200, -100)]
    assert batch[schema.SRC_IP][0] == b"10.0.0.2"
    assert batch[schema.SRC_SYN][0] == 1
    assert batch[schema.PACKETS][0] == 9
    assert not batch[schema.GAP_AFTER][0]
    assert batch[schema.COVERED_UNTIL_MS][0] == START_MS + 201 + 10_000


def test_slices_keep_the_sides_of_the_first_although_the_server_speaks_first_in_the_second(
    tmp_path: Path,
) -> None:
    frames = [
        (0, ethernet(segment(CLIENT, SERVER, b"login"))),
        (5000, ethernet(segment(SERVER, CLIENT, b"job..."))),
        (11_000, ethernet(segment(SERVER, CLIENT, b"another job"))),
        (12_000, ethernet(segment(CLIENT, SERVER, b"ok"))),
    ]
    batch = _meter(tmp_path / "a.pcap", frames)
    assert batch[schema.SLICE].tolist() == [0, 1]
    assert batch[schema.UID].tolist() == [0, 0]
    assert batch[schema.SRC_IP].tolist() == [b"10.0.0.2"] * 2
    assert batch[schema.DST_PORT].tolist() == [3333] * 2
    assert batch[schema.SRC_BYTES].tolist() == [5, 2]
    assert batch[schema.DST_BYTES].tolist() == [6, 11]
    assert _packets(batch, 1) == [(11_000, -11), (12_000, 2)]
    assert batch[schema.COVERED_UNTIL_MS].tolist() == [START_MS + 10_000, START_MS + 22_000]


def test_a_flow_that_was_idle_comes_back_as_another(tmp_path: Path) -> None:
    frames = [(at, ethernet(segment(CLIENT, SERVER, b"x"))) for at in (0, 30_000)]
    batch = _meter(tmp_path / "a.pcap", frames)
    assert sorted(batch[schema.UID].tolist()) == [0, 1]
    assert batch[schema.SLICE].tolist() == [0, 0]


def test_a_sequence_that_is_full_before_its_payload_ends_says_so(tmp_path: Path) -> None:
    full = [(at, ethernet(segment(CLIENT, SERVER, b"xyz"))) for at in range(4)]
    closing = (4, ethernet(segment(SERVER, CLIENT, flags=ACK)))
    whole = _meter(tmp_path / "a.pcap", [*full, closing], splt_packets=4)
    assert not whole[schema.GAP_AFTER][0]
    cut = _meter(
        tmp_path / "b.pcap", [*full, (4, ethernet(segment(CLIENT, SERVER, b"lost")))], splt_packets=4
    )
    assert cut[schema.GAP_AFTER][0]
    assert cut.packets.counts.tolist() == [4]


def test_dissection_names_are_cut_at_their_end(tmp_path: Path) -> None:
    request = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
    frames = [*conversation(packets=0), (10, ethernet(segment(CLIENT, End("10.0.0.9", 80), request)))]
    batch = _meter(tmp_path / "a.pcap", frames, n_dissections=20)
    assert b"example.org" in batch[schema.SERVER_NAME].tolist()


def _many(path: Path, flows: int) -> Path:
    frames = [(n, ethernet(segment(End("10.0.0.2", 1024 + n), SERVER, b"x"))) for n in range(flows)]
    path.write_bytes(pcap(frames))
    return path


def test_an_abandoned_meter_leaves_no_process_and_no_pinning_behind(tmp_path: Path) -> None:
    processors = os.sched_getaffinity(0)
    batches = ReferenceMeter(MeterSettings(n_dissections=0)).batches(_many(tmp_path / "a.pcap", 20_000))
    assert len(next(batches)) == 4096
    batches.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()
    assert os.sched_getaffinity(0) == processors


INTERRUPTED = """
import multiprocessing, os, signal, sys, threading
from pathlib import Path
from flowml.capture.reference import ReferenceMeter
from flowml.capture.settings import MeterSettings

batches = ReferenceMeter(MeterSettings(n_dissections=0)).batches(Path(sys.argv[1]))
next(batches)
threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
try:
    list(batches)
except KeyboardInterrupt:
    batches.close()
    print("interrupted", multiprocessing.active_children())
"""


def test_an_interrupt_is_not_taken_for_the_end_of_the_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(_many(tmp_path / "a.pcap", 50_000))]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert told.stdout == "interrupted []\n", told.stderr


def test_what_nfstream_cannot_read_is_our_error(tmp_path: Path) -> None:
    path = tmp_path / "text.pcap"
    path.write_text("no capture at all")
    with pytest.raises(CaptureError, match="NFStream cannot read it"):
        list(ReferenceMeter(MeterSettings(n_dissections=0)).batches(path))


def test_uids_stay_apart_where_one_pair_of_addresses_has_many_flows(tmp_path: Path) -> None:
    frames = [
        (at, ethernet(segment(End("10.0.0.2", port), SERVER, b"x")))
        for at in range(0, 60_000, 4000)
        for port in (1000, 2000)
    ]
    batch = _meter(tmp_path / "a.pcap", frames)
    for port in (1000, 2000):
        mine = batch[schema.SRC_PORT] == port
        assert len(set(batch[schema.UID][mine].tolist())) == 1
        assert batch[schema.SLICE][mine].tolist() == list(range(int(mine.sum())))


def test_an_abandoned_meter_ends_although_its_process_does_not_heed_the_signal_to(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # the process that is forked inherits it
    try:
        batches = ReferenceMeter(MeterSettings(n_dissections=0)).batches(_many(tmp_path / "a.pcap", 20_000))
        next(batches)
        batches.close()  # type: ignore[attr-defined]
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not multiprocessing.active_children()
