"""A small labelled data set made of nothing but code: miners and two kinds of benign clients."""

import functools
from pathlib import Path

import numpy as np

from flowml.datasets.labels import LabelledObservations, label
from flowml.datasets.manifest import LabelledCapture, ServerTruth
from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from tests.builders import Ends, Packet, miner, slices

T0 = 1_700_000_000_000


def web_client(seed: int) -> list[Packet]:
    """Requests of all sizes now and then, answered by much more."""
    rng = np.random.default_rng(seed)
    packets = [Packet(T0, True, 0, "S"), Packet(T0 + 20, False, 0, "SA"), Packet(T0 + 40, True)]
    for at in np.cumsum(rng.exponential(8_000, 40)):
        start = T0 + 50 + int(at)
        packets.append(Packet(start, True, int(rng.integers(100, 900)), "AP"))
        packets += [Packet(start + 40 + i, False, 1448, "A") for i in range(int(rng.integers(1, 9)))]
    return packets


def telemetry(seed: int) -> list[Packet]:
    """A reading every few seconds, acknowledged at once."""
    rng = np.random.default_rng(seed)
    period, size = int(rng.integers(3_000, 15_000)), int(rng.integers(40, 300))
    packets = [Packet(T0, True, 0, "S"), Packet(T0 + 20, False, 0, "SA"), Packet(T0 + 40, True)]
    for number in range(40):
        start = T0 + 50 + number * period + int(rng.integers(0, 100))
        packets += [Packet(start, True, size, "AP"), Packet(start + 30, False, 4, "AP")]
    return packets


def server(kind: int, number: int) -> str:
    return f"198.51.{kind}.{number}"


@functools.cache
def small_data_set(n_origins: int = 12) -> LabelledObservations:
    """`n_origins` servers of each kind with two clients each."""
    kinds = (("monero", True), ("web", False), ("telemetry", False))
    batches, truths = [], []
    for kind, (family, is_mining) in enumerate(kinds):
        for number in range(n_origins):
            ip = server(kind, number)
            origin = f"test/{family}-{number}"
            truths.append(ServerTruth(ip, 3333, is_mining, family, "plain", origin))
            for client in range(2):
                seed = 100 * kind + 2 * number + client
                packets = {"monero": lambda s: miner(8, seed=s), "web": web_client, "telemetry": telemetry}[
                    family
                ](seed)
                ends = Ends(f"10.{kind}.{number}.{client}", 40000, ip, 3333)
                batches.append(slices(packets, range(3, len(packets), 25), ends))
    table = ConnectionTable(ConnectionSettings())
    observations = Observations.concat([table.update(FlowBatch.concat(batches)), table.flush()])
    capture = LabelledCapture(
        Path("test.pcap"), "test", "Apache-2.0", False, True, "0" * 64, None, tuple(truths)
    )
    return label(capture, observations)
