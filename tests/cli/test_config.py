from pathlib import Path

import pytest

from flowml.cli.main import run


def test_a_sound_file_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "flowml.toml").write_text('[capture]\ninterfaces = ["eth0"]\n')
    assert run(["config", "check", str(tmp_path / "flowml.toml")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/flowml.toml: no problems\n"


def test_all_problems_stand_in_one_line_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "flowml.toml").write_text('[live]\nport = 1\n[meter]\nidle_timeout_s = "10s"\n')
    assert run(["config", "check", str(tmp_path / "flowml.toml")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "flowml.toml: 2 problems: live.port: unknown key" in told.err
    assert "meter.idle_timeout_s: got '10s', expected a whole number of seconds" in told.err
