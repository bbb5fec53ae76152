from flowml.sinks.filtered import Filtered
from tests.sinks.servers import Kept
from tests.verdicts import alert, event


def test_a_filter_decides_about_alerts_and_nothing_about_events() -> None:
    kept = Kept()
    sink = Filtered(kept, lambda alerts: [it for it in alerts if it.verdict.server_name == "pool.example"])
    sink.emit([alert(), alert(server_name="other.example")])
    sink.emit([alert(server_name="other.example")])
    sink.report(event())
    sink.close()
    assert kept.alerts == [alert()]
    assert kept.batches == [1]
    assert kept.events == [event()]
    assert kept.is_closed
