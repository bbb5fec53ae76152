import os
import threading
from multiprocessing.connection import Connection

import numpy as np
import pytest

from flowml.flows.batch import FlowBatch
from flowml.schema import GAP_BEFORE, UID
from flowml.service.outbox import Outbox
from flowml.service.scoring import Metered
from flowml.service.wire import Ended, Message, Note, decode
from tests.builders import miner, slices

PIPE_BYTES = 1 << 16  # what a pipe of Linux takes before its writer waits


def pipe() -> tuple[Connection, Connection]:
    ours, theirs = os.pipe()
    return Connection(ours, writable=False), Connection(theirs, readable=False)


def records(uid: int) -> Metered:
    """One flow's records, too many for a pipe."""
    batch = slices(miner(60), range(0, 800, 2))
    return Metered(batch.with_column(UID, np.full(len(batch), uid, np.uint64)), clock_ms=uid)


def read(reader: Connection) -> list[Message]:
    found = []
    while True:
        try:
            found.append(decode(reader.recv_bytes()))
        except EOFError:
            return found


def test_messages_arrive_in_order_and_whole() -> None:
    reader, writer = pipe()
    outbox = Outbox(writer)
    for message in (Note("first"), Metered(FlowBatch.empty(), 7), Ended({"packets": 3})):
        outbox.put(message)
    outbox.close()
    first, clock, last = read(reader)
    assert (first, last) == (Note("first"), Ended({"packets": 3}))
    assert isinstance(clock, Metered)
    assert clock.clock_ms == 7


def test_a_slow_reader_costs_the_oldest_batches_and_never_a_word() -> None:
    reader, writer = pipe()
    one = records(1)
    outbox = Outbox(writer, limit_bytes=1)
    outbox.put(Note("before"))
    for uid in range(1, 6):  # nobody reads: the pipe is full after the first, at most
        outbox.put(records(uid))
    outbox.put(Ended({}))
    assert outbox.lost_records >= 4 * len(one.batch)
    got: list[Message] = []
    while not got or got[-1] != Ended({}):
        got.append(decode(reader.recv_bytes()))
    outbox.close()
    notes = [message.text for message in got if isinstance(message, Note)]
    assert notes[0] == "before"
    assert "the oldest are dropped" in notes[1]
    assert len(notes) == 2


def test_a_flow_that_lost_records_has_a_gap_before_its_next_one_and_others_have_none() -> None:
    reader, writer = pipe()
    outbox = Outbox(writer, limit_bytes=1)
    for _ in range(3):
        outbox.put(records(1))
    outbox._limit_bytes = 1 << 30
    outbox.put(records(1))
    outbox.put(records(2))
    outbox.put(Ended({}))
    got: list[Message] = []
    while not got or got[-1] != Ended({}):
        got.append(decode(reader.recv_bytes()))
    outbox.close()
    torn, whole = [message.batch for message in got if isinstance(message, Metered)][-2:]
    assert torn[GAP_BEFORE].tolist() == [True] + [False] * (len(torn) - 1)
    assert not whole[GAP_BEFORE].any()


def test_who_may_wait_loses_nothing() -> None:
    reader, writer = pipe()
    outbox = Outbox(writer, limit_bytes=1)
    sent = [records(uid) for uid in range(1, 4)]
    assert sum(column.nbytes for column in sent[0].batch.columns.values()) > PIPE_BYTES

    def feed() -> None:
        for message in sent:
            outbox.put(message, may_wait=True)
        outbox.close()

    feeder = threading.Thread(target=feed)
    feeder.start()
    got = [message for message in read(reader) if isinstance(message, Metered)]
    feeder.join()
    assert [message.clock_ms for message in got] == [1, 2, 3]
    assert outbox.lost_records == 0


def test_a_reader_that_is_gone_is_told() -> None:
    reader, writer = pipe()
    outbox = Outbox(writer)
    reader.close()
    with pytest.raises(BrokenPipeError):  # noqa: PT012  # the first may be on its way before that is known
        outbox.put(Note("heard by nobody"))
        outbox.close()
