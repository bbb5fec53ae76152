from dataclasses import fields

from flowml.capture.settings import MeterSettings
from flowml.config.keys import KEYS
from flowml.flows.connections import ConnectionSettings
from flowml.service.settings import CaptureSettings, LiveSettings

HOMES = {
    "capture": CaptureSettings,
    "live": LiveSettings,
    "connections": ConnectionSettings,
    "meter": MeterSettings,
}
WITHHELD = {
    "ages", "history_packets", "report_delay_s", "snapshot_ages_s", "snapshot_delay_s", "snapshot_packets",
}  # fmt: skip


def test_every_setting_has_a_key_unless_it_is_withheld_on_purpose() -> None:
    for section, home in HOMES.items():
        assert {setting.name for setting in fields(home)} - WITHHELD == set(KEYS[section])


def test_the_defaults_are_within_the_limits() -> None:
    for section, home in HOMES.items():
        defaults = home()
        for key, check in KEYS[section].items():
            value = getattr(defaults, key)
            if value not in (None, ()):
                assert check(value) == value
