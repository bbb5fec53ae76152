from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowml.flows.batch import FlowBatch
from flowml.schema import RECORD_COLUMNS
from flowml.service.scoring import Metered
from flowml.service.wire import Ended, Failed, Message, Note, Opened, decode, encode
from tests.builders import miner, slices


@given(st.lists(st.integers(1, 200)), st.integers(-(2**62), 2**62))
def test_a_batch_arrives_as_it_was_sent(cuts: list[int], clock_ms: int) -> None:
    sent = slices(miner(5), cuts)
    got = decode(encode(Metered(sent, clock_ms)))
    assert isinstance(got, Metered)
    assert got.clock_ms == clock_ms
    for column in RECORD_COLUMNS:
        np.testing.assert_array_equal(got.batch[column], sent[column])
    np.testing.assert_array_equal(got.batch.packets.offsets, sent.packets.offsets)
    np.testing.assert_array_equal(got.batch.packets.time_ms, sent.packets.time_ms)
    np.testing.assert_array_equal(got.batch.packets.size_bytes, sent.packets.size_bytes)


def test_an_empty_batch_carries_the_clock() -> None:
    got = decode(encode(Metered(FlowBatch.empty(), 7)))
    assert isinstance(got, Metered)
    assert (len(got.batch), got.clock_ms) == (0, 7)


@pytest.mark.parametrize(
    "message", [Opened(), Note("Grüße\n"), Failed("eth0: gone"), Ended({}), Ended({"packets": 3})]
)
def test_words_arrive_as_they_were_sent(message: Message) -> None:
    assert decode(encode(message)) == message


@given(st.binary() | st.tuples(st.sampled_from(b"MONFE"), st.binary()).map(lambda x: bytes(x[:1]) + x[1]))
def test_any_bytes_are_a_message_or_a_value_error(data: bytes) -> None:
    try:
        message: Any = decode(data)
    except ValueError:
        message = None
    assert message is None or isinstance(message, Metered | Opened | Note | Failed | Ended)


@given(st.data())
def test_a_damaged_batch_is_refused_or_still_a_batch(data: st.DataObject) -> None:
    whole = bytearray(encode(Metered(slices(miner(1), [5]), 1)))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        message: Any = decode(cut)
    except ValueError:
        message = None
    assert message is None or isinstance(message, Metered | Opened | Note | Failed | Ended)
