"""Where a server is, as a configuration writes it: ``SCHEME://HOST:PORT``, or a URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SYSLOG_PORTS: Mapping[str, int] = {"udp": 514, "tcp": 514, "tls": 6514}
MAIL_PORTS: Mapping[str, int] = {"smtp": 587, "smtps": 465, "plain": 25}


@dataclass(frozen=True)
class Endpoint:
    """A server and how it is spoken to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def endpoint(text: str, ports: Mapping[str, int]) -> Endpoint:
    """Take an address apart.

    Parameters
    ----------
    text : str
    ports : mapping of str to int
        The schemes that are known, and the port of each where none is said.

    Raises
    ------
    ValueError
        With what was expected.
    """
    expected = f"expected {' or '.join(f'{scheme}://HOST:PORT' for scheme in ports)}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(expected) from None
    odd = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in ports or not parts.hostname or odd or port == 0 or not _is_plain(text):
        raise ValueError(expected)
    return Endpoint(parts.scheme, parts.hostname, port or ports[parts.scheme])


def checked_url(text: Any) -> str:
    """Check the URL of an HTTP server.

    Raises
    ------
    ValueError
        With what was expected.
    """
    expected = 'expected a URL such as "https://soc.example/hook", without a user or a fragment'
    if not isinstance(text, str) or not _is_plain(text):
        raise ValueError(expected)
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(expected) from None
    if not is_whole or parts.username or parts.password or parts.fragment:
        raise ValueError(expected)
    return text


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
