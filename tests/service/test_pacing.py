import numpy as np

from flowml.flows.batch import FlowBatch
from flowml.schema import COVERED_UNTIL_MS, FIRST_SEEN_MS
from flowml.service.pacing import ReplayClock, replay
from flowml.service.scoring import Metered
from tests.builders import miner, slices


class Time:
    """Time that passes only when somebody waits."""

    def __init__(self, until: float = float("inf")) -> None:
        self.now = 100.0
        self.until = until

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.now > self.until


def told(batches: list[FlowBatch], speed: float, time: Time) -> list[tuple[float, Metered]]:
    clock = ReplayClock(speed, time.monotonic)
    return [(time.now - 100, metered) for metered in replay(batches, clock, time.wait)]


def test_every_record_is_told_once_and_in_order() -> None:
    records = slices(miner(5), range(0, 200, 7))
    halves = [records.take(np.arange(0, 10)), FlowBatch.empty(), records.take(np.arange(10, len(records)))]
    got = FlowBatch.concat([metered.batch for _, metered in told(halves, 1, Time())])
    np.testing.assert_array_equal(got[FIRST_SEEN_MS], records[FIRST_SEEN_MS])


def test_a_record_is_told_when_the_meter_could_vouch_for_it_and_not_before() -> None:
    records = slices(miner(5), range(0, 200, 7))
    start_ms = int(records[FIRST_SEEN_MS][0])
    for speed in (1.0, 10.0):
        for at_s, metered in told([records], speed, Time()):
            due_s = (metered.batch[COVERED_UNTIL_MS] - start_ms) / 1000 / speed
            assert (due_s <= at_s).all()
            assert (due_s > at_s - 0.26).all()


def test_the_clock_runs_through_silence() -> None:
    quiet = slices(miner(5), [])
    clocks = [metered.clock_ms for _, metered in told([quiet], 1, Time())]
    assert len(clocks) > 100
    assert np.all(np.diff(clocks) == 250)


def test_a_replay_ends_when_it_is_told_to() -> None:
    assert len(told([slices(miner(5), [])], 1, Time(until=103))) < 15
