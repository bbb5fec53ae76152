from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.sinks.endpoint import MAIL_PORTS, SYSLOG_PORTS, Endpoint, checked_url, endpoint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("udp://logs.example", Endpoint("udp", "logs.example", 514)),
        ("tls://logs.example", Endpoint("tls", "logs.example", 6514)),
        ("tcp://10.0.0.1:5514/", Endpoint("tcp", "10.0.0.1", 5514)),
        ("tcp://[2001:db8::1]:514", Endpoint("tcp", "2001:db8::1", 514)),
    ],
)
def test_an_address_is_taken_apart(text: str, expected: Endpoint) -> None:
    assert endpoint(text, SYSLOG_PORTS) == expected


def test_an_address_is_told_as_it_is_written() -> None:
    assert str(Endpoint("tcp", "2001:db8::1", 514)) == "tcp://[2001:db8::1]:514"
    assert str(Endpoint("smtp", "mail.example", 587)) == "smtp://mail.example:587"


@pytest.mark.parametrize(
    "text",
    ["", "mail.example", "http://mail.example", "smtp://", "smtp://me@mail", "smtp://a/b", "smtp://a:1x", "smtp://[a"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected smtp://HOST:PORT or smtps://HOST:PORT or plain://"):
        endpoint(text, MAIL_PORTS)


@given(st.text())
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    for check in (checked_url, lambda text: endpoint(text, SYSLOG_PORTS)):
        with suppress(ValueError):
            check(text)
