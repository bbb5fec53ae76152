import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from flowml.errors import SinkError
from flowml.incidents.asking import IncidentFilter
from flowml.incidents.database import DATABASE
from flowml.incidents.store import IncidentStore
from flowml.incidents.writer import IncidentWriter
from tests.incidents.seen import seen

ALL = IncidentFilter()
KILLS = 3
WRITES = """
import sys
from pathlib import Path
from flowml.incidents.writer import IncidentWriter
from tests.incidents.seen import seen
writer = IncidentWriter(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 20_000):
    writer.emit([seen(f"10.0.{number % 3}.{number % 200}", number=number)])
    print(number, flush=True)
"""


def test_killed_at_any_moment_every_acknowledged_alert_is_there_and_the_file_is_whole(tmp_path: Path) -> None:
    acknowledged = -1
    for kill in range(KILLS):
        command = [sys.executable, "-c", WRITES, str(tmp_path), str(acknowledged + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(7 + 13 * kill):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split("\n")[:-1])])
        store = IncidentStore(tmp_path)
        found = store.incidents(ALL, 1000, 0).incidents
        alerts = store.alerts_since(0)
        assert sum(incident.alerts for incident in found) == alerts
        assert acknowledged + 1 <= alerts <= acknowledged + 2  # one may be stored and not acknowledged
        store.close()
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_locked_database_is_a_sink_error_and_the_same_alert_is_stored_once_afterwards(
    tmp_path: Path,
) -> None:
    writer, other = IncidentWriter(tmp_path), IncidentStore(tmp_path)
    writer._store.database._connection.execute("PRAGMA busy_timeout = 50")
    with other.database.writing(), pytest.raises(SinkError, match="locked"):
        writer.emit([seen()])
    writer.emit([seen()])
    writer.emit([seen()])
    assert [incident.alerts for incident in other.incidents(ALL, 10, 0).incidents] == [1]


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    IncidentWriter(tmp_path / "var" / "flowml").close()
    assert (tmp_path / "var" / "flowml" / DATABASE).exists()
