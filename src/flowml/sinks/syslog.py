"""Alerts as syslog messages (RFC 5424), each with the EVE record as its text."""

import json
import os
import re
import socket
from collections.abc import Sequence
from typing import Any

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.sinks.endpoint import SYSLOG_PORTS, endpoint
from flowml.sinks.eve import eve_record, event_record
from flowml.sinks.settings import SyslogSettings
from flowml.sinks.syslog_transport import Datagrams, Stream, Transport
from flowml.sinks.text import iso_utc, printable
from flowml.sinks.trust import client_context

_LOCAL5 = 21  # the facility that Suricata uses unless told otherwise
_ERROR, _WARNING, _NOTICE = 3, 4, 5
_GRAVITY = {"bad": _ERROR, "warn": _WARNING}  # of health
# An element of one's own is named after an enterprise number (RFC 5424, 7.2.2). flowml has none registered:
# this is the one of examples (RFC 5612), which log4j writes too unless told otherwise.
_ELEMENT = "flowml@32473"
_VALUE_CHARS = 100  # of a name in structured data; the record has it whole
_HOSTNAME_CHARS = 255  # RFC 5424, 6
MESSAGE_BYTES = 8192  # rsyslog and syslog-ng cut what is longer unless told otherwise
_LONG = (
    "explanation",
    "server_name",
    "application_name",
    "source",
)  # in the order in which they are given up


def syslog_message(said: Alert | SensorEvent, hostname: str, process: int) -> bytes:
    """Write one message, at most `MESSAGE_BYTES`, without framing.

    Parameters
    ----------
    said : Alert or SensorEvent
    hostname : str
        Of this machine; written as ``-`` if RFC 5424 does not allow it.
    process : int
        Identifier of this process.
    """
    if isinstance(said, Alert):
        severity, time_ms, kind, data, record = _WARNING, said.raised_ms, "alert", "-", eve_record(said)
    else:
        severity, kind = _GRAVITY.get(said.status, _NOTICE), "health" if said.check else "sensor"
        time_ms, data, record = said.time_ms, _data(said), event_record(said)
    origin = f"{_token(hostname)} flowml {process}"
    head = f"<{_LOCAL5 * 8 + severity}>1 {iso_utc(time_ms)} {origin} {kind} {data} "
    return (head + _shortened(record, MESSAGE_BYTES - len(head))).encode("ascii")


def _data(event: SensorEvent) -> str:
    """What receivers sort events by, as structured data: they need not read the text."""
    values = {"event": event.kind.value, "source": event.source}
    if event.check:
        values |= {"check": event.check, "status": event.status, "before": event.before}
    return f"[{_ELEMENT}" + "".join(f' {name}="{_value(text)}"' for name, text in values.items()) + "]"


def _value(text: str) -> str:
    """A value in quotes, in printable ASCII (RFC 5424, 6.3.3)."""
    plain = printable(text, _VALUE_CHARS).encode("ascii", "backslashreplace").decode("ascii")
    return re.sub(r'(["\\\]])', r"\\\1", plain)


def _token(name: str) -> str:
    """A header field: printable ASCII without spaces; RFC 5424 writes what is not known as ``-``."""
    is_allowed = name.isascii() and name.isprintable() and " " not in name
    return name[:_HOSTNAME_CHARS] if name and is_allowed else "-"


def _shortened(record: dict[str, Any], limit: int) -> str:
    """The record as a line that fits: the message strip stays in files, then long texts give way."""
    ours = record.get("flowml", record.get("sensor", {}))
    ours.pop("strip", None)
    line = _line(record)
    for name in (*_LONG, "message"):
        if len(line) <= limit:
            break
        if name in ours:
            ours[name] = [] if isinstance(ours[name], list) else str(ours[name])[:80]
            line = _line(record)
    return line


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


class SyslogSink:
    """Messages to a server.

    Nothing in the protocol says that a message was taken. What the other side's kernel has acknowledged (TCP,
    TLS), or was sent without being refused at once (UDP), counts as delivered.

    Parameters
    ----------
    transport : Transport
    hostname : str, optional
        Of this machine.
    """

    def __init__(self, transport: Transport, hostname: str | None = None) -> None:
        self._transport = transport
        self._hostname = socket.gethostname() if hostname is None else hostname

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Send one message each; see `Sink.emit`."""
        for alert in alerts:
            self._transport.send(syslog_message(alert, self._hostname, os.getpid()))

    def report(self, event: SensorEvent) -> None:
        """Send one message."""
        self._transport.send(syslog_message(event, self._hostname, os.getpid()))

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


def syslog_sink(settings: SyslogSettings) -> SyslogSink:
    """Make the sink that a configuration describes; raises `ConfigError` if its CA is none."""
    server = endpoint(settings.server, SYSLOG_PORTS)
    if server.scheme == "udp":
        return SyslogSink(Datagrams(server))
    return SyslogSink(Stream(server, client_context(settings.ca_file) if server.scheme == "tls" else None))
