"""The feature matrix: one row per observation, one column per entry of `FEATURE_COLUMNS`.

Addresses, ports, names and payload bytes are not looked at, and neither is the age: public captures of
benign traffic are short and those of miners are long, so an age tells the capture and not the protocol.
"""

import numpy as np
from numpy.typing import NDArray

from flowml.features.messages import Messages, join_messages
from flowml.features.ragged import Floats, Groups, Ints, ratio
from flowml.features.turns import NEVER_MS, Turns, turns
from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences
from flowml.schema import FEATURE_COLUMNS

RESOLUTION_MS = 5
"""NFStream cuts times to whole milliseconds, so what is finer than this is noise of the meter."""

ANSWER_MS = 1000
"""What the other side sends within this is an answer: a round trip around the world and the work."""

QUIET_MS = 5000
"""A server that speaks this long after the client did speaks of its own accord."""

CHUNK = 4096
"""Observations computed at once: their packets stay in the processor's cache."""

Features = dict[str, Floats]


def feature_matrix(observations: Observations) -> NDArray[np.float64]:
    """Compute the features of observations.

    Parameters
    ----------
    observations : Observations

    Returns
    -------
    ndarray of float64, shape (n_observations, n_features)
        In the order of `flowml.schema.FEATURE_COLUMNS`; finite, or NaN where a feature is undefined (the
        gap between messages where there is only one).
    """
    if not len(observations):
        return np.zeros((0, len(FEATURE_COLUMNS)))
    edges = range(0, len(observations), CHUNK)
    return np.vstack([_chunk(observations.packets.slice(edge, edge + CHUNK)) for edge in edges])


def _chunk(packets: PacketSequences) -> NDArray[np.float64]:
    messages = join_messages(packets)
    turn = turns(messages)
    features: Features = {}
    for side, from_client in (("client", True), ("server", False)):
        features |= _sizes_and_gaps(side, messages, turn, messages.from_client == from_client)
    features |= _shares(messages, turn)
    features |= _pushes(messages, turn)
    features |= _answers(messages, turn)
    return np.column_stack([features[column.name] for column in FEATURE_COLUMNS])


def _groups(values: Ints, which: NDArray[np.bool_], messages: Messages) -> Groups:
    rows = np.flatnonzero(which)
    return Groups.of(values[rows], messages.observation[rows], messages.n_observations)


def _gaps(values: Ints, which: NDArray[np.bool_], messages: Messages) -> Groups:
    """Group times, leaving out those to a message that is not there, at the meter's resolution."""
    return _groups(np.maximum(values, RESOLUTION_MS), which & (values < NEVER_MS), messages)


def _sizes_and_gaps(side: str, messages: Messages, turn: Turns, which: NDArray[np.bool_]) -> Features:
    size = _groups(messages.size_bytes, which, messages)
    gap = _gaps(turn.since_same_ms, which, messages)
    packets = np.bincount(messages.observation[which], messages.n_packets[which], messages.n_observations)
    return {
        f"{side}_messages": size.counts.astype(np.float64),
        f"{side}_size_median_bytes": size.median,
        f"{side}_size_mean_bytes": size.mean,
        f"{side}_size_variation_ratio": size.variation,
        f"{side}_size_min_bytes": size.quantile(0.0),
        f"{side}_size_q25_bytes": size.quantile(0.25),
        f"{side}_size_q75_bytes": size.quantile(0.75),
        f"{side}_size_max_bytes": size.quantile(1.0),
        f"{side}_size_entropy_bits": size.entropy_bits,
        f"{side}_size_most_common_bytes": size.most_common,
        f"{side}_size_most_common_ratio": size.most_common_share,
        f"{side}_size_constant_ratio": size.near_median_share(0.02, 2.0),
        f"{side}_packets_per_message_ratio": ratio(packets, size.counts),
        f"{side}_gap_q10_ms": gap.quantile(0.1),
        f"{side}_gap_q25_ms": gap.quantile(0.25),
        f"{side}_gap_median_ms": gap.median,
        f"{side}_gap_q75_ms": gap.quantile(0.75),
        f"{side}_gap_q90_ms": gap.quantile(0.9),
        f"{side}_gap_max_ms": gap.quantile(1.0),
        f"{side}_gap_variation_ratio": gap.variation,
        f"{side}_gap_regular_ratio": gap.near_median_share(0.1, RESOLUTION_MS),
    }


