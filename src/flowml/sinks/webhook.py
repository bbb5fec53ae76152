"""Alerts as HTTP requests: one POST each, the EVE record as its body, signed."""

import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.errors import SinkError
from flowml.sinks.base import UndeliverableError
from flowml.sinks.eve import eve_record, event_record
from flowml.sinks.settings import WebhookSettings
from flowml.sinks.trust import client_context, secret

TIMEOUT_S = 10.0  # for the connection, and for each piece of the answer
_ANSWER_BYTES = 65_536  # of an answer are read, so that a connection ends in order
_TRY_AGAIN = frozenset(
    {408, 425, 429}
)  # of 400 to 499, those that speak of the moment and not of the request
SIGNATURE = "X-Flowml-Signature"


def webhook_body(said: Alert | SensorEvent) -> bytes:
    """Write the body of a request; described in docs/output.md."""
    record = eve_record(said) if isinstance(said, Alert) else event_record(said)
    return json.dumps(record, separators=(",", ":"), allow_nan=False).encode("ascii")


def signature(secret: str, body: bytes, time_s: int) -> str:
    """Sign a body and the time of its sending, so that neither can be changed nor replayed later.

    Parameters
    ----------
    secret : str
    body : bytes
    time_s : int
        Epoch, seconds.

    Returns
    -------
    str
        ``t=TIME,v1=HEX``: HMAC-SHA256 with the secret over the time in decimal, a dot, and the body.
    """
    digest = hmac.new(secret.encode(), b"%d." % time_s + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={digest}"


class Webhook:
    """Requests to one URL.

    Parameters
    ----------
    url : str
        ``http`` or ``https``.
    secret : str or None
        Key of the signature; None: not signed.
    context : ssl.SSLContext or None
        For ``https``.
    clock : callable, optional
        Gives the time (epoch, s).
    """

    def __init__(
        self,
        url: str,
        secret: str | None = None,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = urlsplit(url)
        self._secret = secret
        self._context = context
        self._clock = clock

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Send one request each; see `Sink.emit`."""
        for alert in alerts:
            self._post(webhook_body(alert), {"X-Flowml-Event": "alert"})

    def report(self, event: SensorEvent) -> None:
        """Send one request."""
        self._post(webhook_body(event), {"X-Flowml-Event": "sensor"})

    def close(self) -> None:
        """Nothing is held open between requests."""

    def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        signed: dict[str, str] = {}
        if self._secret is not None:
            signed[SIGNATURE] = signature(self._secret, body, int(self._clock()))
        connection = self._connection()
        try:
            connection.request(
                "POST",
                self._target(),
                body,
                {"Content-Type": "application/json", "User-Agent": "flowml", **headers, **signed},
            )
            answer = connection.getresponse()
            answer.read(_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise SinkError(f"{self._shown}: {reason}; check that it listens and answers there") from error
        finally:
            connection.close()
        self._judge(answer.status, answer.reason)

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._context)

    def _target(self) -> str:
        return (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")

    @property
    def _shown(self) -> str:
        """The server alone: what follows it is often a secret."""
        return f"{self._url.scheme}://{self._url.netloc}"

    def _judge(self, status: int, reason: str) -> None:
        if 200 <= status < 300:
            return
        said = f"{self._shown}: answered {status} {reason}"
        if status >= 500 or status in _TRY_AGAIN:
            raise SinkError(f"{said}; expected 2xx")
        if 300 <= status < 400:
            raise UndeliverableError(f"{said}; redirects are not followed, name the last URL")
        raise UndeliverableError(f"{said}; expected 2xx, check the URL and what the server wants")


def webhook_sink(settings: WebhookSettings) -> Webhook:
    """Make the sink that a configuration describes; raises `ConfigError` if a file of it is wrong."""
    key = None if settings.secret_file is None else secret(settings.secret_file)
    return Webhook(settings.url, key, client_context(settings.ca_file))
