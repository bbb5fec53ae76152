"""Reads a configuration file, and tells all its problems at once."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowml.api.settings import DashboardSettings
from flowml.capture.settings import MeterSettings
from flowml.config.keys import KEYS, OPTIONAL
from flowml.errors import ConfigError
from flowml.flows.connections import ConnectionSettings
from flowml.incidents.settings import IncidentSettings
from flowml.service.settings import (
    CaptureSettings,
    EvidenceSettings,
    LiveSettings,
    ModelsSettings,
    StateSettings,
)
from flowml.sinks.settings import (
    EmailSettings,
    EveSettings,
    PrometheusSettings,
    SinksSettings,
    StdoutSettings,
    SyslogSettings,
    WebhookSettings,
)

_UNITS = ("_s", "_ms", "_bytes", "_mib")


@dataclass(frozen=True)
class Settings:
    """The settings of a sensor.

    Attributes
    ----------
    capture : CaptureSettings
    live : LiveSettings
    connections : ConnectionSettings
    meter : MeterSettings
    state : StateSettings
    incidents : IncidentSettings
    sinks : SinksSettings
    dashboard : DashboardSettings
    models : ModelsSettings
    evidence : EvidenceSettings
    """

    capture: CaptureSettings = field(default_factory=CaptureSettings)
    live: LiveSettings = field(default_factory=LiveSettings)
    connections: ConnectionSettings = field(default_factory=ConnectionSettings)
    meter: MeterSettings = field(default_factory=MeterSettings)
    state: StateSettings = field(default_factory=StateSettings)
    incidents: IncidentSettings = field(default_factory=IncidentSettings)
    sinks: SinksSettings = field(default_factory=SinksSettings)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    models: ModelsSettings = field(default_factory=ModelsSettings)
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)

    @property
    def written_folders(self) -> tuple[Path, ...]:
        """Where a sensor writes what grows."""
        named = None if self.sinks.eve is None else self.sinks.eve.file
        eve = self.live.eve or named
        folders = (self.state.folder, None if eve is None else eve.parent, self.evidence.folder)
        return tuple(folder for folder in folders if folder is not None)


def read_settings(path: Path) -> Settings:
    """Read a TOML file.

    Parameters
    ----------
    path : Path
        Relative paths in it are relative to its folder.

    Returns
    -------
    Settings
        What the file does not say has its default.

    Raises
    ------
    ConfigError
        The file cannot be read, is no TOML, or has problems: all of them, with file and key.
    """
    document = _parse(path)
    problems: list[str] = []
    values = dict(_checked(document, problems))
    problems += _contradictions(values)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ConfigError(f"{path}: {count}: {'; '.join(problems)}")
    for section in values.values():
        section.update({key: path.parent / it for key, it in section.items() if isinstance(it, Path)})
    live = values["live"]
    if "model" in live and not live["model"].startswith("models:"):
        live["model"] = str(path.parent / live["model"])
    return Settings(
        CaptureSettings(**values["capture"]),
        LiveSettings(**live),
        ConnectionSettings(**values["connections"]),
        MeterSettings(**values["meter"]),
        StateSettings(**values["state"]),
        IncidentSettings(**values["incidents"]),
        _sinks(values),
        DashboardSettings(**values["dashboard"]),
        ModelsSettings(**values["models"]),
        EvidenceSettings(**values["evidence"]),
    )


_DESTINATIONS = {
    "stdout": StdoutSettings,
    "eve": EveSettings,
    "syslog": SyslogSettings,
    "webhook": WebhookSettings,
    "email": EmailSettings,
    "prometheus": PrometheusSettings,
}


def _sinks(values: Mapping[str, dict[str, Any]]) -> SinksSettings:
    """Settings of the destinations that the file has a section for."""
    named = {
        name: settings(**values[f"sinks.{name}"])
        for name, settings in _DESTINATIONS.items()
        if f"sinks.{name}" in values
    }
    return SinksSettings(**values["sinks"], **named)


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; expected a TOML file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def _checked(document: Mapping[str, Any], problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each section's values; append what is wrong to `problems`."""
    sections = dict(_sections(document))
    problems += [f"{name}: unknown section{_hint(name, KEYS)}" for name in sections if name not in KEYS]
    for section, keys in KEYS.items():
        if section in OPTIONAL and section not in sections:
            continue
        found = sections.get(section, {})
        if not isinstance(found, dict):
            problems.append(f"{section}: got {found!r}, expected a section [{section}]")
            found = {}
        values = {}
        for key, value in found.items():
            if key not in keys:
                problems.append(f"{section}.{key}: unknown key{_hint(key, keys)}")
                continue
            try:
                values[key] = keys[key](value)
            except ValueError as error:
                problems.append(f"{section}.{key}: got {_shown(value)}, {error}")
        missing = [key for key in OPTIONAL.get(section, ()) if key not in found]
        problems += [f"{section}.{key}: missing; the section needs it" for key in missing]
        yield section, values


def _contradictions(values: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Tell what each key may say and both together may not."""
    for name in ("sinks.webhook", "sinks.email"):
        if values.get(name, {}).get("once_per_incident") and "folder" not in values["state"]:
            yield f"{name}.once_per_incident: needs state.folder, where incidents are kept"


def _sections(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the sections of a file by name; one inside another has both names, as in its heading."""
    for name, section in document.items():
        if not isinstance(section, dict):
            yield name, section
            continue
        inner = {key: it for key, it in section.items() if isinstance(it, dict) or f"{name}.{key}" in KEYS}
        yield name, {key: it for key, it in section.items() if key not in inner}
        yield from ((f"{name}.{key}", it) for key, it in inner.items())


def _hint(name: str, known: Mapping[str, object]) -> str:
    """Say which name was probably meant."""
    for unit in _UNITS:
        if name + unit in known:
            return f"; expected {name}{unit}: the unit is part of the name, the value a number"
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"


def _shown(value: object) -> str:
    """A value as it is told, in TOML's way where that differs from Python's."""
    return str(value).lower() if isinstance(value, bool) else repr(value)
