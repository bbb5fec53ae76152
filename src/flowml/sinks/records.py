"""Alerts and events as bytes and back: what a sensor keeps until a destination has taken it."""

import json
from dataclasses import asdict, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.errors import DataError

_KINDS: dict[str, type[Alert | SensorEvent]] = {"alert": Alert, "event": SensorEvent}
_hints = cache(get_type_hints)


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
        ((kind, fields),) = json.loads(record).items()
        said: Alert | SensorEvent = _built(_KINDS[kind], fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"kept record of {len(record)} bytes: not readable ({error}); expected an alert or event as this "
            "version of flowml writes it"
        ) from error
    return said


def _value(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _built(kind: Any, value: Any) -> Any:
    """Make what JSON has into what a field is declared to be: dataclasses, enumerations, tuples."""
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _built(hints[name], item) for name, item in value.items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        each = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else kinds
        return tuple(_built(of, item) for of, item in zip(each, value, strict=True))
    return value
