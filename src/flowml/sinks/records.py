"""Alerts and events as bytes and back: what a sensor keeps until a destination has taken it."""

import json
from collections.abc import Callable
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from flowml.detections.alert import Alert
from flowml.detections.event import SensorEvent
from flowml.detections.sentence import Sentence
from flowml.errors import DataError

_Maker = Callable[[Any], Any]
"""Makes what a field is declared to be of what JSON has."""


def to_record(said: Alert | SensorEvent) -> bytes:
    """Write an alert or an event down; `from_record` gives an equal one."""
    kind = "alert" if isinstance(said, Alert) else "event"
    return json.dumps({kind: vars(said)}, separators=(",", ":"), default=_value).encode("ascii")


def from_record(record: bytes) -> Alert | SensorEvent:
    """Read what `to_record` wrote.

    Raises
    ------
    DataError
        It is no such record, or one of another version of flowml.
    """
    try:
        ((kind, fields),) = json.loads(record).items()
        said: Alert | SensorEvent = _MAKERS[kind](fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"kept record of {len(record)} bytes: not readable ({error}); expected an alert or event as this "
            "version of flowml writes it"
        ) from error
    return said


def _value(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return vars(value)  # as it is: a copy of a strip takes longer than all the rest
    raise TypeError(f"{type(value).__name__} cannot be kept")


@cache
def _maker(kind: Any) -> _Maker:
    """Find out once for each declared type how its values are made: an incident has thousands of them."""
    if kind is Sentence:
        return _sentence_maker(_fields_maker(kind))
    if isinstance(kind, type) and is_dataclass(kind):
        return _fields_maker(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if get_origin(kind) is tuple:
        return _tuple_maker(get_args(kind))
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _fields_maker(kind: type) -> _Maker:
    makers = {name: _maker(hint) for name, hint in get_type_hints(kind).items()}
    return lambda value: kind(**{name: makers[name](item) for name, item in value.items()})


def _sentence_maker(make: _Maker) -> _Maker:
    """An earlier flowml kept nothing but its text."""
    return lambda value: Sentence(value) if isinstance(value, str) else make(value)


def _tuple_maker(kinds: tuple[Any, ...]) -> _Maker:
    if kinds[-1] is Ellipsis:
        each = _maker(kinds[0])
        return lambda value: tuple(map(each, value))
    makers = tuple(map(_maker, kinds))
    if all(make is _as_it_is for make in makers):
        return lambda value: _of_length(tuple(value), len(makers))
    return lambda value: tuple(make(item) for make, item in zip(makers, value, strict=True))


def _of_length(value: tuple[Any, ...], length: int) -> tuple[Any, ...]:
    if len(value) != length:
        raise ValueError(f"{len(value)} values, expected {length}")
    return value


_MAKERS: dict[str, _Maker] = {"alert": _maker(Alert), "event": _maker(SensorEvent)}
