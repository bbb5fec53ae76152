from pathlib import Path

import pytest

from flowml.api.settings import DashboardSettings
from flowml.errors import ConfigError

USERS, PEM = Path("users"), Path("x.pem")


@pytest.mark.parametrize(
    "settings",
    [
        DashboardSettings(),
        DashboardSettings(listen="::1", users=USERS),
        DashboardSettings(listen="0.0.0.0", users=USERS, tls_certificate=PEM, tls_key=PEM),  # noqa: S104
        DashboardSettings(listen="10.0.0.1", users=USERS, behind_proxy=True),
    ],
)
def test_what_is_locked_may_be_open(settings: DashboardSettings) -> None:
    settings.check()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (DashboardSettings(listen="0.0.0.0"), "expected users"),  # noqa: S104
        (DashboardSettings(behind_proxy=True), "expected users"),
        (DashboardSettings(listen="10.0.0.1", users=USERS), "unencrypted"),
        (DashboardSettings(tls_key=PEM), "expected both or none"),
    ],
)
def test_what_others_reach_needs_users_and_tls(settings: DashboardSettings, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        settings.check()
