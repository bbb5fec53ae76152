from pathlib import Path

from tests.api.hostile import MARK, attack
from tests.api.running import Running, write_config
from tests.api.stored import store

REQUESTS = 2000  # `make hostile` sends 10,000


def test_no_request_breaks_it_and_none_comes_back_as_markup(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    store(tmp_path / "state", 1, server=MARK)
    with Running(config) as dashboard:
        statuses, problems = attack(dashboard, REQUESTS, seed=7)
        assert problems == []
        assert statuses["200"] > 50  # many are heard: it is the routes that are tried, not the door alone
        assert "Traceback" not in dashboard.stop()
