from dataclasses import MISSING, fields

from flowml.capture.settings import MeterSettings
from flowml.config.keys import KEYS, OPTIONAL
from flowml.flows.connections import ConnectionSettings
from flowml.service.settings import CaptureSettings, LiveSettings, ModelsSettings, StateSettings
from flowml.sinks.settings import (
    EmailSettings,
    EveSettings,
    PrometheusSettings,
    SinksSettings,
    StdoutSettings,
    SyslogSettings,
    WebhookSettings,
)

HOMES = {
    "capture": CaptureSettings,
    "live": LiveSettings,
    "connections": ConnectionSettings,
    "meter": MeterSettings,
    "models": ModelsSettings,
    "state": StateSettings,
    "sinks": SinksSettings,
    "sinks.stdout": StdoutSettings,
    "sinks.eve": EveSettings,
    "sinks.syslog": SyslogSettings,
    "sinks.webhook": WebhookSettings,
    "sinks.email": EmailSettings,
    "sinks.prometheus": PrometheusSettings,
}
WITHHELD = {
    "ages", "history_packets", "report_delay_s", "snapshot_ages_s", "snapshot_delay_s", "snapshot_packets",
}  # fmt: skip


def test_every_setting_has_a_key_unless_it_is_withheld_on_purpose() -> None:
    for section, home in HOMES.items():
        inner = {name.removeprefix(f"{section}.") for name in KEYS if name.startswith(f"{section}.")}
        assert {setting.name for setting in fields(home)} - WITHHELD - inner == set(KEYS[section])


def test_the_defaults_are_within_the_limits() -> None:
    for section, home in HOMES.items():
        defaults = {setting.name: setting.default for setting in fields(home)}
        for key, check in KEYS[section].items():
            value = defaults[key]
            if value not in (None, (), "", MISSING):
                assert check(value) == value


def test_a_section_needs_just_the_settings_without_a_default() -> None:
    for section, needed in OPTIONAL.items():
        without = {setting.name for setting in fields(HOMES[section]) if setting.default is MISSING}
        assert without == set(needed)
