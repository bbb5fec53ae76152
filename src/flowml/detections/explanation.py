"""Explanations: what was seen of a connection, in the words of mining protocols."""

from collections.abc import Mapping

import numpy as np

from flowml.features.matrix import feature_matrix
from flowml.flows.observations import Observations
from flowml.schema import FEATURE_COLUMNS

_NAMES = tuple(column.name for column in FEATURE_COLUMNS)


def explain(observations: Observations) -> list[tuple[str, ...]]:
    """Say what was seen, a tuple of sentences for each observation.

    A pool pushes jobs that nobody asked for and accepts shares at once; both are small and of nearly
    constant size, for hours and at a trickle. Each sentence states one of these as measured, so that a person
    can weigh it.
    """
    spans = _spans_s(observations)
    rows = feature_matrix(observations)
    return [
        _sentences(dict(zip(_NAMES, row.tolist(), strict=True)), span)
        for row, span in zip(rows, spans, strict=True)
    ]


def _spans_s(observations: Observations) -> list[float]:
    packets = observations.packets
    first, last = packets.offsets[:-1], np.maximum(packets.offsets[1:] - 1, packets.offsets[:-1])
    return [float(span) for span in (packets.time_ms[last] - packets.time_ms[first]) / 1000.0]


def _sentences(seen: Mapping[str, float], span_s: float) -> tuple[str, ...]:
    parts = (_pushes(seen), _submissions(seen, span_s), _trickle(seen, span_s))
    return tuple(part for part in parts if part)


def _pushes(seen: Mapping[str, float]) -> str:
    if not seen["push_share_ratio"] > 0:
        return "The server sent nothing of its own accord."
    number = round(seen["push_share_ratio"] * seen["server_messages"])
    size, constant = seen["push_size_median_bytes"], seen["push_size_constant_ratio"]
    words = (
        f"The server sent {_count(number, 'message')} of its own accord ({seen['push_share_ratio']:.0%} of "
        f"its messages), median {size:.0f} bytes, {constant:.0%} of nearly that size"
    )
    gap_ms = seen["push_gap_median_ms"]
    return f"{words}, one every {_duration(gap_ms / 1000)} (median)." if gap_ms > 0 else f"{words}."


def _submissions(seen: Mapping[str, float], span_s: float) -> str:
    number = round(seen["client_messages"])
    if not number:
        return "The client sent nothing in the window."
    words = (
        f"The client sent {_count(number, 'message')}, median {seen['client_size_median_bytes']:.0f} bytes, "
        f"{seen['client_size_constant_ratio']:.0%} of nearly that size"
    )
    if seen["answered_ratio"] > 0:
        size, delay_ms = seen["answer_size_median_bytes"], seen["answer_delay_median_ms"]
        words += (
            f"; {seen['answered_ratio']:.0%} were answered within 1 s by {size:.0f} bytes "
            f"after {delay_ms:.0f} ms (medians)"
        )
    rate = f"; {number / span_s * 60:.1f} a minute" if span_s > 0 else ""
    return f"{words}{rate}."


def _trickle(seen: Mapping[str, float], span_s: float) -> str:
    if not span_s > 0:
        return ""
    return (
        f"Over the last {_duration(span_s)} both sides sent {seen['bytes_per_s']:.0f} bytes a second, "
        f"quiet {seen['quiet_time_ratio']:.0%} of the time."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
