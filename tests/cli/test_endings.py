"""A signal ends a command wherever it comes."""

import signal
import subprocess
import sys

import pytest

from tests.processes import ENVIRONMENT

NUMBERS = [signal.SIGINT, signal.SIGTERM]
ENDINGS = {signal.SIGINT: "Interruption\n", signal.SIGTERM: "Termination\n"}
# what the block of each test is: `go` in it is called, and has to be ended by the signal
PROGRAM = """
import signal, sys, time
from flowml.cli.endings import endings_by_signal

number = int(sys.argv[1])

def work():
    end = time.monotonic() + 30
    while time.monotonic() < end:
        time.sleep(0.001)

{go}
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.unraisablehook
try:
    with endings_by_signal():
        go()
except BaseException as ending:
    print(type(ending).__name__)
assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.unraisablehook)
"""


def ended_by(number: signal.Signals, go: str) -> tuple[str, str]:
    """What a program tells that meets a signal in `go`, and what Python tells of it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(go=go), str(int(number))],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=60,
        check=False,
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize("number", NUMBERS)
def test_one_that_comes_before_an_open_file_can_be_closed_is_told_of_as_usual(number: signal.Signals) -> None:
    go = """
def opened():
    file = open("/dev/null", "rb")
    signal.raise_signal(number)
    return file

def go():
    with opened():
        pass
"""
    assert ended_by(number, go) == (ENDINGS[number], "")


@pytest.mark.parametrize("number", NUMBERS)
def test_one_that_comes_while_an_object_is_destroyed_is_not_lost(number: signal.Signals) -> None:
    go = """
class Passing:
    def __del__(self):
        signal.raise_signal(number)  # Python can raise nothing here

def go():
    Passing()
    work()
"""
    assert ended_by(number, go) == (ENDINGS[number], "")


@pytest.mark.parametrize("number", NUMBERS)
def test_one_that_is_swallowed_on_its_way_is_raised_again(number: signal.Signals) -> None:
    go = """
def go():
    try:
        signal.raise_signal(number)
    except BaseException:
        pass  # as NumPy does, in C
    work()
"""
    assert ended_by(number, go) == (ENDINGS[number], "")


@pytest.mark.parametrize("number", NUMBERS)
def test_what_cleans_up_is_left_in_peace(number: signal.Signals) -> None:
    go = """
def go():
    try:
        signal.raise_signal(number)
    finally:
        try:
            time.sleep(0.5)
            raise ValueError
        except ValueError:
            time.sleep(0.5)
        print("clean")
"""
    assert ended_by(number, go) == (f"clean\n{ENDINGS[number]}", "")


def test_what_fails_unseen_otherwise_is_still_told() -> None:
    go = """
class Failing:
    def __del__(self):
        raise ValueError("no ending")

def go():
    Failing()
    raise SystemExit
"""
    told, error = ended_by(signal.SIGINT, go)
    assert told == "SystemExit\n"
    assert "ValueError: no ending" in error
