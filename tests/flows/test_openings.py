from dataclasses import replace

import numpy as np

from flowml.flows.batch import FlowBatch
from flowml.flows.openings import Openings
from flowml.schema import DST_PORT, PROTOCOL, SERVER_NAME, SRC_SYN
from tests.builders import Ends, Packet, batch, record

NOW = 1_700_000_000_000


def opening(
    name: bytes, time_ms: int, client: str = "10.0.0.2", protocol: int = 6, port: int = 443
) -> FlowBatch:
    """The first record of a connection that named its server."""
    packets = [Packet(time_ms, True, 0, "S"), Packet(time_ms + 10, True, 300)]
    row = record(packets, Ends(client_ip=client, server_port=port))
    return batch([(row | {SERVER_NAME: name, PROTOCOL: protocol, DST_PORT: port}, packets)])


def noted(*batches: FlowBatch) -> Openings:
    memory = Openings(capacity=4)
    for one in batches:
        memory.note(one)
    return memory


def test_what_a_client_opened_in_the_minute_before_comes_newest_first_and_once() -> None:
    memory = noted(
        opening(b"a.example", NOW - 50_000),
        opening(b"b.example", NOW - 2000),
        opening(b"a.example", NOW - 1000),
    )
    assert memory.before("10.0.0.2", NOW) == ("a.example", "b.example")


def test_other_clients_later_and_earlier_openings_are_not_told() -> None:
    memory = noted(
        opening(b"other.example", NOW - 1000, client="10.0.0.3"),
        opening(b"old.example", NOW - 61_000),
        opening(b"itself.example", NOW),
    )
    assert memory.before("10.0.0.2", NOW) == ()


def test_later_records_of_a_connection_and_dns_queries_open_nothing() -> None:
    again = opening(b"a.example", NOW - 1000)
    again = replace(again, columns={**again.columns, SRC_SYN.name: np.zeros_like(again[SRC_SYN])})
    memory = noted(again, opening(b"asked.example", NOW - 1000, protocol=17, port=53))
    assert memory.before("10.0.0.2", NOW) == ()


def test_quic_opens_too() -> None:
    assert noted(opening(b"q.example", NOW - 1, protocol=17)).before("10.0.0.2", NOW) == ("q.example",)


def test_the_oldest_makes_room() -> None:
    memory = noted(*[opening(b"%d.example" % number, NOW - 100 + number) for number in range(6)])
    assert memory.before("10.0.0.2", NOW) == ("5.example", "4.example", "3.example", "2.example")
