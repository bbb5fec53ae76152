import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.detections.sentence import say
from flowml.errors import DataError
from flowml.sinks.records import from_record, to_record
from tests.verdicts import BENIGN, alert, event

foreign = st.text(st.characters(exclude_categories=()))


@given(foreign, foreign, foreign)
def test_an_alert_is_the_same_after_it_was_kept(server: str, why: str, source: str) -> None:
    said = alert(why, why, server_name=server, source=source)
    assert from_record(to_record(said)) == said


@given(foreign, foreign)
def test_an_event_is_the_same_after_it_was_kept(message: str, source: str) -> None:
    assert from_record(to_record(event(message, source))) == event(message, source)


def test_what_is_not_known_stays_unknown() -> None:
    said = alert(detected_after_s=BENIGN.detected_after_s)
    assert from_record(to_record(said)) == said


@given(st.binary())
def test_bytes_that_are_no_record_are_told_or_read_and_nothing_else(data: bytes) -> None:
    with pytest.raises(DataError, match="not readable"):
        from_record(data)


def test_a_record_of_another_version_is_told() -> None:
    fields = json.loads(to_record(alert()))
    fields["alert"]["mood"] = "good"
    with pytest.raises(DataError, match="mood"):
        from_record(json.dumps(fields).encode())


def test_sentences_are_kept_as_data() -> None:
    said = alert(say({"k": "{gap_s}, {host}"}, "k", gap_s=42.5, host="10.0.0.2"))
    assert from_record(to_record(said)) == said


def test_an_alert_whose_explanation_an_earlier_flowml_kept_as_text_is_read() -> None:
    fields = json.loads(to_record(alert()))
    fields["alert"]["explanation"] = ["The server sent nothing of its own accord."]
    assert from_record(json.dumps(fields).encode()) == alert("The server sent nothing of its own accord.")
