"""Names of hosts: from a file of the operator, and from reverse DNS where that is asked for."""

import csv
import ipaddress
import socket
from collections.abc import Iterable
from pathlib import Path

from flowml.errors import ConfigError
from flowml.incidents.settings import IncidentSettings

NAME_CHARS = 255
_REMEMBERED = 10_000


class HostNames:
    """Knows names of hosts.

    Parameters
    ----------
    settings : IncidentSettings

    Raises
    ------
    ConfigError
        The file cannot be read, or a line of it is no address and name.
    """

    def __init__(self, settings: IncidentSettings) -> None:
        self._listed = {} if settings.names_csv is None else read_names(settings.names_csv)
        self._asks = settings.reverse_dns
        self._answers: dict[str, str] = {}

    def of(self, hosts: Iterable[str]) -> dict[str, str]:
        """Name hosts; those without a name are left out. With reverse DNS this may take seconds."""
        named = {host: self._listed.get(host) or self._asked(host) for host in hosts}
        return {host: name for host, name in named.items() if name}

    def _asked(self, host: str) -> str:
        if not self._asks:
            return ""
        if host not in self._answers:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            self._answers[host] = _reverse(host)
        return self._answers[host]


def read_names(path: Path) -> dict[str, str]:
    """Read a CSV file: address and name. Further columns, empty lines and comments (#) are passed over.

    Raises
    ------
    ConfigError
        It cannot be read, or a line is not as expected.
    """
    names: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if row and not row[0].lstrip().startswith("#"):
                    names.update([_entry(path, number, row)])
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; incidents.names_csv names it") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: {error}; expected CSV in UTF-8 with address and name") from error
    return names


def _entry(path: Path, number: int, row: list[str]) -> tuple[str, str]:
    try:
        return str(ipaddress.ip_address(row[0].strip())), row[1].strip()[:NAME_CHARS]
    except (ValueError, IndexError):
        raise ConfigError(
            f"{path}: line {number} is {','.join(row)[:80]!r}; expected an address and a name, such as "
            "10.0.0.5,build-7"
        ) from None


def _reverse(host: str) -> str:
    try:
        return socket.gethostbyaddr(host)[0][:NAME_CHARS]
    except OSError:
        return ""  # has none, or the resolver does not answer: the address has to do
