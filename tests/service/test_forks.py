"""Copies of a process share its work, and none of them outlives it."""

import multiprocessing
import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from flowml.errors import CaptureError, FlowmlError
from flowml.service.forks import Forks


@pytest.mark.parametrize("jobs", [1, 2, 3, 9])
def test_results_come_in_the_order_of_the_tasks_and_each_is_done_once(jobs: int, tmp_path: Path) -> None:
    def work(number: int) -> tuple[int, int]:
        with (tmp_path / str(number)).open("x"):  # there already if somebody else did it
            time.sleep(0.001 * (number % 3))
        return number, os.getpid()

    with closing(Forks(jobs, 40, work)) as forks:
        results = list(forks.results())
    assert [number for number, _ in results] == list(range(40))
    assert len({process for _, process in results}) <= jobs
    assert not multiprocessing.active_children()


def test_this_process_takes_part_and_a_copy_has_what_it_has(tmp_path: Path) -> None:
    loaded = object()  # nothing that could be sent

    def work(number: int) -> tuple[int, int]:
        if number < 2:  # each waits until the other has begun
            (tmp_path / str(number)).touch()
            while not (tmp_path / str(1 - number)).exists():
                time.sleep(0.001)
        return id(loaded), os.getpid()

    with closing(Forks(2, 6, work)) as forks:
        results = list(forks.results())
    assert {what for what, _ in results} == {id(loaded)}
    assert os.getpid() in {process for _, process in results}
    assert len({process for _, process in results}) == 2


def test_no_task_needs_no_process() -> None:
    with closing(Forks(4, 0, lambda number: number)) as forks:
        assert list(forks.results()) == []
        assert not multiprocessing.active_children()


def test_what_a_copy_raises_is_raised_here() -> None:
    here = os.getpid()

    def work(number: int) -> int:
        if os.getpid() != here:
            raise CaptureError("no such thing")
        time.sleep(0.05)
        return number

    with closing(Forks(2, 1000, work)) as forks, pytest.raises(CaptureError, match="no such thing"):
        list(forks.results())
    assert not multiprocessing.active_children()


def test_a_copy_that_is_killed_is_told() -> None:
    here = os.getpid()

    def work(number: int) -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.05)
        return number

    with (
        closing(Forks(2, 1000, work)) as forks,
        pytest.raises(FlowmlError, match=r"unexpected end \(exit code -9.*fewer --jobs"),
    ):
        list(forks.results())


def test_who_needs_no_more_results_ends_the_copies(tmp_path: Path) -> None:
    here = os.getpid()

    def work(number: int) -> int:
        if os.getpid() != here:
            time.sleep(600)
        return number

    with closing(Forks(3, 100, work)):
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()
