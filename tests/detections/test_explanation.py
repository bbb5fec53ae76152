import numpy as np

from flowml.detections.explanation import explain
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from tests.builders import Packet, miner, slices

T0 = 1_700_000_000_000


def last(packets: list[Packet]) -> tuple[str, ...]:
    table = ConnectionTable(ConnectionSettings())
    seen = Observations.concat([table.update(slices(packets, [len(packets) // 2])), table.flush()])
    return tuple(said.text for said in explain(seen.take(np.array([len(seen) - 1])))[0])


def test_a_miner_is_told_as_jobs_and_accepted_shares() -> None:
    pushed, submitted, trickle = last(miner(10, seed=2))
    assert "of its own accord" in pushed
    assert "median 378 bytes, 100% of nearly that size" in pushed
    assert "median 186 bytes" in submitted
    assert "answered within 1 s by 64 bytes after 30 ms" in submitted
    assert "bytes a second" in trickle


def test_a_server_that_only_answers_is_told_so() -> None:
    packets = [
        Packet(T0 + 1000 * t + d, s > 0, abs(s), "AP") for t in range(20) for d, s in ((0, 90), (40, -2000))
    ]
    assert last(packets)[0] == "The server sent nothing of its own accord."


def test_a_window_of_one_instant_is_told_without_rates() -> None:
    packets = [Packet(T0, True, 90, "AP"), Packet(T0, False, 20, "AP")]
    sentences = last(packets)
    assert len(sentences) == 2
    assert "nan" not in " ".join(sentences)
