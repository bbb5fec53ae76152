from flowml.capture.census import NOT_IP
from flowml.service.scoring import Metered
from flowml.service.sighting import Sighting
from flowml.service.told import Interrupted, Resumed, Told
from flowml.service.wire import Counted
from tests.builders import Packet, miner, slices


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def sighting() -> tuple[Sighting, Clock]:
    clock = Clock()
    return Sighting("eth0", clock), clock


def test_counters_are_told_as_what_came_since() -> None:
    seen, _ = sighting()
    seen.take(Told("eth0", Counted({"packets": 100, "kernel_drops": 1, "ignored": 9, NOT_IP: 7})))
    first = seen.sight()
    seen.take(Told("eth0", Counted({"packets": 150, "kernel_drops": 4, "ignored": 9, NOT_IP: 7})))
    second = seen.sight()
    assert (first.packets, first.dropped, first.left_out) == (100, 1, 2)
    assert (second.packets, second.dropped, second.left_out) == (50, 3, 0)


def test_a_process_that_was_started_again_counts_from_nothing() -> None:
    seen, _ = sighting()
    seen.take(Told("eth0", Counted({"packets": 100})))
    seen.take(Told("eth0", Interrupted("eth0: killed")))
    assert not seen.sight().is_watched
    seen.take(Told("eth0", Resumed(1.0)))
    seen.take(Told("eth0", Counted({"packets": 30})))
    again = seen.sight()
    assert (again.packets, again.restarts, again.is_watched) == (30, 1, True)


def test_a_connection_of_which_one_side_is_seen_is_counted() -> None:
    seen, _ = sighting()
    one_side = [Packet(packet.time_ms, True, packet.size_bytes, packet.flags) for packet in miner(1)]
    seen.take(Told("eth0", Metered(slices(one_side, []))))
    seen.take(Told("eth0", Metered(slices(miner(1), []))))
    told = seen.sight()
    assert (told.flows, told.one_way) == (2, 1)


def test_silence_lasts_until_the_kernel_receives_again() -> None:
    seen, clock = sighting()
    clock.now_s += 500
    assert seen.sight().silent_s == 500
    seen.take(Told("eth0", Counted({"kernel_received": 3})))
    assert seen.sight().silent_s == 0


def test_what_was_lost_is_remembered_for_an_hour_and_counted_for_ever() -> None:
    seen, clock = sighting()
    seen.take(Told("eth0", Counted({"lost_records": 3, "lost_headers": 70})))
    seen.take(Told("eth0", Interrupted("eth0: killed")))
    clock.now_s += 1800
    seen.take(Told("eth0", Counted({"lost_headers": 5})))
    told = seen.sight()
    assert (told.lost_records, told.lost_headers) == (3, 75)
    clock.now_s += 1800
    told = seen.sight()
    assert (told.lost_records, told.lost_headers) == (0, 5)
    assert seen.totals == {"lost_records": 3, "lost_headers": 75}
