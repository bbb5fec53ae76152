"""Evidence of an alert: what a person can look at and weigh beside the explanation."""

from collections.abc import Callable

import numpy as np

from flowml.detections.alert import Evidence
from flowml.features.messages import Messages, join_messages
from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences

STRIP_PACKETS = 128  # a connection remembers no more by default
_ANSWER_MS = 1000
_MIN_SHARES = 2

Resembles = Callable[[Observations], list[str]]
"""Names for each observation the mining family it resembles most, empty where that is not known."""


def unknown_family(observations: Observations) -> list[str]:
    """Name no family: for models that know none."""
    return [""] * len(observations)


def gather(observations: Observations, resembles: Resembles = unknown_family) -> list[Evidence]:
    """Collect the evidence of observations that became alerts, one for each."""
    return [
        _evidence(observations.packets.take(np.array([row])), family)
        for row, family in enumerate(resembles(observations) if len(observations) else [])
    ]


def _evidence(packets: PacketSequences, family: str) -> Evidence:
    times, sizes = packets.time_ms[-STRIP_PACKETS:], packets.size_bytes[-STRIP_PACKETS:]
    start_ms = int(times[0]) if len(times) else 0
    since_s = ((times - start_ms) / 1000).tolist()
    return Evidence(
        strip=tuple(zip(since_s, sizes.tolist(), strict=True)),
        strip_start_ms=start_ms,
        share_rate_per_min=share_rate_per_min(join_messages(packets)),
        resembles=family,
    )


def share_rate_per_min(messages: Messages) -> float | None:
    """Estimate how often shares were submitted in one connection, per minute; None: too few to say.

    Shares are client messages of nearly one size (within 2 % and 2 bytes of the median, as the features count
    it), each answered at once. Behind a proxy that carries many workers they come many times as often.
    """
    client = np.flatnonzero(messages.from_client)
    if len(client) < _MIN_SHARES:
        return None
    size = messages.size_bytes[client]
    usual = float(np.median(size))
    alike = np.abs(size - usual) <= 0.02 * usual + 2
    following = np.minimum(client + 1, len(messages) - 1)
    delay_ms = messages.time_ms[following] - messages.end_ms[client]
    answered = ~messages.from_client[following] & (delay_ms <= _ANSWER_MS)
    shares = int(np.count_nonzero(alike & answered))
    span_s = float(messages.end_ms[-1] - messages.time_ms[0]) / 1000
    return round(shares / span_s * 60, 2) if shares >= _MIN_SHARES and span_s > 0 else None
