"""Alerts as mail: a digest of those that came since the last one."""

import hashlib
import smtplib
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.errors import SinkError
from flowml.sinks.base import Terms, UndeliverableError
from flowml.sinks.console import alert_line
from flowml.sinks.endpoint import MAIL_PORTS, Endpoint, endpoint
from flowml.sinks.settings import EmailSettings
from flowml.sinks.text import encodable
from flowml.sinks.trust import client_context, secret

TIMEOUT_S = 10.0  # for each step of the conversation
MAX_ALERTS = 500  # in one mail; the next one has the rest


def digest(alerts: Sequence[Alert], settings: EmailSettings, hostname: str, now: datetime) -> EmailMessage:
    """Write a mail about alerts.

    Parameters
    ----------
    alerts : sequence of Alert
    settings : EmailSettings
    hostname : str
        Of this sensor.
    now : datetime
        For its date.
    """
    lines = [encodable(alert_line(alert).plain) for alert in alerts]
    hosts = len({alert.verdict.key.client_ip for alert in alerts})
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.sender, ", ".join(settings.recipients)
    mail["Subject"] = f"flowml on {hostname}: {_count(len(alerts), 'alert')}, {_count(hosts, 'host')}"
    mail["Date"] = format_datetime(now)
    # the same alerts sent again are the same mail
    name = hashlib.sha256("".join(alert.identifier for alert in alerts).encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{name}@flowml.invalid>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer from people who are away
    body = "\n\n".join(lines)
    mail.set_content(
        f"{body}\n\nThe next mail comes in {settings.interval_s / 60:g} minutes at the earliest.\n"
    )
    return mail


def _now() -> datetime:
    return datetime.now(UTC)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Mail:
    """Mail through a server.

    Parameters
    ----------
    settings : EmailSettings
    server : Endpoint
    password : str or None
    context : ssl.SSLContext
    clock : callable, optional
        Gives the time.
    """

    def __init__(
        self,
        settings: EmailSettings,
        server: Endpoint,
        password: str | None,
        context: ssl.SSLContext,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._settings = settings
        self._server = server
        self._password = password
        self._context = context
        self._clock = clock
        self._hostname = socket.gethostname()

    @property
    def terms(self) -> Terms:
        """One mail an interval, about alerts only."""
        return Terms(MAX_ALERTS, self._settings.interval_s, wants_events=False)

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Send one mail; see `Sink.emit`."""
        mail = digest(alerts, self._settings, self._hostname, self._clock())
        try:
            with self._session() as session:
                refused = session.send_message(mail)
        except (smtplib.SMTPException, OSError) as error:
            raise self._failure(error) from error
        if refused:
            raise UndeliverableError(
                f"{self._server}: took the mail, but not for {', '.join(map(str, refused))}"
            )

    def report(self, event: SensorEvent) -> None:
        """Events are no mail: they are in the EVE file and the metrics."""

    def close(self) -> None:
        """Nothing is held open between mails."""

    def _session(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        if self._server.scheme == "smtps":
            session: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=self._context)
        else:
            session = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
        try:
            if self._server.scheme == "smtp":
                session.starttls(context=self._context)
            if self._password is not None:
                session.login(self._settings.user, self._password)
        except BaseException:
            session.close()
            raise
        return session

    def _failure(self, error: Exception) -> SinkError:
        """Say what went wrong, and whether trying again is a remedy."""
        codes = [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            codes = [code for code, _ in error.recipients.values()]
        reason = f"{self._server}: {_words(error)}"
        if codes and all(500 <= code < 600 for code in codes):
            return UndeliverableError(f"{reason}; check sender, recipients, user and password")
        return SinkError(f"{reason}; check that it listens there and offers what is asked for")


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{name}: {code}" for name, (code, _) in error.recipients.items())
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def mail_sink(settings: EmailSettings) -> Mail:
    """Make the sink that a configuration describes; raises `ConfigError` if a file of it is wrong."""
    password = None if settings.password_file is None else secret(settings.password_file)
    return Mail(settings, endpoint(settings.server, MAIL_PORTS), password, client_context(settings.ca_file))
