from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from flowml.cli.lab import lab
from flowml.errors import DataError, LabError

if TYPE_CHECKING:
    from pathlib import Path


def test_list_names_every_scenario_with_its_length() -> None:
    result = CliRunner().invoke(lab, ["list"])
    assert result.exit_code == 0
    names = [line.split()[0] for line in result.output.splitlines()]
    assert names == [
        "first",
        "demo",
        "monero",
        "drawn",
        "broad",
        "everyday",
        "varied",
        "wide",
        "generations",
        "carried",
        "full-1",
        "full-2",
        "full-3",
        "full-4",
    ]
    assert " 600 s " in result.output


def test_recording_an_unknown_scenario_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        LabError, match="no scenario 'nonsense'; there are: broad, carried, demo, drawn, everyday, first"
    ):
        CliRunner().invoke(lab, ["record", "nonsense", "-o", str(tmp_path)], catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_a_recording_of_no_length_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(lab, ["record", "demo", "-o", str(tmp_path), "--duration", "0"])
    assert result.exit_code == 2
    assert "--duration" in result.output


def test_realism_without_a_manifest_says_what_a_data_set_is(tmp_path: Path) -> None:
    (tmp_path / "cj").mkdir()
    with pytest.raises(DataError, match=r"a data set is a folder with a manifest\.toml"):
        CliRunner().invoke(
            lab, ["realism", str(tmp_path), "--against", str(tmp_path / "cj")], catch_exceptions=False
        )
