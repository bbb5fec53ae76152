"""The compiled loop refuses misuse instead of crashing."""

import struct
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from flowml.capture.engine import Engine
from flowml.capture.extension import extension
from flowml.capture.inputs import open_file
from flowml.capture.loop import PacketLoop
from flowml.capture.records import until_nul
from flowml.capture.settings import MeterSettings
from flowml.errors import CaptureError
from tests.capture.frames import conversation, pcap

pytestmark = pytest.mark.skipif(extension() is None, reason="the packet loop is not compiled")


@pytest.fixture
def capture_path(tmp_path: Path) -> Path:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(conversation()))
    return path


def test_a_configuration_of_another_length_is_refused() -> None:
    module = extension()
    assert module is not None
    with pytest.raises(ValueError, match="got 8 bytes of configuration, 3 of ages and 16 of counts"):
        module.FlowTable(bytes(8), bytes(3), bytes(16))


def test_time_cannot_begin_anew_while_flows_are_open(capture_path: Path) -> None:
    engine = Engine()
    with (
        closing(PacketLoop(engine, MeterSettings(n_dissections=0))) as one,
        closing(open_file(engine, str(capture_path))) as capture,
    ):
        assert one.run_file(capture) == one.status.END_OF_FILE
        with pytest.raises(RuntimeError, match="flows are open"):
            one.restart_clock()
        assert not one.flush(is_end_of_file=True)
        one.restart_clock()


def test_a_second_thread_is_refused_while_the_loop_runs() -> None:
    one = PacketLoop(Engine(), MeterSettings(n_dissections=0))
    running = threading.Thread(target=one.run_live, args=([], _monotonic() + 1.0))
    running.start()
    refused = False
    while running.is_alive() and not refused:
        try:
            one.take()
        except RuntimeError:
            refused = True
    running.join()
    one.close()
    assert refused


def _monotonic() -> float:
    import time

    return time.monotonic()


def test_too_many_inputs_are_refused() -> None:
    one = PacketLoop(Engine(), MeterSettings(n_dissections=0))
    with pytest.raises(ValueError, match="expected up to 16 pairs"):
        one._table.run_live(struct.pack("34Q", *range(34)), 0)
    one.close()


def test_a_bad_filter_for_a_file_is_refused(capture_path: Path) -> None:
    with pytest.raises(CaptureError, match="'tcp portal' is no packet filter"):
        open_file(Engine(), str(capture_path), "tcp portal")


def test_texts_end_at_their_first_nul() -> None:
    raw = np.frombuffer(b"HTTP\x00junk" + b"nine char" + bytes(9), "S9")
    assert until_nul(raw).tolist() == [b"HTTP", b"nine char", b""]
