"""A meter that runs ahead tells the same, and ends with whoever listens."""

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from flowml.errors import CaptureError
from flowml.service.ahead import MeteredAhead, capture_to_score
from tests.traffic import both, write_capture


def is_metering() -> bool:
    return "flowml-meter" in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write_capture(tmp_path / "capture.pcap", both())


def test_a_capture_is_metered_ahead_as_it_is_otherwise(capture: Path) -> None:
    alone = capture_to_score(capture, allow_partial=False)
    ahead = MeteredAhead(capture_to_score(capture, allow_partial=False))
    steps = list(ahead.steps())
    assert [(step.clock_ms, len(step.batch)) for step in steps] == [
        (step.clock_ms, len(step.batch)) for step in alone.steps()
    ]
    assert sum(len(step.batch) for step in steps) > 0
    assert (ahead.path, ahead.report) == (capture, alone.report)
    assert not is_metering()


def test_what_metering_raises_is_raised_where_it_is_listened_to(capture: Path) -> None:
    capture.write_bytes(capture.read_bytes()[:-7])
    with (
        closing(MeteredAhead(capture_to_score(capture, allow_partial=False))) as ahead,
        pytest.raises(CaptureError, match="cut or corrupt"),
    ):
        list(ahead.steps())


def test_who_stops_listening_ends_the_meter(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowml.capture.loop.MOMENT_PACKETS", 50)  # more steps than may wait
    ahead = MeteredAhead(capture_to_score(capture, allow_partial=False))
    steps = ahead.steps()
    next(steps)
    assert is_metering()
    steps.close()
    assert not is_metering()


def test_who_never_listens_ends_the_meter_too(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowml.capture.loop.MOMENT_PACKETS", 50)
    with closing(MeteredAhead(capture_to_score(capture, allow_partial=False))):
        assert is_metering()
    assert not is_metering()


IMPORTED_BY_THE_THREAD = """
import sys
from pathlib import Path
from flowml.service.ahead import MeteredAhead, capture_to_score
ahead = MeteredAhead(capture_to_score(Path(sys.argv[1]), allow_partial=False))
before = set(sys.modules)
for step in ahead.steps():
    pass
print(*sorted(set(sys.modules) - before))
"""


def test_the_thread_imports_nothing(capture: Path) -> None:
    packed = capture.with_suffix(".zst")
    packed.write_bytes(zstandard.compress(capture.read_bytes()))
    for path in (capture, packed):
        command = [sys.executable, "-c", IMPORTED_BY_THE_THREAD, str(path)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "\n"
