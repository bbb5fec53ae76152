"""Evidence of an alert: what a person can look at and weigh beside the explanation."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from flowml.detections.alert import Evidence
from flowml.features.messages import Messages, join_messages
from flowml.features.ragged import Groups
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
    if not len(observations):
        return []
    packets = observations.packets
    rates = share_rates_per_min(join_messages(packets))
    return [
        Evidence(strip, start_ms, rate, family)
        for (strip, start_ms), rate, family in zip(
            _strips(packets), rates, resembles(observations), strict=True
        )
    ]


def _strips(packets: PacketSequences) -> Iterator[tuple[tuple[tuple[float, int], ...], int]]:
    """The last packets of each observation, seconds since the first, and when that was (epoch, ms)."""
    lengths = np.minimum(packets.counts, STRIP_PACKETS)
    last = packets.ranges(packets.offsets[1:] - lengths, lengths)
    starts_ms = np.zeros(len(last), np.int64)
    starts_ms[lengths > 0] = last.time_ms[last.offsets[:-1][lengths > 0]]
    since_s = ((last.time_ms - np.repeat(starts_ms, lengths)) / 1000).tolist()
    sizes, offsets = last.size_bytes.tolist(), last.offsets.tolist()
    for begin, end, start_ms in zip(offsets[:-1], offsets[1:], starts_ms.tolist(), strict=True):
        yield tuple(zip(since_s[begin:end], sizes[begin:end], strict=True)), start_ms


def share_rates_per_min(messages: Messages) -> list[float | None]:
    """Estimate how often shares were submitted in each observation, per minute; None: too few to say.

    Shares are client messages of nearly one size (within 2 % and 2 bytes of the median, as the features count
    it), each answered at once. Behind a proxy that carries many workers they come many times as often.
    """
    n = messages.n_observations
    client = np.flatnonzero(messages.from_client)
    of, size = messages.observation[client], messages.size_bytes[client]
    usual = Groups.of(size, of, n).median[of]
    alike = np.abs(size - usual) <= 0.02 * usual + 2
    following = np.minimum(client + 1, len(messages) - 1)
    delay_ms = messages.time_ms[following] - messages.end_ms[client]
    answered = (messages.observation[following] == of) & ~messages.from_client[following]
    answered &= delay_ms <= _ANSWER_MS
    shares = np.bincount(of[alike & answered], minlength=n)
    return [
        round(count / span_s * 60, 2) if count >= _MIN_SHARES and span_s > 0 else None
        for count, span_s in zip(shares.tolist(), _spans_s(messages).tolist(), strict=True)
    ]


def _spans_s(messages: Messages) -> NDArray[np.float64]:
    """Seconds from the first to the last message of each observation; 0 without any."""
    last = np.cumsum(np.bincount(messages.observation, minlength=messages.n_observations))
    first = np.append(0, last[:-1])
    spans_s = np.zeros(messages.n_observations)
    some = last > first
    spans_s[some] = (messages.end_ms[last[some] - 1] - messages.time_ms[first[some]]) / 1000
    return spans_s
