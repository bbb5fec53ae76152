from pathlib import Path

import pytest

from flowml.api.sessions import IDLE_MS, LIFE_MS, SessionError, Sessions

NOW = 1_700_000_000_000


def test_a_session_survives_a_restart_and_ends_with_the_log_out(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    first = Sessions(path)
    token = first.begin("mika", "hash", NOW)
    first.close()
    second = Sessions(path)
    session = second.find(token, NOW + 1000)
    assert session is not None
    assert session.name == "mika"
    second.end(token)
    assert second.find(token, NOW + 1000) is None
    second.close()


def test_a_session_ends_after_silence_and_after_a_week_in_any_case(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "sessions.db")
    token = sessions.begin("mika", "hash", NOW)
    assert sessions.find(token, NOW + IDLE_MS + 1) is None
    for hour in range(1, LIFE_MS // 3_600_000 + 1):
        assert sessions.find(token, NOW + hour * 3_600_000) is not None
    assert sessions.find(token, NOW + LIFE_MS + 1) is None
    sessions.close()


def test_the_file_does_not_tell_the_token(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    sessions = Sessions(path)
    token = sessions.begin("mika", "hash", NOW)
    sessions.close()
    assert token.encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="sessions cannot be kept"):
        Sessions(tmp_path / "no" / "sessions.db")
