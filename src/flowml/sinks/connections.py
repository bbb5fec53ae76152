"""The contract of ``--connections``: one JSON line for every connection; described in docs/output.md."""

import json
from typing import Any

from flowml.detections.alert import ConnectionVerdict
from flowml.sinks.text import encodable, iso_utc


def connection_record(verdict: ConnectionVerdict) -> dict[str, Any]:
    """Give what was concluded about a connection as a record; the source is the client.

    Returns
    -------
    dict
        Ready for JSON, valid by docs/schema/connection.schema.json.
    """
    key, detected = verdict.key, verdict.detected_after_s
    return {
        "community_id": key.community_id,
        "src_ip": key.client_ip,
        "src_port": key.client_port,
        "dest_ip": key.server_ip,
        "dest_port": key.server_port,
        "proto": "TCP",
        "start": iso_utc(verdict.start_ms),
        "end": iso_utc(verdict.end_ms),
        "verdict": verdict.label.value,
        "probability": round(verdict.probability, 6),
        "novelty": round(verdict.novelty, 6),
        "age_s": round(verdict.age_s, 3),
        "detected_after_s": None if detected is None else round(detected, 3),
        "file": encodable(verdict.source),
    }


def connection_line(verdict: ConnectionVerdict) -> str:
    """Give the record as one line, ASCII only and without its end."""
    return json.dumps(connection_record(verdict), separators=(",", ":"), allow_nan=False)
