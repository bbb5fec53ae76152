"""Explanations: what was seen of a connection, in the words of mining protocols."""

from collections.abc import Mapping

import numpy as np

from flowml.detections.sentence import Figure, Sentence, say
from flowml.features.matrix import feature_matrix
from flowml.flows.observations import Observations
from flowml.schema import FEATURE_COLUMNS

_NAMES = tuple(column.name for column in FEATURE_COLUMNS)
_PUSHES = (
    "The server sent {pushed_messages} of its own accord ({pushed_ratio} of its messages), median "
    "{size_bytes} bytes, {constant_ratio} of nearly that size"
)
_SUBMISSIONS = (
    "The client sent {sent_messages}, median {size_bytes} bytes, {constant_ratio} of nearly that size"
)
_ANSWERED = (
    "; {answered_ratio} were answered within 1 s by {answer_bytes} bytes after {answer_ms} ms (medians)"
)
_RATE = "; {sent_per_min} a minute"
EXPLANATIONS: Mapping[str, str] = {
    "explanation.no_pushes": "The server sent nothing of its own accord.",
    "explanation.pushes": f"{_PUSHES}.",
    "explanation.pushes_rhythm": f"{_PUSHES}, one every {{gap_s}} (median).",
    "explanation.no_submissions": "The client sent nothing in the window.",
    "explanation.submissions": f"{_SUBMISSIONS}.",
    "explanation.submissions_rate": f"{_SUBMISSIONS}{_RATE}.",
    "explanation.submissions_answered": f"{_SUBMISSIONS}{_ANSWERED}.",
    "explanation.submissions_answered_rate": f"{_SUBMISSIONS}{_ANSWERED}{_RATE}.",
    "explanation.trickle": (
        "Over the last {span_s} both sides sent {second_bytes} bytes a second, quiet {quiet_ratio} of the "
        "time."
    ),
}
"""Every sentence of an explanation, in English."""


def explain(observations: Observations) -> list[tuple[Sentence, ...]]:
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


def _sentences(seen: Mapping[str, float], span_s: float) -> tuple[Sentence, ...]:
    said = (_pushes(seen), _submissions(seen, span_s))
    return (*said, _trickle(seen, span_s)) if span_s > 0 else said


def _pushes(seen: Mapping[str, float]) -> Sentence:
    if not seen["push_share_ratio"] > 0:
        return _say("no_pushes")
    gap_s = seen["push_gap_median_ms"] / 1000
    figures: dict[str, Figure] = {
        "pushed_messages": round(seen["push_share_ratio"] * seen["server_messages"]),
        "pushed_ratio": seen["push_share_ratio"],
        "size_bytes": seen["push_size_median_bytes"],
        "constant_ratio": seen["push_size_constant_ratio"],
    }
    return _say("pushes_rhythm", **figures, gap_s=gap_s) if gap_s > 0 else _say("pushes", **figures)


def _submissions(seen: Mapping[str, float], span_s: float) -> Sentence:
    number = round(seen["client_messages"])
    if not number:
        return _say("no_submissions")
    key = "submissions"
    figures: dict[str, Figure] = {
        "sent_messages": number,
        "size_bytes": seen["client_size_median_bytes"],
        "constant_ratio": seen["client_size_constant_ratio"],
    }
    if seen["answered_ratio"] > 0:
        key += "_answered"
        figures |= {
            "answered_ratio": seen["answered_ratio"],
            "answer_bytes": seen["answer_size_median_bytes"],
            "answer_ms": seen["answer_delay_median_ms"],
        }
    if span_s > 0:
        key += "_rate"
        figures["sent_per_min"] = number / span_s * 60
    return _say(key, **figures)


def _trickle(seen: Mapping[str, float], span_s: float) -> Sentence:
    return _say(
        "trickle", span_s=span_s, second_bytes=seen["bytes_per_s"], quiet_ratio=seen["quiet_time_ratio"]
    )


def _say(key: str, **figures: Figure) -> Sentence:
    return say(EXPLANATIONS, f"explanation.{key}", **figures)
