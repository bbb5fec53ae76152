"""The capture process's way out: a bounded queue in front of the pipe, so that no scorer holds up a meter."""

import threading
from collections import deque
from multiprocessing.connection import Connection

import numpy as np

from flowml.flows.batch import FlowBatch
from flowml.schema import GAP_BEFORE, RECORD_COLUMNS, SEQUENCE_COLUMNS, UID
from flowml.service.scoring import Metered
from flowml.service.wire import Message, Note, encode

OUTBOX_BYTES = 64 << 20  # some 90,000 records: a minute of the traffic of a large office
_REMEMBERED_FLOWS = 1 << 20  # of which records were lost; flows that ended never ask for it
_RECORD_BYTES = sum(column.numpy_dtype.itemsize for column in RECORD_COLUMNS)
_PACKET_BYTES = sum(column.numpy_dtype.itemsize for column in SEQUENCE_COLUMNS)
_MESSAGE_BYTES = 500  # of memory, whatever is in it
_LATE = (
    "records wait for the scorer and the oldest are dropped: it has too little processor time for this "
    "traffic; connections that lost records are judged from what came after"
)


class Outbox:
    """Messages on their way to the scorer, sent by a thread of its own, which begins with the first of them.

    When more wait than the limit, the oldest batch is dropped and counted. A later record of one of its flows
    says that there is a gap before it, so that no connection is judged across the hole.

    Parameters
    ----------
    pipe : Connection
        Closed by `close`.
    limit_bytes : int
        Batches that may wait, in memory.

    Attributes
    ----------
    lost_records : int
        Records that were dropped so far.
    """

    def __init__(self, pipe: Connection, limit_bytes: int = OUTBOX_BYTES) -> None:
        self.lost_records = 0
        self._pipe = pipe
        self._limit_bytes = limit_bytes
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._lost_flows = np.zeros(0, np.uint64)
        self._changed = threading.Condition()
        self._is_closing = False
        self._is_broken = False
        self._sender = threading.Thread(target=self._send_all, name="outbox", daemon=True)

    def put(self, message: Message, *, may_wait: bool = False) -> None:
        """Take a message.

        Parameters
        ----------
        message : Message
        may_wait : bool
            Wait for room instead of dropping, as a file can.

        Raises
        ------
        BrokenPipeError
            The scorer is gone.
        """
        with self._changed:
            if may_wait:
                self._changed.wait_for(lambda: self._is_broken or self._bytes < self._limit_bytes)
            if self._is_broken:
                raise BrokenPipeError
            self._waiting.append(message)
            self._bytes += _bytes_of(message)
            while not may_wait and self._bytes > self._limit_bytes and self._drop_oldest():
                pass
            if self._sender.ident is None:
                self._sender.start()
            self._changed.notify_all()

    def close(self) -> None:
        """Send what waits, then close the pipe; raises `BrokenPipeError` as `put` does."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._sender.ident is not None:
            self._sender.join()
        self._pipe.close()
        if self._is_broken:
            raise BrokenPipeError

    def _drop_oldest(self) -> bool:
        """Drop the oldest batch, never a word; give whether there was one."""
        for place, message in enumerate(self._waiting):
            if isinstance(message, Metered):
                del self._waiting[place]
                self._bytes -= _bytes_of(message)
                if not self.lost_records and len(message.batch):
                    self._waiting.appendleft(Note(_LATE))
                    self._bytes += _bytes_of(self._waiting[0])
                self.lost_records += len(message.batch)
                lost = np.union1d(self._lost_flows, message.batch[UID])
                self._lost_flows = lost[-_REMEMBERED_FLOWS:]
                return True
        return False

    def _send_all(self) -> None:
        try:
            while (message := self._next()) is not None:
                self._pipe.send_bytes(encode(message))
        except OSError:  # the reader is gone
            with self._changed:
                self._is_broken = True
                self._changed.notify_all()

    def _next(self) -> Message | None:
        """Wait for a message; None when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            if not self._waiting:
                return None
            message = self._waiting.popleft()
            self._bytes -= _bytes_of(message)
            self._changed.notify_all()
            if isinstance(message, Metered) and len(self._lost_flows):
                return Metered(self._with_gaps(message.batch), message.clock_ms)
            return message

    def _with_gaps(self, batch: FlowBatch) -> FlowBatch:
        """Say in the first record of each flow that lost some that there is a gap before it."""
        torn = np.isin(batch[UID], self._lost_flows)
        self._lost_flows = np.setdiff1d(self._lost_flows, batch[UID][torn])
        _, first = np.unique(batch[UID], return_index=True)
        is_first = np.zeros(len(batch), bool)
        is_first[first] = True
        return batch.with_column(GAP_BEFORE, batch[GAP_BEFORE] | (torn & is_first))


def _bytes_of(message: Message) -> int:
    if not isinstance(message, Metered):
        return _MESSAGE_BYTES
    batch = message.batch
    return _MESSAGE_BYTES + len(batch) * _RECORD_BYTES + len(batch.packets.time_ms) * _PACKET_BYTES
