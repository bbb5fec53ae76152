from dataclasses import replace

import numpy as np

from flowml.detections.alert import Evidence
from flowml.detections.evidence import STRIP_PACKETS, gather, share_rates_per_min
from flowml.features.messages import join_messages
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences
from tests.builders import miner, slices

START = 1_700_000_000_000


def observed(minutes: float) -> Observations:
    table = ConnectionTable(ConnectionSettings())
    seen = Observations.concat([table.update(slices(miner(minutes, seed=2), [])), table.flush()])
    return seen.take(np.array([len(seen) - 1]))


def packets(*timed: tuple[int, int]) -> PacketSequences:
    times, sizes = zip(*timed, strict=True)
    return PacketSequences.from_counts(
        np.array([len(timed)], np.int64), np.array(times, np.int64), np.array(sizes, np.int32)
    )


def test_the_strip_has_the_last_packets_in_seconds_since_its_first() -> None:
    seen = observed(20)
    (evidence,) = gather(seen)
    assert len(evidence.strip) == STRIP_PACKETS
    assert evidence.strip[0][0] == 0.0
    assert evidence.strip_start_ms == int(seen.packets.time_ms[-STRIP_PACKETS])
    assert evidence.strip[-1][0] == (seen.packets.time_ms[-1] - evidence.strip_start_ms) / 1000
    assert {size for _, size in evidence.strip} <= {186, -64, -378, 500, -420}


def test_a_miner_of_five_shares_a_minute_is_estimated_so() -> None:
    (evidence,) = gather(observed(20))
    assert evidence.share_rate_per_min is not None
    assert 3.5 < evidence.share_rate_per_min < 6.5


def test_messages_of_other_sizes_or_without_answer_are_no_shares() -> None:
    timed = packets(
        (0, 500), (30, -400), (10_000, 186), (10_050, -64), (20_000, 186), (25_000, -64), (30_000, 186),
        (30_050, -64), (60_000, -378),
    )  # fmt: skip
    assert share_rates_per_min(join_messages(timed)) == [2.0]


def test_one_message_gives_no_rate() -> None:
    timed = packets((0, 500), (30, -400), (60_000, -378))
    assert share_rates_per_min(join_messages(timed)) == [None]


def test_many_observations_give_what_each_gives_alone() -> None:
    table = ConnectionTable(ConnectionSettings())
    seen = Observations.concat([table.update(slices(miner(20, seed=2), [])), table.flush()])
    both = seen.take(np.array([*range(len(seen)), *range(len(seen))]))
    alone = [gather(both.take(np.array([row])))[0] for row in range(len(both))]
    assert gather(both) == alone
    assert len({evidence.share_rate_per_min for evidence in alone}) > 2


def test_an_observation_without_packets_has_no_strip() -> None:
    none = PacketSequences.empty(2)
    (first, second) = gather(replace(observed(5).take(np.array([0, 0])), packets=none))
    assert first == second == Evidence()


def test_the_family_is_what_the_model_says() -> None:
    (evidence,) = gather(observed(5), lambda seen: ["monero"] * len(seen))
    assert evidence.resembles == "monero"
