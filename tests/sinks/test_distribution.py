import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowml.errors import SinkError
from flowml.sinks.distribution import Distribution
from flowml.sinks.journal import Journal
from flowml.sinks.outlets import Outlets
from flowml.sinks.settings import EveSettings, SinksSettings
from tests.processes import start_python
from tests.sinks.servers import Kept
from tests.verdicts import alert, event

ROOM = 1 << 20
FULL = "eve.json: cannot be written: No space left on device"

# Is killed by its own second destination, when the first has accepted and the third has not heard of it.
DYING = """
import io, os, signal, sys
from pathlib import Path
from flowml.sinks.base import Terms
from flowml.sinks.outlets import Outlets
from flowml.sinks.settings import EveSettings, SinksSettings
from tests.verdicts import alert, event

class Deadly:
    def emit(self, alerts):
        os.kill(os.getpid(), signal.SIGKILL)

    report = emit

folder, what = Path(sys.argv[1]), sys.argv[2]
settings = SinksSettings(eve=EveSettings(folder / "eve.json"))
outlets = Outlets(settings, io.StringIO(), folder / "spool", print)
before, after = outlets.sinks[-1], Deadly()
distribution = outlets.distribution([before, after])
distribution.report(event()) if what == "event" else distribution.emit([alert(server_name="one")] * 3)
"""


def distribution(
    *sinks: Kept, journal: Path | None = None, tell: Callable[[str], None] = print
) -> Distribution:
    return Distribution(sinks, tell, None if journal is None else Journal(journal, ROOM))


def failing() -> Kept:
    sink = Kept()
    sink.error = SinkError(FULL)
    return sink


def test_a_failing_sink_keeps_no_alert_from_the_others_and_is_told() -> None:
    kept, told = Kept(), list[str]()
    assert distribution(failing(), kept, failing(), tell=told.append).emit([alert(), alert()]) == 4
    assert len(kept.alerts) == 2
    assert told == [f"alert not delivered: {FULL}"] * 2


def test_what_was_handed_out_is_not_handed_out_again(tmp_path: Path) -> None:
    first = distribution(Kept(), failing(), journal=tmp_path / "journal")
    first.emit([alert()])
    first.report(event())
    first.close()
    kept = Kept()
    distribution(kept, journal=tmp_path / "journal").resume()
    assert (kept.alerts, kept.events) == ([], [])


@pytest.mark.parametrize("what", ["alerts", "event"])
def test_whoever_is_killed_between_two_destinations_leaves_it_to_the_next_start(
    what: str, tmp_path: Path
) -> None:
    with start_python("-c", DYING, str(tmp_path), what) as process:
        assert process.wait(60) == -9, process.communicate()
    late, told = Kept(), list[str]()
    outlets = Outlets(
        SinksSettings(eve=EveSettings(tmp_path / "eve.json")), io.StringIO(), tmp_path / "spool", told.append
    )
    resumed = outlets.distribution([outlets.sinks[-1], late])
    resumed.resume()
    resumed.close()
    outlets.close(time.monotonic())
    expected = ([], [event()]) if what == "event" else ([alert(server_name="one")] * 3, [])
    assert (late.alerts, late.events) == expected
    assert any("handed out again" in text for text in told)
    again = Outlets(SinksSettings(), io.StringIO(), tmp_path / "spool", told.append)
    heard = Kept()
    again.distribution([heard]).resume()
    again.close(time.monotonic())
    assert (heard.alerts, heard.events) == ([], [])


def test_a_thread_that_is_late_writes_into_no_journal(tmp_path: Path) -> None:
    kept = Kept()
    ended = distribution(kept, journal=tmp_path / "journal")
    ended.close()
    ended.emit([alert()])
    assert len(kept.alerts) == 1
    assert (tmp_path / "journal").stat().st_size == Journal.EMPTY_BYTES


def test_what_cannot_be_read_keeps_nothing_else_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", ROOM)
    journal.append([b"of another version"])
    journal.close()
    kept, told = Kept(), list[str]()
    resumed = distribution(kept, journal=tmp_path / "journal", tell=told.append)
    resumed.resume()
    assert "not handed out again: kept record of 18 bytes" in told[1]
    resumed.emit([alert()])
    assert len(kept.alerts) == 1


def test_a_full_disk_keeps_no_alert_back_and_is_told_once(small_disk: Path) -> None:
    kept, told = Kept(), list[str]()
    handing = distribution(kept, journal=small_disk / "journal", tell=told.append)
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass  # full
    handing.emit([alert("w" * 9000)])
    handing.emit([alert("w" * 9000)])
    assert len(kept.alerts) == 2
    assert len(told) == 1
    assert "may leave an alert with some destinations only" in told[0]
    (small_disk / "filler").unlink()
    handing.emit([alert()])
    assert len(told) == 1
    handing.close()
