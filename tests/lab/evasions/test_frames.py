from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowml.lab.evasions.frames import HEADER_BYTES, Frame, Kind, frame, hello, read_frame, read_hello
from flowml.lab.peer import Peer


async def _read(data: bytes) -> Frame:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return await read_frame(Peer(reader, None))  # type: ignore[arg-type]  # nothing is written


@given(st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=2000), st.integers(0, 2000))
def test_a_frame_has_the_size_that_it_was_told_and_gives_its_data_back(
    kind: Kind, number: int, data: bytes, n_padding_bytes: int
) -> None:
    built = frame(kind, number, data, n_padding_bytes, np.random.default_rng(1))
    assert len(built) == HEADER_BYTES + len(data) + n_padding_bytes
    assert asyncio.run(_read(built)) == Frame(kind, number, data)


@given(st.integers(0, 2**63 - 1), st.integers(1, 255))
def test_a_session_introduces_itself(session: int, n_connections: int) -> None:
    assert read_hello(hello(session, n_connections)) == (session, n_connections)