def _shares(messages: Messages, turn: Turns) -> Features:
    n, observation, client = messages.n_observations, messages.observation, messages.from_client
    count = np.bincount(observation, minlength=n)
    size = np.bincount(observation, messages.size_bytes, n)
    gap = _gaps(turn.since_any_ms, np.ones(len(messages), bool), messages)
    span_s = gap.mean * gap.counts / 1000.0
    waited = np.where(turn.since_any_ms < NEVER_MS, turn.since_any_ms, 0)
    waited_s = np.bincount(observation, np.where(waited >= ANSWER_MS, waited, 0), n) / 1000.0
    alternates = turn.since_other_ms < turn.since_same_ms
    spread = gap.variation
    return {
        "client_messages_share_ratio": ratio(np.bincount(observation, client, n), count),
        "client_bytes_share_ratio": ratio(np.bincount(observation, messages.size_bytes * client, n), size),
        "messages_per_s": ratio(count, span_s),
        "bytes_per_s": ratio(size, span_s),
        "turn_taking_ratio": ratio(np.bincount(observation, alternates, n), count - 1),
        "quiet_time_ratio": np.minimum(ratio(waited_s, span_s), 1.0),
        # Goh and Barabasi 2008: -1 for a clock, 0 for a Poisson process, towards 1 for bursts
        "burstiness_ratio": (spread - 1.0) / (spread + 1.0),
    }


def _pushes(messages: Messages, turn: Turns) -> Features:
    """Server messages that answer nothing."""
    server = ~messages.from_client
    count = np.bincount(messages.observation[server], minlength=messages.n_observations)
    features: Features = {}
    for name, after_ms in (("push", ANSWER_MS), ("late_push", QUIET_MS)):
        which = server & (turn.since_other_ms >= after_ms)
        features[f"{name}_share_ratio"] = ratio(
            np.bincount(messages.observation[which], minlength=messages.n_observations), count
        )
    which = server & (turn.since_other_ms >= ANSWER_MS)
    size = _groups(messages.size_bytes, which, messages)
    gap = _gaps(_since_previous(messages, which), which, messages)
    answered = which & (turn.until_other_ms < ANSWER_MS)
    return features | {
        "push_size_median_bytes": size.median,
        "push_size_variation_ratio": size.variation,
        "push_size_constant_ratio": size.near_median_share(0.02, 2.0),
        "push_gap_median_ms": gap.median,
        "push_gap_variation_ratio": gap.variation,
        "push_answered_ratio": ratio(
            np.bincount(messages.observation[answered], minlength=messages.n_observations), size.counts
        ),
    }


def _answers(messages: Messages, turn: Turns) -> Features:
    """Client messages and what the server says to them at once."""
    client = messages.from_client
    unasked = client & (turn.since_other_ms >= ANSWER_MS)
    answered = client & (turn.until_other_ms < ANSWER_MS)
    delay = _gaps(turn.until_other_ms, answered, messages)
    answer = np.where(turn.next_other >= 0, messages.size_bytes[turn.next_other], 0)
    size = _groups(answer, answered, messages)
    asked = _groups(messages.size_bytes, unasked, messages)
    count = np.bincount(messages.observation[client], minlength=messages.n_observations)
    return {
        "client_unasked_ratio": ratio(asked.counts, count),
        "client_unasked_size_median_bytes": asked.median,
        "client_unasked_size_constant_ratio": asked.near_median_share(0.02, 2.0),
        "answered_ratio": ratio(delay.counts, count),
        "answer_delay_median_ms": delay.median,
        "answer_delay_variation_ratio": delay.variation,
        "answer_size_median_bytes": size.median,
        "answer_size_constant_ratio": size.near_median_share(0.02, 2.0),
        "answer_to_request_ratio": ratio(
            size.median, _groups(messages.size_bytes, answered, messages).median
        ),
    }


def _since_previous(messages: Messages, which: NDArray[np.bool_]) -> Ints:
    """Time since the previous message of a kind began, for messages of that kind; `NEVER_MS` elsewhere."""
    since = np.full(len(messages), NEVER_MS, np.int64)
    index = np.flatnonzero(which)
    if len(index) < 2:
        return since
    same = messages.observation[index][1:] == messages.observation[index][:-1]
    since[index[1:]] = np.where(same, np.diff(messages.time_ms[index]), NEVER_MS)
    return since
