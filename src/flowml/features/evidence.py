"""Whether a connection has shown enough to be judged at all."""

import numpy as np
from numpy.typing import NDArray

from flowml.features.messages import join_messages
from flowml.flows.observations import Observations

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
    messages = join_messages(observations.packets)
    count = np.bincount(messages.observation, minlength=len(observations))
    if not len(messages):
        return np.zeros(len(observations), bool)
    first = np.minimum(np.cumsum(count) - count, len(messages) - 1)
    last = np.maximum(np.cumsum(count) - 1, 0)
    span_s = (messages.time_ms[last] - messages.time_ms[first]) / 1000.0
    return np.asarray((count >= MIN_MESSAGES) & (span_s >= MIN_SPAN_S))
