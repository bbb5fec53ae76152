import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowml.flows.batch import FlowBatch
from flowml.flows.connections import ConnectionSettings, ConnectionTable
from flowml.flows.observations import COLUMN_NAMES, Observations
from flowml.schema import BYTES, PACKETS
from tests.builders import Ends, Packet, batch, miner, record, slices

T0 = 1_700_000_000_000


def observe(*batches: FlowBatch, table: ConnectionTable | None = None) -> Observations:
    table = ConnectionTable(ConnectionSettings()) if table is None else table
    return Observations.concat([*(table.update(b) for b in batches), table.flush()])


def talk(*steps: tuple[float, int]) -> list[Packet]:
    """Payload packets at seconds; positive sizes are the client's."""
    return [Packet(T0 + round(s * 1000), size > 0, abs(size), "AP") for s, size in steps]


packet_lists = st.lists(
    st.tuples(st.integers(0, 400_000), st.booleans(), st.sampled_from([0, 1, 64, 378, 1460])),
    min_size=2,
    max_size=60,
).map(lambda rows: [Packet(T0 + t, c, s) for t, c, s in sorted(rows)])


def test_a_connection_is_judged_at_its_ages_and_at_its_end() -> None:
    packets = talk(*[(s, 100 if s % 2 else -50) for s in range(0, 700, 5)])
    seen = observe(slices(packets, range(0, len(packets), 3)))
    assert seen.age_s.tolist() == [10, 30, 45, 60, 90, 120, 180, 300, 600, 695]
    assert seen.is_final.tolist() == [False] * 9 + [True]


def test_an_age_with_nothing_new_is_not_judged_again() -> None:
    packets = talk((0, 100), (1, -50), (200, 100), (201, -50))
    seen = observe(slices(packets, [2]))
    assert seen.age_s.tolist() == [10, 201]


def test_the_window_holds_the_packets_before_the_age_and_none_after() -> None:
    packets = talk((0, 100), (1, -50), (9.999, 70), (10, -60), (50, 1))
    seen = observe(slices(packets, [4]))
    first = seen.packets.take(np.array([0]))
    assert first.size_bytes.tolist() == [100, -50, 70]
    assert first.time_ms.tolist() == [T0, T0 + 1000, T0 + 9999]


def test_a_window_is_bounded_and_holds_the_newest_packets() -> None:
    table = ConnectionTable(ConnectionSettings(history_packets=4))
    packets = talk(*[(s, 100 + s if s % 2 else -200 - s) for s in range(30)])
    seen = observe(slices(packets, range(0, 30, 7)), table=table)
    final = seen.packets.take(np.flatnonzero(seen.is_final))
    assert final.size_bytes.tolist() == [-226, 127, -228, 129]


