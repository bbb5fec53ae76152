"""Against a real SMTP server."""

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from flowml.errors import SinkError
from flowml.sinks.base import Terms, UndeliverableError
from flowml.sinks.mail import digest, mail_sink
from flowml.sinks.settings import EmailSettings
from tests.sinks.servers import HOST, Certificate, free_port
from tests.verdicts import alert

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
HOSTILE = "<script>\r\n.\r\nBcc: all@example.org\r\n\x1b[2J\N{SNOWMAN}\udcff"


class Inbox:
    """Takes mail, or answers what it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 OK"
        self.refused: set[str] = set()

    async def handle_RCPT(  # noqa: N802  # aiosmtpd finds it by this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.answer == "250 OK":
            assert isinstance(envelope.content, bytes)
            mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        return self.answer


def log_in(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (b"flowml", b"hunter2"), handled=False)


@contextmanager
def smtp_server(inbox: Inbox, certificate: Certificate, **options: Any) -> Iterator[int]:
    """Run a server that wants TLS; gives its port."""
    port = free_port()
    wanted = {"tls_context": certificate.context, "require_starttls": True, **options}
    controller = Controller(inbox, hostname=HOST, port=port, **wanted)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def settings(port: int = 25, certificate: Certificate | None = None, **changes: Any) -> EmailSettings:
    return EmailSettings(
        **{
            "server": f"smtp://{HOST}:{port}",
            "sender": "flowml@example.org",
            "recipients": ("soc@example.org", "boss@example.org"),
            "ca_file": None if certificate is None else certificate.chain,
            **changes,
        }
    )


def test_a_digest_has_a_line_for_each_alert() -> None:
    mail = digest([alert("why"), alert(server_name="other.example")], settings(), "sensor-1", NOW)
    assert mail["Subject"] == "flowml on sensor-1: 2 alerts, 1 host"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Wed, 25 Nov 2026 08:00:00 +0000"
    text = mail.get_content()
    assert text.count("MINING 10.0.0.2:40000 -> 198.51.100.7:3333") == 2
    assert "other.example" in text
    assert text.endswith("The next mail comes in 15 minutes at the earliest.\n")


def test_the_same_alerts_are_the_same_mail_and_others_are_not() -> None:
    def name(*starts: int) -> str:
        alerts = [alert(start_ms=start) for start in starts]
        return str(digest(alerts, settings(), "sensor-1", NOW)["Message-ID"])

    assert name(1, 2) == name(1, 2) != name(1)


def test_a_mail_arrives_over_starttls_whatever_names_say(certificate: Certificate) -> None:
    inbox = Inbox()
    with smtp_server(inbox, certificate) as port:
        mail_sink(settings(port, certificate)).emit([alert(server_name=HOSTILE)])
    (mail,) = inbox.mails
    assert mail["To"] == "soc@example.org, boss@example.org"
    assert mail["Bcc"] is None
    assert "<script>\\r\\n.\\r\\nBcc: all@example.org\\r\\n\\x1b[2J\N{SNOWMAN}\\udcff" in mail.get_content()


def test_one_logs_in_where_a_user_is_named(tmp_path: Path, certificate: Certificate) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    inbox = Inbox()
    who = {"user": "flowml", "password_file": tmp_path / "password"}
    with smtp_server(inbox, certificate, authenticator=log_in, auth_required=True) as port:
        mail_sink(settings(port, certificate, **who)).emit([alert()])
        (tmp_path / "password").write_text("wrong\n")
        with pytest.raises(UndeliverableError, match=r"535 .*check sender, recipients, user and password"):
            mail_sink(settings(port, certificate, **who)).emit([alert()])
    assert len(inbox.mails) == 1


def test_a_server_without_tls_gets_nothing_unless_that_is_meant(certificate: Certificate) -> None:
    inbox = Inbox()
    with smtp_server(inbox, certificate, tls_context=None, require_starttls=False) as port:
        with pytest.raises(SinkError, match="STARTTLS extension not supported"):
            mail_sink(settings(port, certificate)).emit([alert()])
        mail_sink(settings(server=f"plain://{HOST}:{port}")).emit([alert()])
    assert len(inbox.mails) == 1


def test_a_server_that_is_not_trusted_gets_nothing(certificate: Certificate) -> None:
    inbox = Inbox()
    with (
        smtp_server(inbox, certificate) as port,
        pytest.raises(SinkError, match="certificate verify failed"),
    ):
        mail_sink(settings(port)).emit([alert()])
    assert inbox.mails == []


@pytest.mark.parametrize(("answer", "kind"), [("451 later", SinkError), ("554 never", UndeliverableError)])
def test_a_server_says_whether_to_try_again(
    answer: str, kind: type[SinkError], certificate: Certificate
) -> None:
    inbox = Inbox()
    inbox.answer = answer
    with smtp_server(inbox, certificate) as port, pytest.raises(SinkError, match=answer) as told:
        mail_sink(settings(port, certificate)).emit([alert()])
    assert type(told.value) is kind


def test_a_recipient_that_is_refused_is_told_and_the_others_get_the_mail(certificate: Certificate) -> None:
    inbox = Inbox()
    inbox.refused = {"boss@example.org"}
    with smtp_server(inbox, certificate) as port:
        sink = mail_sink(settings(port, certificate))
        with pytest.raises(UndeliverableError, match=r"took the mail, but not for boss@example\.org"):
            sink.emit([alert()])
        inbox.refused = {"boss@example.org", "soc@example.org"}
        with pytest.raises(UndeliverableError, match=r"soc@example\.org: 550"):
            sink.emit([alert()])
    assert len(inbox.mails) == 1


def test_a_server_that_is_down_is_told() -> None:
    port = free_port()
    with pytest.raises(SinkError, match=rf"smtp://{HOST}:{port}: Connection refused; check that it listens"):
        mail_sink(settings(port)).emit([alert()])


def test_mail_is_one_an_interval_and_about_alerts_only() -> None:
    assert mail_sink(settings(interval_s=600.0)).terms == Terms(500, 600.0, wants_events=False)
