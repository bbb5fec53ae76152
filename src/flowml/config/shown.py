"""Settings as they are shown to people: every value as the process has it, secrets left out."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

MASK = "••••••"
_SECRETS = ("password", "secret", "token", "credential", "private")


def shown(settings: Any) -> Mapping[str, Mapping[str, str]]:
    """Give each section's keys and values as text.

    Parameters
    ----------
    settings : dataclass
        Of dataclasses, a section each.

    Returns
    -------
    mapping
        By section, then by key. A value whose key speaks of a secret is masked, as is all of a URL but
        its scheme and host.
    """
    return {section.name: dict(_lines(getattr(settings, section.name))) for section in fields(settings)}


def _lines(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for field in fields(value):
        name, inner = prefix + field.name, getattr(value, field.name)
        if is_dataclass(inner):
            lines += _lines(inner, f"{name}.")
        else:
            lines.append((name, MASK if _is_secret(field.name) and inner else _text(inner)))
    return lines


def _is_secret(name: str) -> bool:
    return any(word in name for word in _SECRETS)


def _text(value: Any) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value))
    return _without_secrets(str(value))


def _without_secrets(text: str) -> str:
    """Show no more of a URL than its scheme and host: users, passwords and tokens stand in all the rest."""
    scheme, found, rest = text.partition("://")
    if not found:
        return text
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    return f"{scheme}://{MASK + at if user else ''}{host}{slash}{MASK if path else ''}"