@given(packet_lists, st.lists(st.integers(1, 59)), st.lists(st.integers(1, 59)), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_cutting_into_slices_and_batches_gives_the_same_connection(
    packets: list[Packet], cuts: list[int], splits: list[int], handshake: bool
) -> None:
    if handshake:
        packets = [Packet(T0, True, 0, "S"), Packet(T0, False, 0, "SA"), *packets]
    whole = slices(packets, [2 if handshake else 1])
    # without a handshake the first slice orients: let it be the same
    cuts = [c + 1 for c in cuts] + [2] if handshake else [*cuts, 1]
    pieces = slices(packets, cuts)
    edges = sorted({0, len(pieces), *(s for s in splits if s < len(pieces))})
    batches = [pieces.take(np.arange(a, b)) for a, b in itertools.pairwise(edges)]
    same(observe(whole), observe(*batches))


def same(one: Observations, other: Observations) -> None:
    """Equal in everything but when a meter could have told."""
    final_one, final_other = np.flatnonzero(one.is_final), np.flatnonzero(other.is_final)
    for name in COLUMN_NAMES:
        if name != "reported_s":
            np.testing.assert_array_equal(getattr(one, name)[final_one], getattr(other, name)[final_other])
    np.testing.assert_array_equal(one.age_s, other.age_s)
    np.testing.assert_array_equal(one.packets.offsets, other.packets.offsets)
    np.testing.assert_array_equal(one.packets.time_ms, other.packets.time_ms)
    np.testing.assert_array_equal(one.packets.size_bytes, other.packets.size_bytes)


@given(st.booleans(), st.integers(1, 65535), st.integers(1, 65535), st.lists(st.integers(1, 20)))
@settings(max_examples=100, deadline=None)
def test_the_syn_names_the_client_whatever_the_ports_and_cuts(
    client_low: bool, client_port: int, server_port: int, cuts: list[int]
) -> None:
    ips = ("10.0.0.1", "10.0.0.9") if client_low else ("10.0.0.9", "10.0.0.1")
    ends = Ends(ips[0], client_port, ips[1], server_port)
    seen = observe(slices(miner(2), [3, *(c + 3 for c in cuts)], ends))
    assert set(seen.client_ip.tolist()) == {ips[0].encode()}
    assert set(seen.server_port.tolist()) == {server_port}
    assert seen.saw_start.all()
    assert seen.packets.size_bytes[0] == 500  # the login is the client's


def test_a_connection_that_was_there_before_is_oriented_by_its_ports() -> None:
    packets = [p for p in miner(2, handshake=False) if p.time_ms > T0 + 5000]
    while packets[0].from_client:  # the server speaks first, so the meter calls it the source
        packets.pop(0)
    seen = observe(slices(packets, range(0, len(packets), 5)))
    assert set(seen.client_ip.tolist()) == {b"10.0.0.2"}
    assert not seen.saw_start.any()


def test_an_interrupted_connection_keeps_its_history_and_says_so() -> None:
    packets = miner(4)
    half = len(packets) // 2
    table = ConnectionTable(ConnectionSettings())
    before = table.update(slices(packets[:half], []))
    assert table.interrupt() == 1
    again = slices(packets[half + 4 :], [])  # a new meter counts its flows from 0, and missed four packets
    after = Observations.concat([table.update(again), table.flush()])
    assert not before.was_interrupted.any()
    assert after.was_interrupted.all()
    assert len(set(after.connection.tolist())) == 1
    kept = sum(packet.size_bytes > 0 for packet in packets[:half] + packets[half + 4 :])
    assert int(after.packets.counts[-1]) == min(kept, ConnectionSettings().history_packets)


def test_what_begins_after_an_interruption_was_not_interrupted() -> None:
    table = ConnectionTable(ConnectionSettings())
    table.interrupt()
    table.update(slices(miner(2), []))
    assert not table.flush().was_interrupted.any()


def test_a_new_handshake_on_the_same_ports_is_a_new_connection() -> None:
    first, second = miner(1, seed=1), miner(1, start_ms=T0 + 90_000, seed=2)
    rows = slices(first + second, [20, len(first)])
    seen = observe(rows)
    assert len(set(seen.connection.tolist())) == 2
    assert np.count_nonzero(seen.is_final) == 2
    assert set(seen.start_ms.tolist()) == {T0, T0 + 90_000}


def test_a_long_silence_ends_a_connection_and_what_follows_is_another() -> None:
    packets = talk((0, 100), (1, -50), (3000, 100), (3001, -50))
    seen = observe(slices(packets, [2]))
    assert len(set(seen.connection.tolist())) == 2


def test_packets_after_a_hole_do_not_join_those_before_it() -> None:
    packets = talk((0, 100), (1, -50), (5, 70), (6, -60), (12, 30), (13, -20), (14, 10))
    truncated = record(packets[:4], uid=1, covered_ms=T0 + 12000)
    from flowml.schema import GAP_AFTER

    truncated[GAP_AFTER] = True
    rows = batch([(truncated, packets[:4]), (record(packets[4:], uid=2), packets[4:])])
    seen = observe(rows)
    assert seen.age_s.tolist() == [10, 14]
    assert seen.packets.take(np.array([1])).size_bytes.tolist() == [30, -20, 10]


def test_a_silent_connection_is_judged_by_the_clock() -> None:
    table = ConnectionTable(ConnectionSettings(report_delay_s=20))
    packets = talk((0, 100), (1, -50), (14, 100), (15, -50))
    early = table.update(slices(packets, []), clock_ms=T0 + 45_000)
    late = table.update(FlowBatch.empty(), clock_ms=T0 + 51_000)
    assert early.age_s.tolist() == [10]
    assert late.age_s.tolist() == [30]
    assert late.reported_s.tolist() == [32]


def test_a_one_sided_connection_gives_no_observation() -> None:
    seen = observe(slices(talk((0, 100), (20, 100), (40, 100)), [1, 2]))
    assert len(seen) == 0


def test_the_table_is_bounded_and_counts_what_it_forgets() -> None:
    table = ConnectionTable(ConnectionSettings(max_connections=10))
    rows = []
    for port in range(25):
        packets = [Packet(p.time_ms + port, p.from_client, p.size_bytes) for p in talk((0, 9), (1, -9))]
        rows.append((record(packets, Ends(client_port=40000 + port), uid=port), packets))
    seen = table.update(batch(rows))
    assert len(table) == 10
    assert table.evicted == 15
    assert sorted(seen.client_port[seen.is_final].tolist()) == list(range(40000, 40015))
    assert sorted(table.flush().client_port.tolist()) == list(range(40015, 40025))


def test_an_ended_connection_leaves_after_it_lingered() -> None:
    packets = [*talk((0, 100), (1, -50)), Packet(T0 + 1100, True, 0, "FA"), Packet(T0 + 1200, False, 0, "FA")]
    table = ConnectionTable(ConnectionSettings(linger_s=30))
    table.update(slices(packets, []))
    assert len(table) == 1
    seen = table.update(FlowBatch.empty(), clock_ms=T0 + 32_000)
    assert seen.is_final.tolist() == [False, True]
    assert seen.age_s.tolist() == [10, 1.2]
    assert len(table) == 0


def test_totals_are_those_up_to_the_age() -> None:
    packets = talk((0, 100), (1, -50), (20, 70), (21, -60))
    seen = observe(slices(packets, [2]))
    assert seen.client_bytes.tolist() == [100, 170]
    assert seen.server_packets.tolist() == [1, 2]


@pytest.mark.parametrize("cuts", [[], [7], list(range(0, 400, 11))])
def test_slices_that_the_server_begins_keep_the_client(cuts: list[int]) -> None:
    seen = observe(slices(miner(8), cuts))
    assert set(seen.client_port.tolist()) == {40000}
    sizes = seen.packets.size_bytes
    assert set(np.unique(sizes).tolist()) == {-420, -378, -64, 186, 500}


def test_a_clock_that_jumps_by_decades_costs_no_judgement_a_beat() -> None:
    table = ConnectionTable(ConnectionSettings())
    table.update(slices(talk((0, 100), (1, -50), (14, 100), (15, -50)), []))
    seen = table.update(FlowBatch.empty(), clock_ms=T0 + 40 * 365 * 86_400_000)
    assert seen.age_s.tolist() == [30, 15]
    assert len(table) == 0


def test_the_late_end_of_a_flow_begins_no_connection_of_its_own() -> None:
    """A meter tells of a flow's end after its idle timeout, when a closed connection is long over."""
    ends = Ends()
    closed = [*talk((0, 100), (1, -50)), Packet(T0 + 1100, True, 0, "FA")]
    table = ConnectionTable(ConnectionSettings())
    table.update(batch([(record(closed, ends), closed)]))
    assert len(table) == 1
    table.update(FlowBatch.empty(), T0 + 40_000)
    assert len(table) == 0
    silent = [Packet(T0, True, 0, "S"), Packet(T0 + 1100, True, 0, "FA")]
    late = record(silent, ends) | {BYTES: 150, PACKETS: 4}
    table.update(batch([(late, silent)]), T0 + 122_000)
    assert len(table) == 0
    other = record(silent[:1], ends, uid=1)  # nothing was told yet of a connection without any payload
    table.update(batch([(other, silent[:1])]))
    assert len(table) == 1
