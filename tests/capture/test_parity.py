"""The packet loop gives NFStreamer's every field, to the last bit."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowml.capture.engine import Engine
from flowml.capture.extension import extension
from flowml.capture.sources import open_capture
from flowml.errors import CaptureError
from tests.capture.frames import pcap
from tests.capture.parity import CASES, Case, differences, whole_engine
from tests.capture.traffic import traffic

SNAPSHOTS = [65_535, 65_535, 200, 60, 54]  # with fewer bytes the engine reads ports that were not captured
pytestmark = pytest.mark.skipif(extension() is None, reason="the packet loop is not compiled")


@pytest.fixture(scope="module")
def engine() -> Engine:
    return whole_engine()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=traffic(), snapshot=st.sampled_from(SNAPSHOTS), mode=st.sampled_from([0, 3]))
def test_random_traffic_has_the_same_flows(
    tmp_path: Path, engine: Engine, frames: list[tuple[int, bytes]], snapshot: int, mode: int
) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames, snapshot=snapshot))
    case = Case(accounting_mode=mode, splt_packets=8, idle_timeout_s=8, active_timeout_s=15)
    assert differences(path, case, engine) == []


@pytest.mark.captures
@pytest.mark.parametrize("case", CASES)
def test_a_sample_of_real_captures_has_the_same_flows(captures: Path, engine: Engine, case: Case) -> None:
    folders = ("ndpi", "protocol_samples", "cj_sniffer", "mqtt")
    for path in [path for folder in folders for path in sorted((captures / folder).iterdir())[3::120]]:
        try:
            with open_capture(path, allow_partial=True) as source:
                assert differences(source.readable_path, case, engine) == [], path
        except CaptureError:
            continue  # a link layer that neither meters
