import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.sinks.syslog import MESSAGE_BYTES, syslog_message
from tests.sinks.test_connections import validator
from tests.verdicts import alert, event, health_change

CONTRACT = validator("alert.schema.json")
EVENT_CONTRACT = validator("event.schema.json")
foreign = st.text(st.characters(exclude_categories=()))
# RFC 5424, 6: PRI VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG
MESSAGE = re.compile(
    r"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) "
    r'([!-~]{1,32}) (-|\[[!-~]+(?: \w+="(?:[^"\\\]]|\\["\\\]])*")*\]) (\{.*\})'
)


def fields(message: bytes) -> tuple[str, ...]:
    found = MESSAGE.fullmatch(message.decode("ascii"))
    assert found is not None, message
    return found.groups()


def test_an_alert_is_a_warning_of_local5_with_the_record_as_its_text() -> None:
    *head, text = fields(syslog_message(alert("why"), "sensor-1", 77))
    assert head == ["172", "2023-11-14T22:14:21.500Z", "sensor-1", "flowml", "77", "alert", "-"]
    CONTRACT.validate(json.loads(text))


def test_an_event_is_a_notice() -> None:
    *head, text = fields(syslog_message(event(), "sensor-1", 77))
    assert (head[0], head[5]) == ("173", "sensor")
    assert head[6] == '[flowml@32473 event="resumed" source="eth0"]'
    assert json.loads(text)["sensor"]["event"] == "resumed"


@pytest.mark.parametrize(("status", "priority"), [("bad", "171"), ("warn", "172"), ("ok", "173")])
def test_health_is_as_severe_as_it_stands_and_can_be_sorted_without_its_text(
    status: str, priority: str
) -> None:
    *head, text = fields(syslog_message(health_change(status, "warn"), "sensor-1", 77))
    assert (head[0], head[5]) == (priority, "health")
    expected = f'event="health" source="eth0" check="losses eth0" status="{status}" before="warn"'
    assert head[6] == f"[flowml@32473 {expected}]"
    EVENT_CONTRACT.validate(json.loads(text))


@given(foreign)
def test_no_name_leaves_structured_data(source: str) -> None:
    message = syslog_message(health_change(source=source), "sensor-1", 77)
    EVENT_CONTRACT.validate(json.loads(fields(message)[-1]))


@given(foreign, foreign, foreign, foreign)
def test_no_name_breaks_a_message(server: str, why: str, source: str, hostname: str) -> None:
    message = syslog_message(alert(why, server_name=server, source=source), hostname, 1)
    CONTRACT.validate(json.loads(fields(message)[-1]))


def test_long_texts_give_way_before_a_receiver_cuts_the_record() -> None:
    said = alert("w" * 9000, server_name="\N{SNOWMAN}" * 65_536, source="s" * 5000)
    message = syslog_message(said, "h" * 300, 1)
    assert len(message) <= MESSAGE_BYTES
    record = json.loads(fields(message)[-1])
    CONTRACT.validate(record)
    assert record["community_id"]


def test_a_long_event_is_shortened_too() -> None:
    message = syslog_message(event("m" * 20_000, "s" * 20_000), "host", 1)
    assert len(message) <= MESSAGE_BYTES
    assert json.loads(fields(message)[-1])["sensor"]["message"] == "m" * 80
