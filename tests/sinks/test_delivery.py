import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from flowml.detections.alert import Alert
from flowml.errors import SinkError
from flowml.sinks import delivery as module
from flowml.sinks.backlog import Backlog
from flowml.sinks.base import Sink, Terms, UndeliverableError
from flowml.sinks.delivery import Delivery
from flowml.sinks.journal import Journal
from tests.processes import eventually
from tests.sinks.servers import Kept
from tests.verdicts import alert, event

MIB = 1 << 20
LONG_S = 60.0


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_PAUSE_S", "LONGEST_PAUSE_S", "LAST_PAUSE_S", "SETTLE_S"):
        monkeypatch.setattr(module, name, 0.01)


def numbered(number: int) -> Alert:
    return alert(server_name=str(number))


def delivery(sink: Sink, backlog: Backlog | None = None, **options: object) -> Delivery:
    terms = options.pop("terms", Terms())
    tell = options.pop("tell", lambda text: None)
    kept = Backlog(None) if backlog is None else backlog
    return Delivery("test", sink, kept, terms, tell, **options)  # type: ignore[arg-type]


def end(made: Delivery, within_s: float = LONG_S) -> None:
    made.finish(time.monotonic() + within_s)
    made.close()


def spool(folder: Path) -> Backlog:
    return Backlog(Journal(folder / "test.journal", MIB))


def test_alerts_and_events_arrive_in_order_and_the_sink_is_closed() -> None:
    sink = Kept()
    made = delivery(sink)
    made.emit([numbered(1), numbered(2)])
    made.report(event())
    made.emit([numbered(3)])
    end(made)
    assert (sink.names, sink.events, sink.is_closed) == (["1", "2", "3"], [event()], True)
    assert made.figures().delivered == 4
    assert made.figures().waiting == 0


def test_a_sink_that_hangs_keeps_nobody_who_hands_out_waiting() -> None:
    free = threading.Event()

    class Slow(Kept):
        def emit(self, alerts: Sequence[Alert]) -> None:
            assert free.wait(LONG_S)
            super().emit(alerts)

    sink = Slow()
    made = delivery(sink)
    for number in range(100):
        made.emit([numbered(number)])
    assert sink.alerts == []
    free.set()
    end(made)
    assert sink.names == [str(number) for number in range(100)]


def test_a_sink_that_fails_is_tried_until_it_works_and_both_is_told_once() -> None:
    told: list[str] = []
    sink = Kept()
    sink.error = SinkError("database is locked")
    made = delivery(sink, tell=told.append)
    made.emit([numbered(1)])
    made.emit([numbered(2)])
    assert eventually(lambda: made.figures().failed > 3)
    assert made.figures().last_error == "database is locked"
    assert made.figures().failing_since_ms is not None
    sink.error = None
    end(made)
    assert sink.names == ["1", "2"]
    assert told[0].startswith("test: not delivered: database is locked; ")
    assert told[1:] == ["test: delivered again"]
    assert (made.figures().last_error, made.figures().failing_since_ms) == ("", None)


def test_a_sink_gets_as_many_at_once_as_it_wants_and_events_in_their_place() -> None:
    sink = Kept()
    sink.error = SinkError("not yet")
    made = delivery(sink, terms=Terms(at_most=3))
    made.emit([numbered(number) for number in range(5)])
    made.report(event())
    made.emit([numbered(5)])
    sink.error = None
    end(made)
    assert sum(sink.batches) == 6
    assert max(sink.batches) == 3
    assert sink.names == ["0", "1", "2", "3", "4", "5"]


def test_a_sink_that_wants_pauses_gets_what_came_meanwhile_together() -> None:
    sink = Kept()
    made = delivery(sink, terms=Terms(at_most=10, every_s=LONG_S, wants_events=False))
    made.emit([numbered(1)])
    assert eventually(lambda: sink.names == ["1"])
    for number in (2, 3):
        made.emit([numbered(number)])
        made.report(event())
    assert made.figures().waiting == 2
    assert sink.events == []
    end(made)  # they would be lost with the process
    assert sink.batches == [1, 2]


def test_what_waits_for_the_end_of_a_pause_stays_on_disk_at_the_end(tmp_path: Path) -> None:
    sink = Kept()
    made = delivery(sink, spool(tmp_path), terms=Terms(at_most=10, every_s=LONG_S))
    made.emit([numbered(1)])
    assert eventually(lambda: sink.names == ["1"])
    made.emit([numbered(2)])
    end(made)
    assert (sink.names, made.figures().waiting, made.figures().held) == (["1"], 1, 0)


def test_what_was_not_delivered_is_delivered_by_the_next_start(tmp_path: Path) -> None:
    sink = Kept()
    sink.error = SinkError("down")
    made = delivery(sink, spool(tmp_path))
    made.emit([numbered(1), numbered(2)])
    made.report(event())
    assert made.figures().spooled_bytes > 0
    end(made)
    sink.error = None
    again = delivery(sink, spool(tmp_path))
    assert eventually(lambda: again.figures().waiting == 0)
    end(again)
    assert (sink.names, sink.events) == (["1", "2"], [event()])


