from dataclasses import dataclass, field, replace

from flowml.config.reader import Settings
from flowml.config.shown import MASK, shown
from flowml.service.settings import LiveSettings


@dataclass(frozen=True)
class Webhook:
    url: str = "https://user:hunter2@hooks.example/services/T0/B1/xyz"
    secret: str = "hunter2"  # noqa: S105
    smtp_password: str = ""


@dataclass(frozen=True)
class Sinks:
    webhook: Webhook = field(default_factory=Webhook)
    tries: tuple[int, ...] = (1, 2)
    none: str | None = None


@dataclass(frozen=True)
class All:
    sinks: Sinks = field(default_factory=Sinks)


def test_secrets_are_masked_wherever_they_stand() -> None:
    assert shown(All()) == {
        "sinks": {
            "webhook.url": f"https://{MASK}@hooks.example/{MASK}",
            "webhook.secret": MASK,
            "webhook.smtp_password": "",
            "tries": "1, 2",
            "none": "-",
        }
    }


def test_every_section_of_a_sensor_can_be_shown() -> None:
    sections = shown(replace(Settings(), live=LiveSettings(model="models:/flowml@champion")))
    assert sections["live"]["model"] == "models:/flowml@champion"
    assert sections["dashboard"]["listen"] == "127.0.0.1"
