"""A meter that runs ahead tells the same, and ends with whoever listens."""

import threading
from collections.abc import Generator

import pytest

from flowml.capture.step import Step
from flowml.errors import CaptureError
from flowml.flows.batch import FlowBatch
from flowml.service.ahead import ahead


def steps(count: int, closed: list[str]) -> Generator[Step]:
    try:
        for number in range(count):
            yield Step(FlowBatch.empty(), number, is_moment=True)
    finally:
        closed.append(threading.current_thread().name)


def test_steps_come_in_their_order_from_another_thread() -> None:
    closed: list[str] = []
    assert [step.clock_ms for step in ahead(steps(20, closed))] == list(range(20))
    assert closed == ["flowml-meter"]


def test_what_metering_raises_is_raised_where_it_is_listened_to() -> None:
    def broken() -> Generator[Step]:
        yield Step(FlowBatch.empty(), 1, is_moment=True)
        raise CaptureError("cut")

    told = ahead(broken())
    assert next(told).clock_ms == 1
    with pytest.raises(CaptureError, match="cut"):
        next(told)


def test_who_stops_listening_ends_the_meter() -> None:
    closed: list[str] = []
    told = ahead(steps(1000, closed))
    next(told)
    told.close()
    assert closed == ["flowml-meter"]
    assert "flowml-meter" not in [thread.name for thread in threading.enumerate()]
