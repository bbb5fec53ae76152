"""Whether a connection has shown enough to be judged at all."""

import numpy as np
from numpy.typing import NDArray

from flowml.features.messages import join_messages
from flowml.flows.observations import Observations
from flowml.flows.packets import PacketSequences

MIN_MESSAGES = 6
"""A login and its answer are two; mining shows at the next jobs and shares, and what answers them."""

MIN_SPAN_S = 10.0
"""Requests and answers of a moment are what every protocol looks like. Among benign connections of real
captures that were left out of a fit, the ones most like mining had all shown less than a minute."""


def shows_enough(observations: Observations) -> NDArray[np.bool_]:
    """Say which observations show enough messages over enough time, shape (n_observations,).

    The others are not judged: a web page fetched in half a second has the sizes of some login, and a detector
    that had to decide about millions of them would drown its alerts in theirs.
    """
    enough = _could_show_enough(observations.packets)
    rows = np.flatnonzero(enough)
    messages = join_messages(observations.packets.take(rows))
    count = np.bincount(messages.observation, minlength=len(rows))
    last = np.cumsum(count) - 1
    span_s = (messages.time_ms[last] - messages.time_ms[last - count + 1]) / 1000.0
    enough[rows] = (count >= MIN_MESSAGES) & (span_s >= MIN_SPAN_S)
    return enough


def _could_show_enough(packets: PacketSequences) -> NDArray[np.bool_]:
    """Say which have as many packets over as much time as that takes of messages: few, and quickly said."""
    could = packets.counts >= MIN_MESSAGES
    rows = np.flatnonzero(could)
    time_ms = packets.time_ms
    lasted_ms = time_ms[packets.offsets[rows + 1] - 1] - time_ms[packets.offsets[rows]]
    could[rows] = lasted_ms >= 1000 * MIN_SPAN_S
    return could
