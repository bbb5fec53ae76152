"""Whom a sensor trusts and how it is recognised: certificates and secrets, each in a file of its own."""

import ssl
from pathlib import Path

from flowml.errors import ConfigError


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Make the client's side of TLS.

    Parameters
    ----------
    ca_file : Path or None
        Certificates that may sign the server's (PEM); None: those that the system trusts.

    Raises
    ------
    ConfigError
        The file holds none.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca_file}: no certificates ({error}); expected a PEM file of a CA") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def secret(path: Path) -> str:
    """Read a password or key from a file of its own, without the end of its line.

    Raises
    ------
    ConfigError
        It cannot be read, or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable ({error}); expected a file with the secret alone") from error
    if not text:
        raise ConfigError(f"{path}: is empty; expected a file with the secret alone")
    return text
