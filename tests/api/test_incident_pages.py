import json
import sqlite3
from dataclasses import replace
from pathlib import Path

from flowml.flows.key import FlowKey
from flowml.incidents.packing import packed, unpacked
from flowml.incidents.store import IncidentStore
from tests.api.running import Running
from tests.api.stored import WORDS, store
from tests.verdicts import MINING, alert

JAPANESE = {"Accept-Language": "ja"}
PUSHED = "サーバーが自発的に送ったメッセージは 14 件(サーバーのメッセージの 22%)で、"


def test_an_explanation_is_told_in_the_reader_s_language(running: Running) -> None:
    store(running.folder / "state")
    client = running.logged_in()
    told, told_in_japanese = (client.get("/incidents/1", headers=asked).text for asked in ({}, JAPANESE))
    assert WORDS[0].text in told
    assert PUSHED in told_in_japanese
    assert "of its own accord" not in told_in_japanese
    assert client.get("/api/v1/incidents/1", headers=JAPANESE).json()["alerts"][0]["explanation"] == [
        sentence.text for sentence in WORDS
    ]


def test_an_alert_that_an_earlier_flowml_stored_is_told_in_english(running: Running) -> None:
    store(running.folder / "state")
    _store_texts(running.folder / "state" / "incidents.db")
    told = running.logged_in().get("/incidents/1", headers=JAPANESE).text
    assert f'<li lang="en">{WORDS[0].text}</li>' in told


def _store_texts(database: Path) -> None:
    connection = sqlite3.connect(database)
    (body,) = connection.execute("SELECT body FROM alert").fetchone()
    fields = json.loads(unpacked(body))
    fields["alert"]["explanation"] = [sentence.text for sentence in WORDS]
    connection.execute("UPDATE alert SET body = ?", (packed(json.dumps(fields).encode()),))
    connection.commit()
    connection.close()


def test_a_page_says_what_to_do_next_and_leads_to_the_next_new_incident(running: Running) -> None:
    folder = running.folder / "state"
    store(folder, 1, "10.0.0.2")
    store(folder, 2, "10.0.0.3")
    client = running.logged_in()
    first = client.get("/incidents/1").text
    assert "ss -tnp dst 198.51.100.7" in first
    assert 'href="/incidents/2">Next new incident: 10.0.0.3</a>' in first
    incidents = IncidentStore(folder)
    key = FlowKey("2001:db8::2", 40_000, "2001:db8::7", 3333)
    incidents.take([replace(alert(), verdict=replace(MINING, key=key))])
    incidents.close()
    third = client.get("/incidents/3").text
    assert "[2001:db8::2]:40000 → [2001:db8::7]:3333" in third
    assert "lsof -nP -i @[2001:db8::7]" in third
