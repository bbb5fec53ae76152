"""A capture that is opened ahead is opened as otherwise, and leaves nothing behind."""

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from flowml.capture.sources import open_capture
from flowml.errors import CaptureError
from flowml.service.ahead import OpenedAhead
from tests.traffic import both, write_capture


def is_opening() -> bool:
    return "flowml-open" in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write_capture(tmp_path / "capture.pcap", both())


@pytest.fixture
def packed(capture: Path) -> Path:
    path = capture.with_suffix(".zst")
    path.write_bytes(zstandard.compress(capture.read_bytes()))
    return path


def test_a_capture_is_opened_ahead_as_it_is_otherwise(capture: Path) -> None:
    with (
        closing(OpenedAhead(capture, allow_partial=False)) as opened,
        open_capture(capture, allow_partial=False) as source,
    ):
        assert opened.source() == source
        assert not is_opening()


def test_what_opening_raises_is_raised_where_the_capture_is_wanted(capture: Path) -> None:
    capture.write_bytes(capture.read_bytes()[:-7])
    with (
        closing(OpenedAhead(capture, allow_partial=False)) as opened,
        pytest.raises(CaptureError, match="cut or corrupt"),
    ):
        opened.source()


def test_temporary_files_last_until_it_is_closed(packed: Path) -> None:
    with closing(OpenedAhead(packed, allow_partial=False)) as opened:
        unpacked = opened.source().readable_path
        assert unpacked.exists()
    assert not unpacked.exists()


def test_who_never_wants_the_capture_ends_the_thread_too(packed: Path) -> None:
    with closing(OpenedAhead(packed, allow_partial=False)):
        pass
    assert not is_opening()


IMPORTED_BY_THE_THREAD = """
import sys
from pathlib import Path
from flowml.service.ahead import OpenedAhead
before = set(sys.modules)
opened = OpenedAhead(Path(sys.argv[1]), allow_partial=False)
opened.source()
after = set(sys.modules)
opened.close()
print(*sorted(after - before - {"flowml.capture._meter"}))
"""


def test_the_thread_imports_nothing(capture: Path, packed: Path) -> None:
    for path in (capture, packed):
        command = [sys.executable, "-c", IMPORTED_BY_THE_THREAD, str(path)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "\n"
