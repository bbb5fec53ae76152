"""Messages of the look-alikes against their specifications."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from flowml.lab.benign import bgp, database, dns, fix, framing, jsonrpc

_RNG = np.random.default_rng(1)


def test_a_dns_question_is_that_of_rfc_1035() -> None:
    assert dns.question(0x1234, "a.example") == (
        b"\x00\x1b\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01"
    )


def test_a_bgp_keepalive_has_19_bytes() -> None:
    assert bgp.framed(4, b"") == b"\xff" * 16 + b"\x00\x13\x04"


def test_a_fix_message_counts_its_body_and_sums_its_bytes() -> None:
    message = fix.message("0", 2, "A|B", "")
    head, _, rest = message.partition(b"\x019=")
    assert head == b"8=FIX.4.4"
    length, _, rest = rest.partition(b"\x01")
    body, _, checksum = rest.rpartition(b"10=")
    assert len(body) == int(length)
    assert int(checksum.rstrip(b"\x01")) == sum(message[: -len(b"10=000\x01")]) % 256


def test_a_database_message_counts_its_length_but_not_its_kind() -> None:
    assert database.framed(b"Q", b"SELECT 1\x00") == b"Q\x00\x00\x00\x0dSELECT 1\x00"


@pytest.mark.parametrize("n_bytes", [2, 3, 100, 600])
def test_a_framed_message_has_the_size_that_was_asked_for(n_bytes: int) -> None:
    message = framing.framed(n_bytes, _RNG)
    assert len(message) == n_bytes
    assert struct.unpack(">H", message[:2]) == (n_bytes - 2,)


def test_text_varies_by_no_more_than_its_spread() -> None:
    sizes = {len(jsonrpc.text_of(10, 3, _RNG)) for _ in range(200)}
    assert sizes == {10, 11, 12, 13}
