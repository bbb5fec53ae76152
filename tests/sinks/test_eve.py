import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flowml.sinks.eve import EveFile, eve_line, eve_record, event_line
from tests.sinks.test_connections import validator
from tests.verdicts import alert, event

CONTRACT = validator("alert.schema.json")
EVENT_CONTRACT = validator("event.schema.json")
foreign = st.text(st.characters(exclude_categories=()))


def test_an_alert_keeps_the_contract() -> None:
    CONTRACT.validate(json.loads(eve_line(alert("pushes of constant size"))))


def test_times_have_the_form_that_suricata_writes() -> None:
    record = eve_record(alert())
    assert record["timestamp"] == "2023-11-14T22:14:21.500000+0000"
    assert record["flow"]["start"] == "2023-11-14T22:13:20.000000+0000"


def test_the_source_is_the_client() -> None:
    record = eve_record(alert())
    assert (record["src_ip"], record["src_port"]) == ("10.0.0.2", 40000)
    assert record["flow"] == {
        "pkts_toserver": 7,
        "pkts_toclient": 12,
        "bytes_toserver": 1200,
        "bytes_toclient": 3400,
        "start": "2023-11-14T22:13:20.000000+0000",
    }


@given(foreign, foreign, foreign, foreign)
def test_no_name_from_a_packet_breaks_a_record(server: str, application: str, why: str, source: str) -> None:
    line = eve_line(alert(why, server_name=server, application_name=application, source=source))
    assert line.isascii()
    assert line.isprintable()
    CONTRACT.validate(json.loads(line))


def test_a_file_grows_by_a_line_for_each_alert(tmp_path: Path) -> None:
    for _ in range(2):
        sink = EveFile(tmp_path / "eve.json")
        sink.emit([alert(), alert()])
        sink.close()
    lines = (tmp_path / "eve.json").read_text().splitlines()
    assert [json.loads(line)["event_type"] for line in lines] == ["alert"] * 4


@given(foreign, foreign)
def test_an_event_keeps_the_contract_whatever_it_says(message: str, source: str) -> None:
    line = event_line(event(message, source))
    assert line.isascii()
    assert line.isprintable()
    EVENT_CONTRACT.validate(json.loads(line))


def test_alerts_and_events_stand_in_one_file(tmp_path: Path) -> None:
    sink = EveFile(tmp_path / "eve.json")
    sink.emit([alert()])
    sink.report(event())
    sink.close()
    first, second = (json.loads(line) for line in (tmp_path / "eve.json").read_text().splitlines())
    assert (first["event_type"], second["event_type"]) == ("alert", "sensor")
    assert second["sensor"]["gap_s"] == 2.5
