"""A sensor whose processes are killed without warning, at moments that nobody chose."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from flowml.sinks.journal import Journal
from tests.conftest import REPOSITORY
from tests.processes import ENVIRONMENT, FLOWML, children, eventually
from tests.sinks.servers import http_server

CAPTURE = REPOSITORY / "datasets" / "first" / "first.pcap.zst"  # 35 alerts
KILLS = int(os.environ.get("FLOWML_KILLS", "3"))  # docs/reliability.md has the figures of more
LONGEST_S = 1.0  # from the alert that was waited for to the kill
HANGS_S = 120.0


class Site:
    """A state folder and what the sensors in it, one after another, told."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.runs = 0
        (folder / "flowml.toml").write_text(
            '[state]\nfolder = "state"\n[sinks.stdout]\nformat = "json"\n[sinks.eve]\nfile = "eve.json"\n'
            f'[sinks.webhook]\nurl = "{url}"\n'
        )

    def start(self, speed: str) -> "subprocess.Popen[bytes]":
        """Start a sensor over the capture under a name of its own: its alerts are no other run's."""
        self.runs += 1
        capture = self.folder / f"run-{self.runs}.pcap.zst"
        capture.symlink_to(CAPTURE)
        command = [*FLOWML, "live", "--replay", str(capture), "--speed", speed]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            return subprocess.Popen(
                [*command, "--config", str(self.folder / "flowml.toml")],
                stdout=out,
                stderr=err,
                env=ENVIRONMENT,
            )

    @property
    def out(self) -> Path:
        """Standard output of the last run."""
        return self.folder / f"out-{self.runs}"

    @property
    def err(self) -> Path:
        """Standard error of the last run."""
        return self.folder / f"err-{self.runs}"

    def eve(self) -> list[dict[str, object]]:
        """The records of the EVE file, all of them whole."""
        return [json.loads(line) for line in (self.folder / "eve.json").read_text().splitlines()]

    def incidents(self) -> set[str]:
        """Identifiers of the alerts in the database, which has to be sound."""
        with closing(sqlite3.connect(self.folder / "state" / "incidents.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
            counted = database.execute("SELECT SUM(alerts) FROM incident").fetchone()[0] or 0
            stored = {row[0] for row in database.execute("SELECT identifier FROM alert")}
        assert counted == len(stored)  # what was delivered twice was counted once
        return stored


def identifiers(records: list[dict[str, object]]) -> list[str]:
    """Of the alerts among some records."""
    return [record["flowml"]["identifier"] for record in records if "flowml" in record]  # type: ignore[index]


def kill_one(site: Site, drawn: random.Random) -> bool:
    """Run a sensor and kill one of its processes; give whether it was the scorer."""
    sensor = site.start("200")
    lines = drawn.randrange(25)
    listens = eventually(lambda: b"listening" in site.err.read_bytes() or sensor.poll() is not None, HANGS_S)
    assert listens, site.err.read_text()
    assert sensor.poll() is None, site.err.read_text()
    assert eventually(lambda: site.out.read_bytes().count(b"\n") >= lines, HANGS_S), site.err.read_text()
    time.sleep(drawn.uniform(0, LONGEST_S))  # any moment will do, and an event would not be any moment
    capture = children(sensor.pid)
    is_scorer = drawn.random() < 0.7 or not capture
    os.kill(sensor.pid if is_scorer else capture[0], signal.SIGKILL)
    sensor.wait(HANGS_S)
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in capture), HANGS_S)
    if sensor.returncode == 2:
        assert "capture process was killed by signal 9" in site.err.read_text()
    return sensor.returncode == -signal.SIGKILL


def test_a_sensor_that_is_killed_loses_no_accepted_alert_and_says_that_it_was(tmp_path: Path) -> None:
    drawn = random.Random()
    forced = 0
    with http_server() as web:
        site = Site(tmp_path, web.url)
        for _ in range(KILLS):
            web.answers[:] = [204, 204, 503] * drawn.randrange(2)
            forced += kill_one(site, drawn)
            site.incidents()
        last = site.start("0.001")  # raises no alert: what comes now was accepted before
        spool = tmp_path / "state" / "spool"
        drained = eventually(
            lambda: (
                b"listening" in site.err.read_bytes()
                and all(path.stat().st_size <= Journal.EMPTY_BYTES for path in spool.glob("*.journal"))
            ),
            HANGS_S,
        )
        last.send_signal(signal.SIGTERM)
        assert last.wait(HANGS_S) == 0, site.err.read_text()
    assert drained, sorted(spool.iterdir())
    assert not (tmp_path / "state" / "at-work").exists()
    stored, posted = site.incidents(), identifiers(web.bodies())
    assert stored == set(posted) == set(identifiers(site.eve()))
    told = [record for record in site.eve() if record.get("event_type") == "sensor"]
    assert sum(record["sensor"]["event"] == "resumed" for record in told) >= forced  # type: ignore[index]
    print(
        f"{KILLS} kills, {forced} of the scorer, {len(stored)} alerts accepted, none lost, "
        f"{len(posted) - len(set(posted))} came twice, none with some destinations only, "
        f"{len(told)} events on record"
    )
