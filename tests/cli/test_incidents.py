import json
from pathlib import Path

import pytest

from flowml.cli.main import run
from flowml.incidents.store import IncidentStore
from tests.capture.frames import End, ethernet, pcap, segment
from tests.incidents.seen import mined, seen
from tests.verdicts import MINING


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "flowml.toml"
    path.write_text('[state]\nfolder = "state"\n')
    (tmp_path / "state").mkdir()
    store = IncidentStore(tmp_path / "state")
    store.take([mined(seen("10.0.0.2", server_name="\x1b[2J<b>")), mined(seen("10.0.0.3"))])
    store.close()
    return str(path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(arguments) == code
    told = capsys.readouterr()
    return told.err if code else told.out


def test_incidents_are_listed_and_names_speak_to_no_terminal(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = said(capsys, "incidents", "list", "--config", config)
    assert "2 of 2 incidents" in listed
    assert "\x1b" not in listed
    assert "10.0.0.3 -> pool.example:3333" in listed


def test_an_incident_is_shown_with_evidence_findings_and_history(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "incidents", "set", "1", "--state", "acknowledged", "--note", "looking", "--config", config)
    shown = said(capsys, "incidents", "show", "1", "--config", config)
    for words in ("It pushes jobs.", "One campaign: 10.0.0.3", "1:", "new -> acknowledged", "note: looking"):
        assert words in shown


def test_json_of_show_and_export_tells_the_same(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(said(capsys, "incidents", "show", "2", "--json", "--config", config))
    lines = said(capsys, "incidents", "export", "--host", "10.0.0.3", "--config", config).splitlines()
    assert [json.loads(line) for line in lines] == [shown]
    assert len(shown["alerts"][0]["evidence"]["strip"]) == 40
    assert shown["related"] == [1]


def test_a_change_of_an_incident_that_is_not_there_changes_nothing(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(capsys, "incidents", "set", "1", "9", "--state", "closed", "--config", config, code=2)
    assert "no incident 9; nothing was changed" in told
    assert "0 of 0" in said(capsys, "incidents", "list", "--state", "closed", "--config", config)


def test_policies_are_added_listed_and_ended(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--reason", "research", "--owner", "sato", "--config", config)
    said(capsys, "policies", "add", "10.2.0.0/16", "--until", "2999-01-01", *common)
    assert "10.2.0.0/16  until 2999-01-01" in said(capsys, "policies", "list", "--config", config)
    said(capsys, "policies", "end", "1", "--config", config)
    assert "10.2.0.0/16  ended" in said(capsys, "policies", "list", "--config", config)
    assert "such as 10.2" in said(capsys, "policies", "add", "x", "--until", "2999-01-01", *common, code=2)
    assert "in the past" in said(capsys, "policies", "add", "::/0", "--until", "1999-01-01", *common, code=2)
    assert "no policy 9" in said(capsys, "policies", "end", "9", "--config", config, code=2)


def test_feedback_is_exported(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "incidents", "set", "1", "--state", "confirmed", "--config", config)
    told = said(capsys, "feedback", "export", str(tmp_path / "said"), "--config", config)
    assert "1 connections that mine, 0 that do not" in told
    assert (tmp_path / "said" / "feedback.parquet").exists()


def test_without_a_state_folder_there_is_nothing_to_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.toml").write_text("")
    told = said(capsys, "incidents", "list", "--config", str(tmp_path / "empty.toml"), code=2)
    assert "names no state.folder" in told


def test_the_packets_of_an_incident_are_cut_out_of_the_ring(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, path = str(tmp_path / "slice.pcap"), Path(config)
    command = ("incidents", "slice", "1", "-o", out, "--config", config)
    assert "names no evidence.folder" in said(capsys, *command, code=2)
    path.write_text(path.read_text() + '[evidence]\nfolder = "headers"\n')
    assert "no packet of incident 1 is kept any more" in said(capsys, *command, code=2)
    shown = json.loads(said(capsys, "incidents", "show", "1", "--json", "--config", config))
    key = shown["alerts"][0]["verdict"]["key"]
    client, server = End(key["client_ip"], key["client_port"]), End(key["server_ip"], key["server_port"])
    kept = pcap([(500, ethernet(segment(client, server))), (600, ethernet(segment(server, client)))])
    folder = tmp_path / "headers" / MINING.source
    folder.mkdir(parents=True)
    (folder / "01700000000000000.pcap").write_bytes(kept)
    assert said(capsys, *command) == "2 packets\n"
    assert Path(out).read_bytes()[24:] == kept[24:]
    assert "no incident 9" in said(capsys, *command[:2], "9", *command[3:], code=2)
