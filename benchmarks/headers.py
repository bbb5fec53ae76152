"""Print what keeping headers costs the meter, in turns with and without, as root.

    python -m benchmarks.headers [TURNS]

Half a million small packets of one connection pass a virtual cable each time. CPU time of the meter's thread,
and of the whole process with the thread that writes the files.
"""

import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.capture.frames import conversation, pcap
from tests.capture.network import Wire, wire

from flowml.capture.header_ring import HeaderRing, HeaderRingSettings
from flowml.capture.inputs import RingSettings
from flowml.capture.live import LiveMeter
from flowml.capture.settings import MeterSettings

PPS = 120_000


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    for _ in range(turns):
        for is_kept in (False, True):
            with TemporaryDirectory() as folder, wire() as cable:
                print(f"{'headers kept' if is_kept else 'nothing kept'}: {run(cable, Path(folder), is_kept)}")


def run(cable: Wire, folder: Path, is_kept: bool) -> str:
    capture = folder / "sent.pcap"
    capture.write_bytes(pcap(conversation(packets=50_000, gap_ms=0)))
    settings = HeaderRingSettings(folder / "ring") if is_kept else None
    command = ["ip", "netns", "exec", cable.namespace, "tcpreplay", "-q", "--loop=5", f"--pps={PPS}"]
    with ExitStack() as stack:
        meter = LiveMeter([cable.tap], MeterSettings(n_dissections=0), RingSettings(256 << 20), "", settings)
        stack.enter_context(closing(meter))
        ring = stack.enter_context(HeaderRing(settings, cable.tap, meter.link_type)) if settings else None
        sender = subprocess.Popen([*command, "-i", cable.far, capture], stdout=subprocess.DEVNULL)
        process_s, thread_s = time.process_time(), time.thread_time()
        is_over = False
        while not is_over:
            is_over = sender.poll() is not None  # once more after that: the kernel holds some back
            meter.poll(0.25)
            if ring is not None:
                ring.put(*meter.take_headers())
        thread_s, process_s = time.thread_time() - thread_s, time.process_time() - process_s
        counted = meter.counters
    lost = counted.lost_headers + (ring.lost if ring else 0)
    nanoseconds = [round(1e9 * seconds / counted.packets) for seconds in (thread_s, process_s)]
    return (
        f"{counted.packets} packets, {counted.kernel_drops} lost, {lost} headers lost; "
        f"{nanoseconds[0]} ns a packet in the meter's thread, {nanoseconds[1]} in the process"
    )


if __name__ == "__main__":
    main()
