"""An engine that is not the one the meter was written for is refused by name."""

import pytest

from flowml.capture import engine
from flowml.capture.engine import Engine
from flowml.errors import CaptureError


def test_the_pinned_engine_is_accepted() -> None:
    layout = Engine().layout
    assert set(layout.addresses) == {*engine.LOOP_FUNCTIONS, *engine.LIBRARY_FUNCTIONS}
    assert all(layout.addresses.values())
    assert layout.record["bidirectional_packets"].str == "<u8"
    assert layout.record.itemsize % 8 == 0


@pytest.mark.parametrize(
    ("table", "name", "kind", "words"),
    [
        ("FUNCTIONS", "capture_next", "int(*)(void)", r"capture_next as int\(\*\)\(struct pcap"),
        ("FUNCTIONS", "meter_rewind", "void(*)(void)", "no function meter_rewind"),
        ("PACKET_FIELDS", "time", "double", r"struct nf_packet\.time as uint64_t, expected double"),
        ("FLOW_FIELDS", "colour", "uint8_t", r"no struct nf_flow\.colour, expected uint8_t"),
    ],
)
def test_a_difference_is_named(
    monkeypatch: pytest.MonkeyPatch, table: str, name: str, kind: str, words: str
) -> None:
    monkeypatch.setitem(getattr(engine, table), name, kind)
    with pytest.raises(CaptureError, match=rf"nfstream 6\.6\.0 has another engine: {words}"):
        Engine()


def test_a_library_without_a_function_that_the_loop_calls_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LIBRARY_FUNCTIONS", ("pcap_rewind",))
    with pytest.raises(CaptureError, match=r"another engine: no exported function pcap_rewind"):
        Engine()
