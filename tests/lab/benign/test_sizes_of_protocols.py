"""Sizes of messages against the specifications that the actors name."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from flowml.lab.benign import (
    cast_device,
    charging,
    dns_sealed,
    framing,
    grpc,
    http2,
    http_repeated,
    iec104,
    lsp,
    mqtt_devices,
    remote_desktop,
    token_stream,
    tor,
    transactions,
    vpn,
    vpn_stream,
    zabbix,
)
from flowml.lab.benign.http_messages import request, response
from flowml.lab.peer import Peer

_RNG = np.random.default_rng(1)


def test_an_http_2_ping_has_17_bytes_and_a_grpc_message_14_more_than_it_holds() -> None:
    assert http2.frame(http2.PING, 0, bytes(8)) == b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + bytes(8)
    assert len(grpc.message(100, _RNG)) == 9 + 5 + 100


def test_frames_of_iec_104_say_their_length_and_control_frames_have_6_bytes() -> None:
    assert iec104.control_frame(0x43) == b"\x68\x04\x43\x00\x00\x00"
    assert iec104.data_frame(10, _RNG)[1] == 14
    assert len(iec104.data_frame(1000, _RNG)) == 255, "the length is one byte, at most 253"


def test_a_zabbix_message_has_a_header_of_13_bytes() -> None:
    framed = zabbix.framed({"request": "active checks"})
    assert framed[:5] == b"ZBXD\x01"
    assert int.from_bytes(framed[5:13], "little") == len(framed) - 13


def test_a_language_server_s_message_counts_its_bytes() -> None:
    head, _, body = lsp.framed({"method": "exit"}).partition(b"\r\n\r\n")
    assert head == b"Content-Length: %d" % len(body)
    assert json.loads(body) == {"jsonrpc": "2.0", "method": "exit"}


def test_an_update_of_a_screen_has_16_bytes_and_its_encoded_pixels() -> None:
    assert len(remote_desktop.update(300, _RNG)) == 4 + 12 + 4 + 300


def test_an_empty_message_of_the_vpn_has_32_bytes_and_others_grow_by_16() -> None:
    assert [vpn.data_bytes(n) for n in (0, 1, 16, 17)] == [32, 48, 48, 64]


def test_sealed_dns_is_filled_up_as_rfc_8467_recommends() -> None:
    assert [dns_sealed.padded(n, 128) for n in (1, 128, 129)] == [128, 128, 256]


def test_http_messages_count_their_bodies() -> None:
    assert request("GET", "lab.example", "/", fields="A: b\r\n") == (
        b"GET / HTTP/1.1\r\nHost: lab.example\r\nA: b\r\nContent-Length: 0\r\n\r\n"
    )
    assert response(b"{}").endswith(b"Content-Length: 2\r\n\r\n{}")


def test_tor_pads_after_one_and_a_half_to_nine_and_a_half_seconds_mostly_late() -> None:
    waits_s = [tor.padding_after_s(np.random.default_rng(seed)) for seed in range(2000)]
    assert min(waits_s) >= 1.5
    assert max(waits_s) <= 9.5
    # the larger of two uniform draws: two thirds of the way up
    assert np.mean(waits_s) == pytest.approx(1.5 + 8.0 * 2 / 3, abs=0.15)


def test_calls_and_results_of_charging_stations_are_those_of_ocpp() -> None:
    asked = json.loads(charging.call("Heartbeat", {}, 10, _RNG))
    assert (asked[0], len(asked[1]), asked[2:]) == (2, 10, ["Heartbeat", {}])
    told = json.loads(charging.result(asked, {"currentTime": "2026-03-01T12:00:00Z"}))
    assert told == [3, asked[1], {"currentTime": "2026-03-01T12:00:00Z"}]
    (shown,) = charging.values(3, _RNG)["meterValue"]
    assert len(shown["sampledValue"]) == 3


def test_an_event_is_chunked_as_in_rfc_9112_and_ends_with_an_empty_line() -> None:
    event = token_stream.event(60, _RNG)
    assert event.startswith(b"data: {")
    assert event.endswith(b"}\n\n")
    head, _, rest = token_stream.chunk(event).partition(b"\r\n")
    assert int(head, 16) == len(event)
    assert rest == event + b"\r\n"


def test_a_marked_message_has_the_size_that_was_asked_for() -> None:
    assert framing.marked(b"p", 40, _RNG)[:3] == b"\x00\x26p"
    assert len(framing.marked(b"p", 40, _RNG)) == 40


def test_a_cast_ping_and_its_pong_have_88_bytes_with_their_length_before_them() -> None:
    ping = cast_device.message(cast_device.HEARTBEAT, {"type": "PING"})
    assert len(ping) == len(cast_device.message(cast_device.HEARTBEAT, {"type": "PONG"})) == 88
    assert int.from_bytes(ping[:4], "big") == 84
    assert ping[4:16] == b"\x08\x00\x12\x08sender-0"


def test_text_of_more_than_127_bytes_has_a_length_of_two_in_a_cast_message() -> None:
    long = cast_device.message(cast_device.CONNECTION, {"type": "x" * 300})
    assert b"\x32\xb7\x02{" in long, "field 6, 311 bytes as a varint"


def test_chains_of_statements_are_read_as_they_were_written() -> None:
    chain = [(329, 412), (10, 54)]
    assert transactions.written(chain) == "329/412 10/54"
    assert transactions.chain_of(transactions.written(chain)) == chain
    assert transactions.chain_of("") == []


def test_sessions_of_databases_always_have_something_to_say() -> None:
    for seed in range(200):
        drawn = transactions._draw(np.random.default_rng(seed))
        chains = [str(text) for name, text in drawn.items() if name.startswith("chain")]
        assert all(chains) or drawn["commit"]


def test_sealed_questions_and_answers_are_of_one_size_where_both_sides_pad() -> None:
    drawn = {**dns_sealed._draw(np.random.default_rng(2)), "pads": True, "answer_bytes": 100}
    asked = {len(dns_sealed.asked(drawn, _RNG)) for _ in range(200)}
    answers = {dns_sealed.answer_bytes(128, drawn, _RNG) for _ in range(200)}
    assert (asked, answers) == ({128}, {468})


def test_a_request_in_http_2_is_its_fields_and_its_body_in_frames_of_at_most_16_kib() -> None:
    assert len(http2.message(30, 0, _RNG)) == 9 + 30
    assert len(http2.message(30, 128, _RNG)) == 9 + 30 + 9 + 128
    assert len(http2.message(30, 40_000, _RNG)) == 9 + 30 + 3 * 9 + 40_000


def test_messages_in_http_2_are_attended_to_when_they_are_complete() -> None:
    async def read() -> list[http2.Received]:
        seen: asyncio.Queue[http2.Received] = asyncio.Queue()
        reader = asyncio.StreamReader()
        reader.feed_data(http2.message(30, 40_000, _RNG) + http2.message(12, 0, _RNG))
        heeding = asyncio.create_task(http2.heed(Peer(reader, None), 60.0, seen.put))  # type: ignore[arg-type]
        received = [await seen.get(), await seen.get()]
        heeding.cancel()
        return received

    assert asyncio.run(read()) == [http2.Received(30, 40_000), http2.Received(12, 0)]


def test_a_dead_peer_question_has_the_head_of_cstp_and_openvpn_s_ping_16_bytes_inside() -> None:
    assert vpn_stream.TUNNELS["cstp"].ask_bytes == vpn_stream.TUNNELS["cstp"].head_bytes == 8
    # length 2, opcode and peer 4, packet 4, tag 16
    assert vpn_stream.TUNNELS["openvpn"].head_bytes == 2 + 4 + 4 + 16
    assert vpn_stream.TUNNELS["openvpn"].alive_bytes == 26 + 16


def test_what_is_asked_again_over_http_has_few_answers_and_a_body_only_if_it_is_posted() -> None:
    for seed in range(50):
        drawn = http_repeated._draw(np.random.default_rng(seed))
        bodies = [drawn[f"question{number}_bytes"] for number in range(3)]
        assert all(bodies) if drawn["posts"] else not any(bodies)


def test_mqtt_s_packets_are_those_of_its_specification() -> None:
    assert mqtt_devices.packet(mqtt_devices.PINGREQ) == b"\xc0\x00"
    assert mqtt_devices.packet(mqtt_devices.PUBACK, b"\x00\x0a") == b"\x40\x02\x00\x0a"
    # a topic with its length, a number with quality 1 alone
    assert len(mqtt_devices.published(9, 20, 0, _RNG)) == 2 + 2 + 9 + 20
    assert len(mqtt_devices.published(9, 20, 1, _RNG)) == 2 + 2 + 9 + 2 + 20


@pytest.mark.parametrize("n_bytes", [0, 127, 128, 321, 16_383, 16_384])
def test_a_packet_of_mqtt_is_read_as_it_was_written(n_bytes: int) -> None:
    async def read() -> tuple[int, bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(mqtt_devices.packet(mqtt_devices.PUBLISH, b"x" * n_bytes))
        return await mqtt_devices.read_packet(Peer(reader, None))  # type: ignore[arg-type]

    assert asyncio.run(read()) == (mqtt_devices.PUBLISH, b"x" * n_bytes)
