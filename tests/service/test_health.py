from dataclasses import replace

import pytest

from flowml.incidents.retention import Room
from flowml.service.health import (
    BAD,
    OK,
    WARN,
    Sight,
    of_clock,
    of_database,
    of_delivery,
    of_model,
    of_source,
    worst,
)
from flowml.sinks.account import DeliveryFigures

QUIET = Sight("eth0", packets=10_000, flows=100)
FIGURES = DeliveryFigures("eve", 0, 0, 0, 0, 7, 0, 0, 0, "", None, "")
ROOM_BYTES = 1000


def status(sight: Sight, name: str) -> str:
    (found,) = [finding for finding in of_source(sight) if finding.name == f"{name} eth0"]
    return found.status


def test_a_source_that_sees_all_is_well() -> None:
    assert worst(of_source(QUIET)) == OK


@pytest.mark.parametrize(
    ("name", "slight", "grave"),
    [
        ("losses", {"dropped": 10}, {"dropped": 1000}),
        ("unmetered", {"left_out": 1000}, {"left_out": 20_000}),
        ("directions", {"one_way": 40}, {"one_way": 100}),
        ("traffic", {"silent_s": 400.0}, {"silent_s": 4000.0}),
        ("capture", {"restarts": 1}, {"restarts": 5}),
    ],
)
def test_trouble_warns_before_it_is_bad(name: str, slight: dict[str, float], grave: dict[str, float]) -> None:
    assert status(replace(QUIET, **slight), name) == WARN  # type: ignore[arg-type]
    assert status(replace(QUIET, **grave), name) == BAD  # type: ignore[arg-type]


def test_records_that_the_scorer_had_no_time_for_are_bad() -> None:
    assert status(replace(QUIET, lost_records=1), "records") == BAD


def test_headers_that_were_not_kept_warn_and_say_what_to_look_at() -> None:
    (found,) = [it for it in of_source(replace(QUIET, lost_headers=12)) if it.name == "evidence eth0"]
    assert found.status == WARN
    assert "12 packets" in found.words
    assert "evidence.folder" in found.words


def test_a_source_without_a_capture_process_is_bad() -> None:
    assert status(replace(QUIET, is_watched=False), "capture") == BAD


def test_a_handful_of_flows_says_nothing_about_directions() -> None:
    assert status(Sight("eth0", flows=5, one_way=5), "directions") == OK


def test_a_source_without_packets_has_no_shares() -> None:
    assert worst(of_source(Sight("eth0"))) == OK


@pytest.mark.parametrize(("step_s", "words"), [(3600.0, "forward by 60 min"), (-3600.0, "back by 60 min")])
def test_a_clock_that_was_set_is_told_with_its_way(step_s: float, words: str) -> None:
    finding = of_clock(step_s)
    assert finding.status == WARN
    assert words in finding.words


def test_a_refused_model_is_bad() -> None:
    found = of_model("champion refused", "flowml 1")
    assert (found.name, found.status, found.words) == ("model", BAD, "champion refused")
    assert of_model("", "flowml 1").status == OK


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, OK),
        ({"failing_since_ms": 0, "last_error": "refused"}, WARN),
        ({"failing_since_ms": -400_000, "last_error": "refused"}, BAD),
        ({"spooled_bytes": 600}, WARN),
        ({"spooled_bytes": 950}, BAD),
        ({"trouble": "disk full"}, WARN),
        ({"lost": 1}, BAD),
    ],
)
def test_a_destination_is_judged_by_how_long_and_how_full(changes: dict[str, int], expected: str) -> None:
    figures = replace(FIGURES, **changes)  # type: ignore[arg-type]
    assert of_delivery(figures, ROOM_BYTES, now_ms=1000).status == expected


def test_a_database_says_what_it_takes_and_warns_when_it_can_make_no_room() -> None:
    assert of_database("no space", None).status == BAD
    assert of_database("", None).status == OK
    assert "3 of 64 MiB" in of_database("", Room(3, 64, is_made=False)).words
    assert "make room for new ones" in of_database("", Room(64, 64, is_made=True)).words
    full = of_database("", Room(64, 64, is_made=False))
    assert full.status == WARN
    assert "incidents.keep_mib" in full.words
