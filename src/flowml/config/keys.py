"""Every key that a configuration file may have: its unit, its limits, its place in the settings."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flowml.capture.links import ANY
from flowml.sinks.endpoint import MAIL_PORTS, SYSLOG_PORTS, checked_url, endpoint

Check = Callable[[Any], Any]
"""Gives the value as the settings want it, or raises ValueError with what was expected."""

_INTERFACE = re.compile(r"[^\s/]{1,15}")  # dev_valid_name() of Linux: IFNAMSIZ - 1 bytes, no slash, no space


def _number(low: float, high: float, unit: str, example: float) -> Check:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"expected {low:g} to {high:g} {unit} as a number, such as {example:g}")
        return float(value)

    return check


def _whole(low: int, high: int, unit: str) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"expected a whole number of {unit}, {low} to {high}")
        return value

    return check


def _text(what: str, pattern: re.Pattern[str]) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"expected {what}")
        return value

    return check


def interfaces(value: Any) -> tuple[str, ...]:
    """Check names of interfaces: a list of them, or the word that stands for all."""
    names = (value,) if value == ANY else tuple(value) if isinstance(value, list) else ()
    if not names or not all(isinstance(name, str) and _INTERFACE.fullmatch(name) for name in names):
        raise ValueError('expected names of network interfaces, such as ["eth0", "eth1"], or "any"')
    if len(set(names)) < len(names) or (ANY in names and len(names) > 1):
        raise ValueError('expected each interface once, and "any" alone')
    return names


def _address(value: Any) -> str:
    try:
        return str(ipaddress.ip_address(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError('expected an IP address to listen on, such as "127.0.0.1" or "::"') from None


def _port(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65_535:
        raise ValueError("expected a TCP port, 1 to 65535, or 0: the kernel chooses")
    return value


def _host_names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [None]
    if not all(isinstance(name, str) and _HOST_NAME.fullmatch(name) for name in names):
        raise ValueError(
            'expected names as browsers have them in the address, such as ["flowml.example.org"]'
        )
    return tuple(names)


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004  # told to whoever wrote the file
    return value


def _path(value: Any) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError('expected a path as text, such as "/var/log/flowml/eve.json"')
    return Path(value)


def _one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"expected {' or '.join(map(repr, words))}")
        return str(value)

    return check


def _server(ports: Mapping[str, int]) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"expected an address as text, such as {next(iter(ports))}://HOST")  # noqa: TRY004
        endpoint(value, ports)
        return value

    return check


def _mail_address(value: Any) -> str:
    if not isinstance(value, str) or not _MAIL_ADDRESS.fullmatch(value):
        raise ValueError('expected a mail address such as "soc@example.org"')
    return value


def _mail_addresses(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError('expected mail addresses, such as ["soc@example.org"]')
    return tuple(map(_mail_address, value))


def _loopback(value: Any) -> str:
    """Metrics say what goes on in a network: nobody else may ask for them without a proxy in between."""
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if host not in ("127.0.0.1", "[::1]", "localhost") or not _PORT.fullmatch(port) or int(port) > 65_535:
        raise ValueError('expected an address of this machine alone, such as "127.0.0.1:9817"')
    return str(value)


def _textfile(value: Any) -> Path:
    if not _path(value).name.endswith(".prom"):
        raise ValueError("expected a file whose name ends in .prom: node_exporter reads no other")
    return _path(value)


_PORT = re.compile(r"[1-9]\d{0,4}")
_MAIL_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}"
)  # RFC 5321, no quotes
_USER = re.compile(r"[^\0\r\n]{1,256}")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_MODEL = re.compile(r"[^\0]+")

# Left out on purpose: ages and packets of history, of the connections and of the meter, are what a model was
# fitted on, and `report_delay_s` and `snapshot_delay_s` follow from the meter. Nothing here waits for
# `snapshot_packets`.
KEYS: Mapping[str, Mapping[str, Check]] = {
    "capture": {
        "interfaces": interfaces,
        "ring_mib": _whole(1, 4096, "MiB"),
        "snaplen_bytes": _whole(64, 262_144, "bytes"),
        "promiscuous": _yes_or_no,
    },
    "live": {
        "model": _text('a folder or a reference such as "models:/flowml@champion"', _MODEL),
        "eve": _path,
    },
    "connections": {
        "max_connections": _whole(1, 10_000_000, "connections"),
        "silence_s": _number(60, 86_400, "seconds", 1800),
        "linger_s": _number(0, 3600, "seconds", 30),
    },
    "meter": {
        "idle_timeout_s": _whole(1, 86_400, "seconds"),
        "active_timeout_s": _whole(1, 86_400, "seconds"),
        "max_flows": _whole(1, 100_000_000, "flows"),
        "n_dissections": _whole(0, 255, "packets"),
    },
    "models": {
        "folder": _path,
        "threshold": _number(0.01, 1, "of probability", 0.95),
    },
    "state": {
        "folder": _path,
    },
    "evidence": {
        "folder": _path,
        "size_mib": _whole(16, 16_777_216, "MiB"),
        "snaplen_bytes": _whole(64, 262_144, "bytes"),
    },
    "incidents": {
        "names_csv": _path,
        "reverse_dns": _yes_or_no,
        "keep_days": _whole(1, 36_500, "days"),
        "keep_mib": _whole(64, 1_048_576, "MiB"),
    },
    "dashboard": {
        "listen": _address,
        "port": _port,
        "hosts": _host_names,
        "users": _path,
        "tls_certificate": _path,
        "tls_key": _path,
        "behind_proxy": _yes_or_no,
        "alerts_per_day": _number(0.01, 100_000, "alerts", 5),
    },
    "sinks": {
        "spool_mib": _whole(1, 65_536, "MiB"),
    },
    "sinks.stdout": {
        "format": _one_of("text", "json"),
    },
    "sinks.eve": {
        "file": _path,
        "rotate_mib": _whole(1, 1_048_576, "MiB"),
        "keep": _whole(1, 1000, "files"),
    },
    "sinks.syslog": {
        "server": _server(SYSLOG_PORTS),
        "ca_file": _path,
    },
    "sinks.webhook": {
        "url": checked_url,
        "secret_file": _path,
        "ca_file": _path,
        "once_per_incident": _yes_or_no,
    },
    "sinks.email": {
        "server": _server(MAIL_PORTS),
        "sender": _mail_address,
        "recipients": _mail_addresses,
        "interval_s": _number(60, 86_400, "seconds", 900),
        "user": _text("a user name", _USER),
        "password_file": _path,
        "ca_file": _path,
        "once_per_incident": _yes_or_no,
    },
    "sinks.prometheus": {
        "textfile": _textfile,
        "listen": _loopback,
        "every_s": _number(1, 3600, "seconds", 15),
    },
}

OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "sinks.eve": ("file",),
    "sinks.syslog": ("server",),
    "sinks.webhook": ("url",),
    "sinks.email": ("server", "sender", "recipients"),
    "sinks.prometheus": (),
}
"""Sections that turn something on by being there, and the keys that each needs."""
