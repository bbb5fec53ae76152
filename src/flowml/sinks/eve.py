"""Alerts as Suricata EVE JSON, so that what reads Suricata reads flowml.

Field names, types and the form of the timestamp follow the event schema that Suricata ships
(etc/schema.json). It allows no further fields inside ``alert``, so ours stand in ``flowml`` at the top.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flowml.detections.alert import Alert, ConnectionVerdict
from flowml.detections.event import SensorEvent
from flowml.sinks.base import Terms
from flowml.sinks.rotation import RotatedLines
from flowml.sinks.text import encodable

SIGNATURE_ID = 1_700_001  # within 1,000,000 to 1,999,999, which are for local use (sidallocation.org)
SIGNATURE = "FLOWML Cryptomining connection"
# class "coin-mining" of Suricata's classification.config: its words and its priority
CATEGORY, SEVERITY = "Crypto Currency Mining Activity Detected", 2
TECHNIQUE = "T1496.001"  # MITRE ATT&CK: Resource Hijacking: Compute Hijacking


def eve_record(alert: Alert) -> dict[str, Any]:
    """Give an alert as an EVE record; the source is the client.

    Returns
    -------
    dict
        Ready for JSON; described in docs/output.md.
    """
    verdict, key = alert.verdict, alert.verdict.key
    return {
        "timestamp": _eve_time(alert.raised_ms),
        "event_type": "alert",
        "src_ip": key.client_ip,
        "src_port": key.client_port,
        "dest_ip": key.server_ip,
        "dest_port": key.server_port,
        "proto": "TCP",
        "community_id": key.community_id,
        "flow": {
            "pkts_toserver": verdict.client_packets,
            "pkts_toclient": verdict.server_packets,
            "bytes_toserver": verdict.client_bytes,
            "bytes_toclient": verdict.server_bytes,
            "start": _eve_time(verdict.start_ms),
        },
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": SIGNATURE_ID,
            "rev": 1,
            "signature": SIGNATURE,
            "category": CATEGORY,
            "severity": SEVERITY,
            "metadata": {"tag": ["coin-mining", TECHNIQUE]},
        },
        "flowml": _evidence(alert, verdict),
    }


def eve_line(alert: Alert) -> str:
    """Give an alert as one line of an EVE file, ASCII only and without its end."""
    return _line(eve_record(alert))


def event_record(event: SensorEvent) -> dict[str, Any]:
    """Give what happened to a sensor as an EVE record of a type of its own.

    Returns
    -------
    dict
        Ready for JSON; described in docs/output.md.
    """
    return {
        "timestamp": _eve_time(event.time_ms),
        "event_type": "sensor",
        "sensor": {
            "event": event.kind.value,
            "source": encodable(event.source),
            "message": encodable(event.message),
            "connections": event.connections,
            "gap_s": None if event.gap_s is None else round(event.gap_s, 3),
            "check": encodable(event.check) or None,
            "status": event.status or None,
            "before": event.before or None,
        },
    }


def event_line(event: SensorEvent) -> str:
    """Give an event as one line, as `eve_line` does."""
    return _line(event_record(event))


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


class EveFile:
    """An EVE file that alerts are appended to.

    Parameters
    ----------
    path : Path
        The file; what it holds already stays.
    limit_bytes : int, optional
        Size from which on a new file is begun; None: the file grows for ever.
    keep : int, optional
        Older files that stay, ``NAME.1`` the youngest.

    Raises
    ------
    SinkError
        It cannot be opened.
    """

    TERMS = Terms(at_most=64)

    def __init__(self, path: Path, limit_bytes: int | None = None, keep: int = 1) -> None:
        self._lines = RotatedLines(path, limit_bytes, keep)

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Append one record each, all or none; see `Sink.emit`."""
        self._lines.append([eve_line(alert) for alert in alerts])

    def report(self, event: SensorEvent) -> None:
        """Append one record."""
        self._lines.append([event_line(event)])

    def reopen(self) -> None:
        """Go on in the file that has the name now."""
        self._lines.reopen()

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


def _evidence(alert: Alert, verdict: ConnectionVerdict) -> dict[str, Any]:
    detected = verdict.detected_after_s
    return {
        "identifier": alert.identifier,
        "probability": round(verdict.probability, 6),
        "novelty": round(verdict.novelty, 6),
        "age_s": round(verdict.age_s, 3),
        "detected_after_s": None if detected is None else round(detected, 3),
        "model": encodable(verdict.model),
        "explanation": [encodable(sentence.text) for sentence in alert.explanation],
        "saw_start": verdict.saw_start,
        "was_interrupted": verdict.was_interrupted,
        "application_name": encodable(verdict.application_name),
        "server_name": encodable(verdict.server_name),
        "source": encodable(verdict.source),
        "share_rate_per_min": alert.evidence.share_rate_per_min,
        "resembles": encodable(alert.evidence.resembles),
        "opened_before": [encodable(name) for name in alert.evidence.opened_before],
    }


def _eve_time(time_ms: int) -> str:
    seconds, rest = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest * 1000:06d}+0000"
