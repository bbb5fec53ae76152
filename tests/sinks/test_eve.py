import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flowml.detections.alert import Evidence
from flowml.detections.event import EventKind
from flowml.flows.key import FlowKey
from flowml.sinks.eve import EveFile, eve_line, eve_record, event_line
from flowml.sinks.trial import trial_alert
from tests.sinks.test_connections import validator
from tests.verdicts import alert, event, health_change

CONTRACT = validator("alert.schema.json")
EVENT_CONTRACT = validator("event.schema.json")
foreign = st.text(st.characters(exclude_categories=()))


def test_an_alert_keeps_the_contract() -> None:
    CONTRACT.validate(json.loads(eve_line(alert("pushes of constant size"))))


# What Suricata's own schema of EVE records (etc/schema.json) asks of the fields that are written here:
# the types, and that nothing else may stand in `alert`, its metadata (so before Suricata 8) and `flow`.
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
        "flow": _CLOSED | {"properties": {"start": _TEXT, **dict.fromkeys(_FLOW, _NUMBER)}},
    },
}


def test_an_alert_is_one_for_readers_of_suricata_too() -> None:
    record = json.loads(eve_line(alert("pushes of constant size")))
    Draft202012Validator(SURICATA).validate(record)
    assert set(record) - {"flowml"} <= set(SURICATA["properties"])  # ours stand in an object of ours


_SAID = Evidence(share_rate_per_min=2.5, resembles="monero", opened_before=("page.example",))
EVERY_KIND = {
    "alert": eve_line(alert("pushes of constant size")),
    "alert with evidence": eve_line(replace(alert("pushes of constant size"), evidence=_SAID)),
    "alert without what is not always known": eve_line(
        alert(detected_after_s=None, saw_start=False, application_name="", server_name="")
    ),
    "alert of IPv6": eve_line(alert(key=FlowKey("2001:db8::2", 40000, "2001:db8::7", 443))),
    "alert of a trial": eve_line(trial_alert(1_700_000_061_500)),
    **{kind.value: event_line(replace(event(), kind=kind)) for kind in EventKind},
    "health": event_line(health_change()),
}


@pytest.fixture(scope="module")
def suricata() -> Draft202012Validator:
    """Suricata's own schema, under the GPL and no part of the repository; `make eve-schema` fetches it."""
    path = os.environ.get("FLOWML_EVE_SCHEMA")
    if path is None:
        pytest.skip("no schema of Suricata's (set FLOWML_EVE_SCHEMA, or run: make eve-schema)")
    schema = json.loads(Path(path).read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("line", EVERY_KIND.values(), ids=EVERY_KIND)
def test_all_that_the_schema_of_suricata_refuses_is_the_object_of_ours(
    suricata: Draft202012Validator, line: str
) -> None:
    record = json.loads(line)
    (refused,) = suricata.iter_errors(record)
    assert (refused.validator, list(refused.path)) == ("additionalProperties", [])
    del record["flowml" if record["event_type"] == "alert" else "sensor"]
    suricata.validate(record)


def test_the_schema_of_suricata_is_no_formality(suricata: Draft202012Validator) -> None:
    record = eve_record(alert())
    del record["flowml"]
    for broken in (
        {**record, "timestamp": "2023-11-14T22:14:21Z"},
        {**record, "src_port": "40000"},
        {**record, "flow": {**record["flow"], "further": 1}},
        {**record, "alert": {**record["alert"], "severity": "high"}},
    ):
        assert not suricata.is_valid(broken)


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
