"""A clock that goes straight to what happens next."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from flowml.errors import LabError
from flowml.lab.simulation.clock import SimulatedLoop

if TYPE_CHECKING:
    from collections.abc import Coroutine

_T = TypeVar("_T")


def _run(main: Coroutine[Any, Any, _T]) -> _T:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(main)


def test_a_year_of_sleep_passes_in_the_loop_alone() -> None:
    async def sleep() -> float:
        await asyncio.sleep(365 * 86_400.0)
        return asyncio.get_running_loop().time()

    began_s = time.monotonic()
    slept_s = _run(sleep())
    assert slept_s == pytest.approx(365 * 86_400.0)
    assert time.monotonic() - began_s < 3600.0  # it did not sleep here


def test_sleepers_wake_in_the_order_of_their_times() -> None:
    woken: list[float] = []

    async def sleep(duration_s: float) -> None:
        await asyncio.sleep(duration_s)
        woken.append(duration_s)

    async def main() -> None:
        await asyncio.gather(*map(sleep, (30.0, 10.0, 20.0)))

    _run(main())
    assert woken == [10.0, 20.0, 30.0]


def test_a_timeout_ends_at_its_simulated_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(600.0):
                await asyncio.sleep(3600.0)
        return asyncio.get_running_loop().time()

    assert _run(main()) == pytest.approx(600.0)


def test_waiting_for_what_is_no_number_yet_still_takes_time() -> None:
    """Rounding can leave a wait that is shorter than the distance between two numbers."""

    async def main() -> int:
        await asyncio.sleep(1e6)
        until_s = asyncio.get_running_loop().time() + 1e-6
        turns = 0
        while asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(1e-12)
            turns += 1
        return turns

    assert _run(main()) < 10


def test_nothing_left_to_happen_is_an_error_and_no_standstill() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(LabError, match="nothing is left to happen"):
        _run(main())
