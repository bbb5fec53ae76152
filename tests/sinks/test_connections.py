import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.detections.alert import ConnectionVerdict
from flowml.flows.key import FlowKey
from flowml.sinks.connections import connection_line, connection_record
from tests.conftest import REPOSITORY
from tests.verdicts import BENIGN, MINING


def validator(name: str) -> jsonschema.protocols.Validator:
    schema: dict[str, Any] = json.loads((REPOSITORY / "docs" / "schema" / name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


CONTRACT = validator("connection.schema.json")


@pytest.mark.parametrize(
    "verdict",
    [MINING, BENIGN, replace(MINING, key=FlowKey("2001:db8::2", 40000, "2001:db8::7", 443))],
    ids=["mining", "benign", "IPv6"],
)
def test_a_line_keeps_the_contract(verdict: ConnectionVerdict) -> None:
    CONTRACT.validate(json.loads(connection_line(verdict)))


def test_the_contract_is_no_formality() -> None:
    record = connection_record(MINING)
    for broken in (
        {**record, "verdict": "maybe"},
        {**record, "detected_after_s": None},
        {**record, "start": "2023-11-14 22:13:20"},
        {**record, "src_ip": "somewhere"},
        {**record, "further": 1},
        {key: value for key, value in record.items() if key != "file"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            CONTRACT.validate(broken)


def test_a_record_says_what_was_concluded() -> None:
    assert connection_record(MINING) == {
        "community_id": "1:myLFwEsgp8H/3gjeA8sdwmBHINA=",
        "src_ip": "10.0.0.2",
        "src_port": 40000,
        "dest_ip": "198.51.100.7",
        "dest_port": 3333,
        "proto": "TCP",
        "start": "2023-11-14T22:13:20.000Z",
        "end": "2023-11-14T22:14:21.234Z",
        "verdict": "mining",
        "probability": 0.987654,
        "novelty": 0.25,
        "age_s": 60.0,
        "detected_after_s": 61.5,
        "file": "capture.pcap",
    }


@given(st.text(st.characters(exclude_categories=())))
def test_no_file_name_breaks_a_line(name: str) -> None:
    line = connection_line(replace(MINING, source=name))
    assert line.isascii()
    assert line.isprintable()
    CONTRACT.validate(json.loads(line))
