"""Alerts and events as bytes and back: what a sensor keeps until a destination has taken it."""

import json
from dataclasses import asdict
from typing import Any

from flowml.detections.alert import Alert, ConnectionVerdict, Evidence
from flowml.detections.event import EventKind, SensorEvent
from flowml.detections.verdict import Label
from flowml.errors import DataError
from flowml.flows.key import FlowKey


def to_record(said: Alert | SensorEvent) -> bytes:
    """Write an alert or an event down; `from_record` gives an equal one."""
    kind = "alert" if isinstance(said, Alert) else "event"
    return json.dumps({kind: asdict(said)}, separators=(",", ":"), default=_value).encode("ascii")


def from_record(record: bytes) -> Alert | SensorEvent:
    """Read what `to_record` wrote.

    Raises
    ------
    DataError
        It is no such record, or one of another version of flowml.
    """
    try:
        said = json.loads(record)
        return _alert(said["alert"]) if "alert" in said else _event(said["event"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"kept record of {len(record)} bytes: not readable ({error}); expected an alert or event as this "
            "version of flowml writes it"
        ) from error


def _value(value: object) -> Any:
    if isinstance(value, EventKind):
        return value.value
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _alert(fields: dict[str, Any]) -> Alert:
    verdict = fields["verdict"]
    key, label = FlowKey(**verdict["key"]), Label(verdict["label"])
    return Alert(
        **fields
        | {
            "verdict": ConnectionVerdict(**verdict | {"key": key, "label": label}),
            "explanation": tuple(fields["explanation"]),
            "evidence": Evidence(tuple((at, size) for at, size in fields["evidence"]["strip"])),
        }
    )


def _event(fields: dict[str, Any]) -> SensorEvent:
    return SensorEvent(**fields | {"kind": EventKind(fields["kind"])})
