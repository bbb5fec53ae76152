"""Who may use the dashboard: a file of users and API tokens, read again whenever it changes."""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from flowml.api.passwords import hash_password, hash_token, is_password, is_stored_password
from flowml.errors import ConfigError
from flowml.sinks.files import WholeFile

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_TOKEN = re.compile(r"sha256\$[0-9a-f]{64}")
NAME_WORDS = "a name of 1 to 64 letters, digits and . _ @ -, a letter or digit first"


class Role(IntEnum):
    """What somebody may do; each may do what those below it may."""

    VIEWER = 1
    ANALYST = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As it is written in files and shown."""
        return self.name.lower()


ROLES: Mapping[str, Role] = {role.word: role for role in Role}


@dataclass(frozen=True)
class User:
    """Somebody, or some program with a token.

    Attributes
    ----------
    name : str
    role : Role
    secret : str
        Hash of the password or of the token; it tells which of them it is.
    """

    name: str
    role: Role
    secret: str

    @property
    def is_program(self) -> bool:
        """Whether it comes with a token instead of a password."""
        return self.secret.startswith("sha256$")


class UserFile:
    """A file with a line ``NAME:ROLE:HASH`` for each user and each token.

    Parameters
    ----------
    path : Path
        Read again when it has changed; what it says then holds from the next request on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[object, dict[str, User]] = (None, {})
        self._unknown = hash_password("nobody has this one")

    def users(self) -> dict[str, User]:
        """Everybody, by name.

        Raises
        ------
        ConfigError
            The file cannot be read, is open to others, or has a line that is none.
        """
        try:
            state = self.path.stat()
            version = (state.st_mtime_ns, state.st_size, state.st_ino)
            if version != self._read[0]:
                self._read = (version, _parse(self.path, state.st_mode))
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror}; expected a file of users") from error
        return self._read[1]

    def find(self, name: str) -> User | None:
        """A user or a program of this name."""
        return self.users().get(name)

    def by_password(self, name: str, password: str) -> User | None:
        """The user whose name and password these are; an unknown name takes as long as a wrong password."""
        user = self.users().get(name)
        person = user if user is not None and not user.is_program else None
        if is_password(password, person.secret if person else self._unknown):
            return person
        return None

    def by_token(self, token: str) -> User | None:
        """The program whose token this is. Comparing hashes of random tokens tells nothing by its time."""
        secret = hash_token(token)
        return next((user for user in self.users().values() if user.secret == secret), None)


def add(path: Path, user: User) -> None:
    """Write a user into the file, instead of an earlier one of the same name; makes the file if need be.

    Raises
    ------
    ConfigError
        The name cannot be one, or the file is none of users.
    """
    if not _NAME.fullmatch(user.name):
        raise ConfigError(f"{user.name!r}: expected {NAME_WORDS}")
    known = UserFile(path).users() if path.exists() else {}
    _write(path, {**known, user.name: user})


def remove(path: Path, name: str) -> None:
    """Take somebody out of the file; `ConfigError` if there is no such name."""
    known = UserFile(path).users()
    if name not in known:
        raise ConfigError(f"{path}: no user {name!r}; known are {', '.join(known) or 'none'}")
    _write(path, {key: user for key, user in known.items() if key != name})


def _parse(path: Path, mode: int) -> dict[str, User]:
    if stat.S_IMODE(mode) & 0o007:
        raise ConfigError(f"{path}: open to every user of this machine; run: chmod 640 {path}")
    users = {}
    for number, line in enumerate(path.read_text("utf-8", "backslashreplace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        role, _, secret = rest.partition(":")
        known = role in ROLES and (_TOKEN.fullmatch(secret) or is_stored_password(secret))
        if not _NAME.fullmatch(name) or not known:
            raise ConfigError(
                f"{path}: line {number}: expected NAME:ROLE:HASH as flowml dashboard add-user writes it"
            )
        users[name] = User(name, ROLES[role], secret)
    return users


def _write(path: Path, users: Mapping[str, User]) -> None:
    """Write the file as its owner has it; a new one is for the group of its folder: a service's."""
    group, mode = path.resolve().parent.stat().st_gid, 0o640
    if path.exists():
        before = path.stat()
        group, mode = before.st_gid, stat.S_IMODE(before.st_mode)
    mask = os.umask(0o077)
    try:
        with WholeFile(path) as file:
            for user in users.values():
                file.write(f"{user.name}:{user.role.word}:{user.secret}")
    finally:
        os.umask(mask)
    os.chown(path, -1, group)
    path.chmod(mode)
