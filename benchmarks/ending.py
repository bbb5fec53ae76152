"""Print how long `flowml live` takes from a signal to the end of all its processes.

python benchmarks/ending.py [INTERFACE]      (as root; loopback by default)
"""

import re
import signal
import statistics
import subprocess
import sys
import time

RUNS = 5


def main() -> None:
    interface = sys.argv[1] if len(sys.argv) > 1 else "lo"
    for number in (signal.SIGINT, signal.SIGTERM):
        took = [once(interface, number) for _ in range(RUNS)]
        print(
            f"{number.name}: median {statistics.median(took):.2f} s, longest {max(took):.2f} s of {RUNS} runs"
        )


def once(interface: str, number: signal.Signals) -> float:
    command = [sys.executable, "-m", "flowml.cli.main", "live", "-i", interface]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sensor:
        told = sensor.stderr or []
        for line in told:
            if re.search("listening", line):
                break
        time.sleep(2)  # let it work
        start = time.monotonic()
        sensor.send_signal(number)
        for _ in told:  # ends when the last process that holds it ends
            pass
        sensor.wait()
        return time.monotonic() - start


if __name__ == "__main__":
    main()
