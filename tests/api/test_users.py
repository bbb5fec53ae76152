import os
from pathlib import Path

import pytest

from flowml.api.passwords import hash_password, hash_token
from flowml.api.users import Role, User, UserFile, add, remove
from flowml.errors import ConfigError


def test_a_user_who_was_added_is_known_by_password(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add(path, User("mika", Role.ANALYST, hash_password("long enough")))
    users = UserFile(path)
    found = users.by_password("mika", "long enough")
    assert found is not None
    assert found.role is Role.ANALYST
    assert users.by_password("mika", "wrong") is None
    assert users.by_password("nobody", "long enough") is None


def test_a_program_is_known_by_its_token_alone(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add(path, User("export", Role.VIEWER, hash_token("t0ken")))
    users = UserFile(path)
    assert users.by_token("t0ken") is not None
    assert users.by_token("other") is None
    assert users.by_password("export", "t0ken") is None


def test_a_change_of_the_file_holds_at_once(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add(path, User("mika", Role.ANALYST, hash_password("long enough")))
    users = UserFile(path)
    assert users.find("mika") is not None
    add(path, User("sato", Role.ADMIN, hash_password("long enough")))
    assert users.find("sato") is not None
    remove(path, "mika")
    assert users.find("mika") is None


def test_a_new_file_is_not_for_everybody_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add(path, User("mika", Role.ANALYST, hash_password("long enough")))
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o600)
    add(path, User("sato", Role.ADMIN, hash_password("long enough")))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add(path, User("mika", Role.ANALYST, hash_password("long enough")))
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 640"):
        UserFile(path).users()


@pytest.mark.parametrize(
    "line", ["mika", "mika:king:scrypt$1", "mi ka:viewer:sha256$00", "mika:viewer:plain"]
)
def test_a_line_that_is_none_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "users"
    path.write_text(f"# people\n{line}\n")
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="line 2: expected NAME:ROLE:HASH"):
        UserFile(path).users()


@pytest.mark.parametrize("name", ["", "a:b", "../x", "a\nb", "<b>", "x" * 65, "ä"])
def test_a_name_that_would_break_the_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        add(tmp_path / "users", User(name, Role.VIEWER, hash_token("x")))
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_somebody_unknown_cannot_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add(path, User("mika", Role.ANALYST, hash_password("long enough")))
    with pytest.raises(ConfigError, match="known are mika"):
        remove(path, "sato")
