"""What a sequence model sees: hashed n-grams of messages, wherever in the connection they stand."""

import numpy as np
from scipy.sparse import csr_matrix, hstack

from flowml.features.messages import Messages, join_messages
from flowml.flows.observations import Observations

BUCKETS = 2**16
"""For n-grams of each length: a hundred times as many as there are tokens."""

GAP_EDGES_MS = (50, 250, 1_000, 3_000, 8_000, 20_000, 40_000, 90_000, 300_000)
ORDERS = (1, 2, 3)
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)  # odd, of xxHash


def message_grams(observations: Observations) -> csr_matrix:
    """Share of each n-gram among those of its length, square rooted, so that each length has a norm of 1.

    Shape (n_observations, len(ORDERS) * BUCKETS), single precision.
    """
    messages = join_messages(observations.packets)
    token = _tokens(messages)
    return hstack([_counted(messages, token, order) for order in ORDERS], format="csr")


def _tokens(messages: Messages) -> np.ndarray:
    """Side, size in half octaves and the gap before: one number each."""
    size = np.floor(2 * np.log2(messages.size_bytes)).astype(np.uint64)
    gap_ms = messages.time_ms - np.roll(messages.end_ms, 1)
    gap = np.searchsorted(GAP_EDGES_MS, gap_ms, side="right").astype(np.uint64)
    gap[np.diff(messages.observation, prepend=-1) != 0] = len(GAP_EDGES_MS) + 1  # nothing is before the first
    return (size * 16 + gap) * 2 + messages.from_client.astype(np.uint64)


def _counted(messages: Messages, token: np.ndarray, order: int) -> csr_matrix:
    """N-grams of one length in `BUCKETS`; they stand by observation already, as messages do."""
    n = max(len(token) - order + 1, 0)
    mixed = np.zeros(n, np.uint64)
    for step in range(order):
        mixed = (mixed ^ (token[step : step + n] + np.uint64(1))) * _FACTORS[step]
        mixed ^= mixed >> np.uint64(29)
    inside = messages.observation[:n] == messages.observation[len(token) - n :]
    bucket = (mixed[inside] % np.uint64(BUCKETS)).astype(np.int32)
    count = np.bincount(messages.observation[:n][inside], minlength=messages.n_observations)
    offsets = np.concatenate([[0], np.cumsum(count)])
    share = np.repeat(1.0 / np.maximum(count, 1), count).astype(np.float32)
    grams = csr_matrix((share, bucket, offsets), shape=(messages.n_observations, BUCKETS))
    grams.sum_duplicates()
    grams.data = np.sqrt(grams.data)
    return grams
