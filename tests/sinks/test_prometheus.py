import re

from hypothesis import given
from hypothesis import strategies as st

from flowml.sinks.account import DeliveryFigures
from flowml.sinks.prometheus import Metric, Metrics, delivery_metrics, exposition
from tests.verdicts import alert, event

# the text format's grammar, as far as it concerns what is written here
LINE = re.compile(
    r"# (HELP|TYPE) [a-z_]+ [^\n]+|"
    r'[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? [0-9.e+-]+'
)
FIGURES = DeliveryFigures("webhook", 3, 0, 4096, 0, 70, 2, 1, 0, "down", 1_700_000_000_000, "")


def test_a_metric_has_its_help_its_type_and_a_line_for_each_thing() -> None:
    metric = Metric("flowml_x_total", "Some.", "counter", [({"source": "eth0"}, 3.0), ({}, 1e15)])
    assert exposition([metric]).splitlines() == [
        "# HELP flowml_x_total Some.",
        "# TYPE flowml_x_total counter",
        'flowml_x_total{source="eth0"} 3',
        "flowml_x_total 1000000000000000",
    ]


@given(st.text(st.characters(exclude_categories=())))
def test_no_name_breaks_a_line(name: str) -> None:
    text = exposition([Metric("flowml_x", "Some.", "gauge", [({"source": name, "event": name}, 0.5)])])
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        assert LINE.fullmatch(line)
    text.encode()


def test_alerts_and_events_are_counted_by_source() -> None:
    metrics = Metrics()
    metrics.emit([alert(source="eth0"), alert(source="eth0"), alert(source="eth1")])
    metrics.report(event(source="eth0"))
    metrics.close()
    lines = metrics.text().splitlines()
    assert 'flowml_alerts_total{source="eth0"} 2' in lines
    assert 'flowml_alerts_total{source="eth1"} 1' in lines
    assert 'flowml_sensor_events_total{source="eth0",event="resumed"} 1' in lines


def test_others_add_metrics_that_are_asked_for_when_they_are_wanted() -> None:
    metrics = Metrics()
    value = iter([1.0, 2.0])
    metrics.add(lambda: [Metric("flowml_y", "Other.", "gauge", [({}, next(value))])])
    assert "flowml_y 1\n" in metrics.text()
    assert "flowml_y 2\n" in metrics.text()


def test_every_figure_of_a_delivery_is_a_metric() -> None:
    text = exposition(delivery_metrics([FIGURES]))
    assert all(LINE.fullmatch(line) for line in text.splitlines())
    assert 'flowml_sink_waiting{sink="webhook"} 3\n' in text
    assert 'flowml_sink_spooled_bytes{sink="webhook"} 4096\n' in text
    assert 'flowml_sink_delivered_total{sink="webhook"} 70\n' in text
    assert 'flowml_sink_undeliverable_total{sink="webhook"} 1\n' in text
    assert 'flowml_sink_up{sink="webhook"} 0\n' in text
