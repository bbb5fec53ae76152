import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flowml.sinks.eve import EveFile, eve_line, eve_record, event_line
from tests.sinks.test_connections import validator
from tests.verdicts import alert, event, health_change

CONTRACT = validator("alert.schema.json")
EVENT_CONTRACT = validator("event.schema.json")
foreign = st.text(st.characters(exclude_categories=()))


def test_an_alert_keeps_the_contract() -> None:
    CONTRACT.validate(json.loads(eve_line(alert("pushes of constant size"))))


# What Suricata's own schema of EVE records (etc/schema.json) asks of the fields that are written here:
# the types, and that nothing else may stand in `alert` and its metadata.
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
_TAGS = {"type": "array", "items": _TEXT}
_CLOSED: dict[str, Any] = {"type": "object", "additionalProperties": False}
_METADATA = (
    "affected_product", "attack_target", "created_at", "deployment", "signature_severity", "tag",
    "updated_at",
)  # fmt: skip
_FLOW = ("pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient")
SURICATA: dict[str, Any] = {
    "type": "object",
    "required": ["timestamp", "event_type"],
    "properties": {
        "timestamp": _TEXT | {"pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+[+\-]\d+$"},
        **dict.fromkeys(("event_type", "src_ip", "dest_ip", "proto", "community_id"), _TEXT),
        **dict.fromkeys(("src_port", "dest_port"), _NUMBER),
        "alert": _CLOSED
        | {
            "properties": {
                **dict.fromkeys(("action", "category", "signature"), _TEXT),
                **dict.fromkeys(("gid", "rev", "severity", "signature_id"), _NUMBER),
                "metadata": _CLOSED | {"properties": dict.fromkeys(_METADATA, _TAGS)},
            }
        },
        "flow": {"type": "object", "properties": {"start": _TEXT, **dict.fromkeys(_FLOW, _NUMBER)}},
    },
}


def test_an_alert_is_one_for_readers_of_suricata_too() -> None:
    record = json.loads(eve_line(alert("pushes of constant size")))
    Draft202012Validator(SURICATA).validate(record)
    assert set(record) - {"flowml"} <= set(SURICATA["properties"])  # ours stand in an object of ours


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


def test_a_change_of_health_says_how_it_was_and_is() -> None:
    record = json.loads(event_line(health_change("ok", "bad")))
    EVENT_CONTRACT.validate(record)
    told = record["sensor"]
    assert record["event_type"] == "sensor"
    assert (told["event"], told["check"], told["before"], told["status"]) == (
        "health",
        "losses eth0",
        "bad",
        "ok",
    )
    assert json.loads(event_line(event()))["sensor"]["check"] is None


def test_alerts_and_events_stand_in_one_file(tmp_path: Path) -> None:
    sink = EveFile(tmp_path / "eve.json")
    sink.emit([alert()])
    sink.report(event())
    sink.close()
    first, second = (json.loads(line) for line in (tmp_path / "eve.json").read_text().splitlines())
    assert (first["event_type"], second["event_type"]) == ("alert", "sensor")
    assert second["sensor"]["gap_s"] == 2.5
