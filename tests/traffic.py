"""Small captures with mining and other traffic in them, and a detector that can tell them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from flowml.detections.verdict import Thresholds, VerdictBatch
from flowml.features.matrix import feature_matrix
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.models.bundle import ModelBundle, save_bundle
from flowml.models.calibration import fit_calibration
from flowml.models.classifier import build_classifier
from flowml.models.novelty import fit_novelty
from flowml.models.resemblance import fit_resemblance
from flowml.models.scaling import scaled
from tests.builders import Ends, Packet, miner, slices
from tests.capture.frames import ACK, EPOCH_S, End, ethernet, pcap, segment

HURRY = 20  # traffic runs that much faster than real mining, so that tests need seconds for minutes
SECONDS = 33.0  # a little longer than the first age at which enough can have been seen
POOL = Ends("10.0.0.2", 40_000, "198.51.100.7", 3333)
SITE = Ends("10.0.0.3", 40_001, "203.0.113.80", 443)

_HEADERS = 96  # bytes that are captured of a packet where its payload is of no use
_RECORD_BYTES = 16  # in front of each frame of a pcap file
_SOURCE, _DESTINATION = 26, 30  # where a frame of IPv4 has its addresses
_FLAGS = {"S": 0x02, "SA": 0x12, "A": ACK, "AP": 0x18, "FA": 0x11}


def hurried_miner(seconds: float = SECONDS, seed: int = 1) -> list[Packet]:
    """A miner's connection of some seconds, from its handshake on."""
    packets = miner(seconds * HURRY / 60, seed=seed)
    start_ms = packets[0].time_ms
    return [replace(p, time_ms=start_ms + (p.time_ms - start_ms) // HURRY) for p in packets]


def browser(seconds: float = SECONDS, seed: int = 1) -> list[Packet]:
    """A browser's connection: requests, and answers of many sizes and packets."""
    rng = np.random.default_rng(seed)
    start_ms = EPOCH_S * 1000
    packets = [Packet(0, True, 0, "S"), Packet(10, False, 0, "SA"), Packet(12, True)]
    at = 20.0
    while at < seconds * 1000:
        packets.append(Packet(int(at), True, int(rng.integers(80, 900)), "AP"))
        sizes = rng.integers(200, 1460, rng.integers(1, 12)).tolist()
        packets += [Packet(int(at) + 15 + 2 * n, False, size, "AP") for n, size in enumerate(sizes)]
        packets.append(Packet(int(at) + 60, True))
        at += 100 + rng.exponential(700)
    return [replace(p, time_ms=start_ms + p.time_ms) for p in packets]


def both(seconds: float = SECONDS, seed: int = 1) -> dict[Ends, list[Packet]]:
    """One miner and one browser."""
    return {POOL: hurried_miner(seconds, seed), SITE: browser(seconds, seed)}


def write_capture(path: Path, traffic: Mapping[Ends, Sequence[Packet]]) -> Path:
    """Write connections into a pcap file, in the order of time."""
    frames = [
        (packet.time_ms - EPOCH_S * 1000, _frame(packet, ends))
        for ends, packets in traffic.items()
        for packet in packets
    ]
    path.write_bytes(pcap(sorted(frames, key=lambda frame: frame[0])))
    return path


def write_crowd(path: Path, clients: int) -> Path:
    """Write a pcap file in which many clients mine in step: each packet of one, of all of them in turn."""
    numbers = np.arange(clients, dtype=">u4")[:, None].view("u1")
    with path.open("wb") as file:
        file.write(head := pcap([], snapshot=_HEADERS))
        for packet in hurried_miner():
            sent = (packet.time_ms - EPOCH_S * 1000, _frame(packet, POOL))
            record = pcap([sent], snapshot=_HEADERS)[len(head) :]
            records = np.tile(np.frombuffer(record, "u1"), (clients, 1))
            address = _RECORD_BYTES + (_SOURCE if packet.from_client else _DESTINATION)
            records[:, address + 1 : address + 4] = numbers[:, 1:]
            file.write(records.tobytes())
    return path


def by_port(observations: Observations) -> VerdictBatch:
    """A judge that is sure: port 3333 mines."""
    is_mining = observations.server_port == 3333
    probability = np.where(is_mining, 0.9, 0.1)
    return VerdictBatch(probability, probability * 0, is_mining, np.zeros_like(is_mining), "by port")


def save_detector(folder: Path) -> ModelBundle:
    """Fit a small detector on hurried miners and browsers, and save it."""
    mining = [_observe(hurried_miner(seed=seed)) for seed in range(100, 140)]
    benign = [_observe(browser(seed=seed)) for seed in range(100, 140)]
    features = scaled(np.concatenate([feature_matrix(seen) for seen in mining + benign]))
    truth = np.repeat([True, False], [sum(map(len, mining)), sum(map(len, benign))])
    classifier = build_classifier(1).fit(features, truth)
    score = classifier.predict_proba(features)[:, 1]
    owner = np.where(truth, -1, np.arange(len(truth)))
    bundle = ModelBundle(
        name="small",
        version="1",
        classifier=classifier,
        calibration=fit_calibration(score, truth, np.ones(len(truth)), np.full(len(truth), 300.0)),
        novelty=fit_novelty(features, owner, 1),
        resemblance=fit_resemblance(features[truth], np.full(int(truth.sum()), "hurried")),
        thresholds=Thresholds(0.5, 0.25, 1.1),
        facts={},
    )
    return save_bundle(bundle, folder, "# A detector for tests\n")


def _frame(packet: Packet, ends: Ends) -> bytes:
    client, server = End(ends.client_ip, ends.client_port), End(ends.server_ip, ends.server_port)
    source, target = (client, server) if packet.from_client else (server, client)
    return ethernet(segment(source, target, bytes(packet.size_bytes), _FLAGS[packet.flags]))


def _observe(packets: Sequence[Packet]) -> Observations:
    table = ConnectionTable(ConnectionSettings())
    due = table.update(slices(packets, range(0, len(packets), 20)))
    return Observations.concat([due, table.flush()])
