import json
import time
from pathlib import Path

import pytest

from flowml.cli.main import run
from flowml.incidents.scores import Agreement, add_agreement
from flowml.incidents.store import IncidentStore
from flowml.incidents.telemetry import Disagreement, ModelInUse, record_disagreement, record_model


def test_what_both_judged_is_compared(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, now = IncidentStore(tmp_path / "state"), int(time.time() * 1000)
    for role, digest in (("champion", "a" * 64), ("challenger", "b" * 64)):
        record_model(store, ModelInUse(role, f"flowml {role}", digest, "", now - 1000))
    add_agreement(store, "a" * 64, "b" * 64, Agreement(100, 7, 2, 1), now)
    record_disagreement(store, Disagreement(now, "10.0.0.2 to pool\x1b[31m", 0.9, 0.1))
    store.close()
    compare = ["models", "compare", "champion", "challenger", "--config", str(config)]
    assert run(compare) == 0
    said = capsys.readouterr().out
    assert "champion flowml champion aaaaaaaaaaaa, challenger flowml challenger bbbbbbbbbbbb" in said
    assert "100 observations judged by both; called mining by both 7, by the champion alone 2" in said
    assert "0.900 0.100  10.0.0.2 to pool\\x1b[31m" in said
    assert run([*compare, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["challenger_only"] == 1


def test_a_role_that_is_nobodys_is_one_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "compare", "champion", "challenger", "--config", str(config)]) == 2
    assert "no champion is at work; use: flowml models deploy" in capsys.readouterr().err
