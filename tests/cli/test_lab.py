from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from flowml.cli.lab import lab
from flowml.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path


def test_list_names_every_scenario_with_its_length() -> None:
    result = CliRunner().invoke(lab, ["list"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == ["first", "demo", "wide"]
    assert " 600 s " in result.output


def test_recording_an_unknown_scenario_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no scenario 'nonsense'; there are: demo, first, wide"):
        CliRunner().invoke(lab, ["record", "nonsense", "-o", str(tmp_path)], catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_a_recording_of_no_length_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(lab, ["record", "demo", "-o", str(tmp_path), "--duration", "0"])
    assert result.exit_code == 2
    assert "--duration" in result.output
