from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowml.detections.event import SensorEvent
from flowml.detections.sentence import Sentence
from flowml.incidents import telemetry
from flowml.incidents.store import IncidentStore
from flowml.models.bundle import load_bundle
from flowml.service import health
from flowml.service.chronicle import Chronicle
from flowml.service.health import Finding
from flowml.service.model_watch import ModelWatch
from flowml.service.settings import ModelsSettings
from flowml.service.told import Told
from flowml.service.watch import Watch
from flowml.service.wire import Counted
from tests.labelled import small_data_set
from tests.registry.builders import small_bundle

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bundle(tmp_path_factory.mktemp("watch") / "1")


def models_of(folder: Path, tell: Callable[[str], None] = print) -> ModelWatch:
    return ModelWatch(ModelsSettings(), load_bundle(folder), folder, tell)


def test_a_change_is_told_once_and_is_in_the_metrics_and_the_database(folder: Path, tmp_path: Path) -> None:
    told = list[SensorEvent]()
    others = [Finding("sink eve", health.OK, Sentence("well"))]
    with Watch(models_of(folder), lambda _: others, Chronicle(tmp_path), told.append, 3600.0) as watch:
        watch.look()
        others[:] = [Finding("sink eve", health.BAD, Sentence("the disk is full"))]
        watch.look()
        watch.look()
    (event,) = told
    assert (event.check, event.before, event.status) == ("sink eve", "ok", "bad")
    assert event.message == "sink eve: bad: the disk is full"
    samples = {labels["check"]: value for labels, value in watch.metrics()[0].samples}
    assert samples == {"clock": 0.0, "model": 0.0, "drift": 0.0, "sink eve": 2.0, "database": 0.0}
    stored = {state.name: state.status for state in telemetry.health(IncidentStore(tmp_path))}
    assert stored["sink eve"] == "bad"


def test_whoever_reads_standard_output_may_go_away_while_health_is_told(folder: Path) -> None:
    def gone(event: SensorEvent) -> None:
        raise BrokenPipeError(event.message)

    watch = Watch(
        models_of(folder), lambda _: [Finding("sink eve", health.BAD, Sentence("full"))], None, gone
    )
    watch.look()
    assert [finding.name for finding in watch.findings if finding.status == health.BAD] == ["sink eve"]


def test_what_the_meter_counted_is_in_the_metrics(folder: Path) -> None:
    watch = Watch(models_of(folder), lambda _: (), None, print)
    watch.hear(
        Told("eth0", Counted({"packets": 900, "kernel_drops": 4, "lost_records": 2, "lost_headers": 7}))
    )
    counted = {metric.name: metric.samples for metric in watch.metrics()}
    eth0 = {"source": "eth0"}
    assert counted["flowml_packets_total"] == [(eth0, 900.0)]
    assert counted["flowml_packets_lost_total"] == [(eth0, 4.0)]
    assert counted["flowml_records_lost_total"] == [(eth0, 2.0)]
    assert counted["flowml_headers_lost_total"] == [(eth0, 7.0)]


def test_what_was_judged_in_an_hour_is_held_against_the_fit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = [1000 * HOUR_MS]
    monkeypatch.setattr("flowml.service.watch.time.time", lambda: now_ms[0] / 1000)
    labelled = small_data_set()
    told = list[SensorEvent]()
    watch = Watch(models_of(folder), lambda _: (), None, told.append)
    watch.look()
    assert watch.metrics()[1].samples == []
    judge = watch.judge_of("eth0")
    for _ in range(10):  # nothing but miners, of which the benign part of the fit has none
        judge(labelled.take(labelled.is_mining.nonzero()[0]).observations)
    now_ms[0] += HOUR_MS
    watch.look()
    drift = {labels["of"]: value for labels, value in watch.metrics()[1].samples}
    assert drift["probability"] > 0.25
    (finding,) = [found for found in watch.findings if found.name == "drift"]
    assert finding.status == health.WARN
    assert ("drift", "warn") in [(event.check, event.status) for event in told]


def test_a_model_of_an_older_flowml_brings_no_reference(folder: Path) -> None:
    models = models_of(folder)
    models.champion = replace(models.champion, population=None)
    watch = Watch(models, lambda _: (), None, print)
    watch.judge_of("eth0")(small_data_set().observations)
    watch.look()
    (finding,) = [found for found in watch.findings if found.name == "drift"]
    assert (finding.status, finding.words[:31]) == (health.OK, "this model brings no reference:")
