import time

from flowml.detections.sentence import Sentence, say
from flowml.incidents import telemetry
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import Beat, HealthState
from flowml.service.health_words import HEALTH
from tests.api.running import Running

JAPANESE = {"Accept-Language": "ja"}


def test_a_sensor_that_is_not_heard_of_is_told_as_that(running: Running) -> None:
    client = running.logged_in()
    told = client.get("/").text
    assert "Nothing is heard of the sensor" in told
    assert "systemctl status flowml" in told
    assert "No packet was seen" in told
    _tell(running)
    assert "Nothing is heard of the sensor" not in client.get("/").text


def test_the_gravest_check_is_first_and_told_in_the_reader_s_language(running: Running) -> None:
    _tell(running)
    client = running.logged_in()
    checks = client.get("/api/v1/health").json()["checks"]
    assert [check["name"] for check in checks] == ["losses eth1", "clock"]
    told = client.get("/", headers=JAPANESE).text
    assert "パケット損失 · eth1" in told
    assert "計測前に 2.00% のパケットが失われました。" in told
    assert '<span class="faint" lang="en">As an earlier flowml said it.</span>' in told


def _tell(running: Running) -> None:
    store, now = IncidentStore(running.folder / "state"), time.time_ns() // 1_000_000
    telemetry.record_beat(store, Beat(now, "eth1", 10, 1000, 1, 1, 0, 0))
    told = [
        HealthState("clock", "ok", Sentence("As an earlier flowml said it."), now, now),
        HealthState("losses eth1", "bad", say(HEALTH, "checked.losses", lost_percent=2.0), now, now),
    ]
    telemetry.record_health(store, told)
    store.close()