def test_a_sensor_that_ends_tries_what_is_only_in_memory_until_its_time_is_over() -> None:
    sink = Kept()
    sink.error = SinkError("down")
    made = delivery(sink)
    made.emit([numbered(1)])
    assert eventually(lambda: made.figures().failed > 0)
    end(made, within_s=0.1)
    assert (made.figures().waiting, made.figures().held, sink.is_closed) == (1, 1, True)


def test_what_will_never_be_taken_is_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    class Picky(Kept):
        def emit(self, alerts: Sequence[Alert]) -> None:
            if alerts[0].verdict.server_name == "2":
                raise UndeliverableError("answered 400")
            super().emit(alerts)

    told: list[str] = []
    sink, aside = Picky(), tmp_path / "aside.json"
    made = delivery(sink, tell=told.append, aside=aside)
    made.emit([numbered(1), numbered(2), numbered(3)])
    end(made)
    assert sink.names == ["1", "3"]
    assert told == [
        f"test: 1 alerts or events will never be taken: answered 400; kept in {aside}",
        "test: delivered again",
    ]
    (kept,) = (json.loads(line) for line in aside.read_text().splitlines())
    assert kept["alert"]["verdict"]["server_name"] == "2"
    assert (made.figures().set_aside, made.figures().delivered) == (1, 2)


def test_a_mistake_of_a_sink_does_not_stop_what_comes_behind_it() -> None:
    class Mistaken(Kept):
        def emit(self, alerts: Sequence[Alert]) -> None:
            if alerts[0].verdict.server_name == "1":
                raise KeyError("port")
            super().emit(alerts)

    told: list[str] = []
    sink = Mistaken()
    made = delivery(sink, tell=told.append)
    made.emit([numbered(1), numbered(2)])
    end(made)
    assert sink.names == ["2"]
    assert "will never be taken: KeyError: 'port'; there is no state.folder to keep them in" in told[0]


def test_a_record_that_cannot_be_read_is_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    backlog = spool(tmp_path)
    backlog.put([b"from another version"])
    sink, aside = Kept(), tmp_path / "aside.json"
    made = delivery(sink, backlog, aside=aside, terms=Terms(at_most=10))
    made.emit([numbered(1)])
    end(made)
    assert sink.names == ["1"]
    assert aside.read_text() == "from another version\n"


def test_a_reader_of_standard_output_that_went_away_is_raised_where_alerts_come_from() -> None:
    sink = Kept()
    sink.error = BrokenPipeError()
    made = delivery(sink)
    made.emit([numbered(1)])

    def is_raised() -> bool:
        try:
            made.emit([numbered(2)])
        except BrokenPipeError:
            return True
        return False

    assert eventually(is_raised)
    end(made)
    with pytest.raises(BrokenPipeError):
        made.check()


def test_a_file_is_opened_again_by_the_thread_that_writes() -> None:
    class File(Kept):
        opened_by = ""

        def reopen(self) -> None:
            self.opened_by = threading.current_thread().name

    sink = File()
    made = delivery(sink)
    made.reopen()
    assert eventually(lambda: sink.opened_by == "flowml-test")
    end(made)


def test_a_full_memory_is_told_to_who_hands_out_and_counted() -> None:
    sink = Kept()
    sink.error = SinkError("down")
    made = delivery(sink, Backlog(None, memory_bytes=10))
    with pytest.raises(SinkError, match="1 alerts or events are lost"):
        made.emit([numbered(1)])
    assert made.figures().lost == 1
    end(made)


def fill(folder: Path) -> Callable[[], None]:
    filler = folder / "filler"
    filler.write_bytes(bytes(60 << 10))
    return filler.unlink


@pytest.mark.root
def test_a_full_disk_is_told_loses_nothing_and_needs_no_restart(small_disk: Path) -> None:
    told: list[str] = []
    sink = Kept()
    sink.error = SinkError("down")
    made = delivery(sink, spool(small_disk), tell=told.append)
    empty = fill(small_disk)
    for number in range(20):
        made.emit([numbered(number)])
    assert any("test: alerts are kept in memory only:" in line for line in told)
    assert made.figures().held_bytes > 0
    empty()
    assert eventually(lambda: made.figures().held_bytes == 0)
    end(made)
    assert "test: alerts are kept on disk again" in told
    sink.error = None
    again = delivery(sink, spool(small_disk))
    assert eventually(lambda: again.figures().waiting == 0)
    end(again)
    assert sink.names == [str(number) for number in range(20)]


@pytest.mark.root
def test_a_full_disk_does_not_keep_a_server_from_getting_alerts(small_disk: Path) -> None:
    sink = Kept()
    made = delivery(sink, spool(small_disk))
    fill(small_disk)
    made.emit([alert("x" * 9000, server_name="1")])
    assert eventually(lambda: sink.names == ["1"])
    end(made)
