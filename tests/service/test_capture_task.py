import pytest

from flowml.capture.inputs import RingSettings
from flowml.capture.settings import MeterSettings
from flowml.service.capture_task import CaptureTask


@pytest.mark.parametrize(
    "task",
    [
        CaptureTask(interface="eth0", ring=RingSettings(1 << 20, 2000, is_promiscuous=False)),
        CaptureTask(
            replay="a b/\udcff.pcap",
            speed=2.5,
            meter=MeterSettings(n_dissections=0, snapshot_packets=(8, 32)),
        ),
    ],
    ids=["interface", "replay"],
)
def test_a_task_arrives_at_the_capture_process_as_it_was_given(task: CaptureTask) -> None:
    text = task.to_json()
    assert text.isascii()
    assert CaptureTask.from_json(text) == task


@pytest.mark.parametrize("ends", [{}, {"interface": "eth0", "replay": "a.pcap"}], ids=["none", "both"])
def test_a_task_has_one_source(ends: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected an interface or a file"):
        CaptureTask(**ends)  # type: ignore[arg-type]
