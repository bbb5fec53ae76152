"""The API against its own description."""

import csv
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from flowml.api.application import make_app
from flowml.api.passwords import hash_token
from flowml.api.users import Role, User, add
from tests.api.running import Running, write_config
from tests.api.stored import store
from tests.capture.frames import EPOCH_S, End, ethernet, pcap, segment

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what schemathesis imports
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import positive_data_acceptance

EXAMPLES = 15  # of each call: some twenty seconds for all of them
CHOOSY = {"POST /api/v1/policies"}  # that a text is a network, and a time in the future, no schema can say
TOKEN = "token"  # noqa: S105  # a program's, of this test
NAME = "<b>\x1b[31m\u202e.example"
FORMULA = "=cmd|' /C calc'!A0"
OPERATIONS = [
    found.ok()  # type: ignore[union-attr]  # an error is one of the test
    for found in schemathesis.openapi.from_dict(make_app().openapi()).get_all_operations()
]


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("rest")
    add(folder / "users", User("program", Role.ADMIN, hash_token(TOKEN)))
    config = write_config(folder, 'users = "users"', '[evidence]\nfolder = "headers"')
    for number in range(1, 4):
        store(folder / "state", number, f"10.0.0.{number}", NAME)
    with Running(config) as running:
        yield running


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value
)
def test_every_call_answers_as_it_says(operation: Any, mode: GenerationMode, dashboard: Running) -> None:
    @settings(
        max_examples=EXAMPLES,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
        deadline=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        case.call_and_validate(
            base_url=dashboard.url,
            headers={"Authorization": f"Bearer {TOKEN}"},
            excluded_checks=[positive_data_acceptance] if operation.label in CHOOSY else [],
        )

    holds()


@pytest.fixture
def program(dashboard: Running) -> httpx.Client:
    return dashboard.client(Authorization=f"Bearer {TOKEN}")


def test_a_change_by_a_program_is_done_and_on_record(program: httpx.Client) -> None:
    question = {"numbers": [1, 2], "state": "acknowledged", "owner": "mika", "note": "both"}
    assert program.patch("/api/v1/incidents", json=question).json() == {"changed": 2}
    found = program.get("/api/v1/incidents/2").json()
    assert (found["incident"]["state"], found["incident"]["owner"]) == ("acknowledged", "mika")
    assert {(line["who"], line["what"], line["after"]) for line in found["history"]} >= {
        ("program", "state", "acknowledged"),
        ("program", "owner", "mika"),
        ("program", "note", "both"),
    }
    assert program.get("/api/v1/audit").json()["entries"][0]["action"] == "change incident"


def test_an_incident_says_what_connects_it_with_others(program: httpx.Client) -> None:
    told = program.get("/api/v1/incidents/1").json()
    assert sorted(line["host"] for line in told["related"]) == ["10.0.0.2", "10.0.0.3"]
    assert "One campaign: 10.0.0.2, 10.0.0.3 mine at 198.51.100.7:3333 too." in told["findings"]
    assert told["findings"][0] in program.get("/incidents/1").text


def test_a_change_of_an_incident_that_is_not_there_changes_nothing(program: httpx.Client) -> None:
    answer = program.patch("/api/v1/incidents", json={"numbers": [3, 4711], "state": "closed"})
    assert answer.status_code == 404
    assert "4711" in answer.json()["error"]
    assert program.get("/api/v1/incidents/3").json()["incident"]["state"] == "new"


def test_a_spreadsheet_gets_text_and_no_formulas(program: httpx.Client) -> None:
    assert program.patch("/api/v1/incidents", json={"numbers": [3], "owner": FORMULA}).status_code == 200
    answer = program.get("/api/v1/incidents.csv", params={"host": "10.0.0.3"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["host"] == "10.0.0.3"
    assert row["owner"] == f"'{FORMULA}"


def test_json_carries_foreign_names_as_they_are(program: httpx.Client) -> None:
    answer = program.get("/api/v1/incidents", params={"search": NAME})
    assert answer.json()["total"] == 3
    assert answer.json()["incidents"][0]["server"] == f"{NAME}:3333"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_packets_of_an_incident_come_as_a_capture_file(program: httpx.Client, dashboard: Running) -> None:
    address = "/api/v1/incidents/1/packets.pcap"
    assert "no packet of incident 1 is kept any more" in program.get(address).json()["error"]
    assert program.get("/api/v1/incidents/4711/packets.pcap").status_code == 404
    (alert,) = program.get("/api/v1/incidents/1").json()["alerts"]
    client, server = (End(alert[f"{end}_ip"], alert[f"{end}_port"]) for end in ("client", "server"))
    kept = pcap([(alert["start_ms"] - EPOCH_S * 1000, ethernet(segment(client, server)))])
    folder = dashboard.folder / "headers" / alert["source"]
    folder.mkdir(parents=True)
    (folder / "00000000000000001.pcap").write_bytes(kept)
    answer = program.get(address)
    assert answer.headers["content-type"] == "application/vnd.tcpdump.pcap"
    assert answer.headers["content-disposition"] == 'attachment; filename="incident-1.pcap"'
    assert answer.content[24:] == kept[24:]
    assert program.get("/api/v1/audit").json()["entries"][0]["action"] == "slice of capture"
    assert f'href="{address}"' in program.get("/incidents/1").text


def test_where_no_packets_are_kept_there_is_nothing_to_fetch(running: Running, tmp_path: Path) -> None:
    store(tmp_path / "state", 1, "10.0.0.1", NAME)
    client = running.logged_in()
    assert "packets.pcap" not in client.get("/incidents/1").text
    answer = client.get("/api/v1/incidents/1/packets.pcap")
    assert (answer.status_code, "[evidence]" in answer.json()["error"]) == (404, True)
