import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from flowml.cli.main import COMMANDS, flowml, run
from tests.processes import ENVIRONMENT, FLOWML, start_python
from tests.processes import flowml as run_flowml


def test_help_lists_every_command_without_importing_one() -> None:
    program = (
        "import sys; from flowml.cli.main import run; code = run(['--help']);"
        "heavy = {'numpy', 'rich', 'sklearn', 'mlflow', 'nfstream'} & set(sys.modules);"
        "sys.exit(f'{heavy}' if heavy or code else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert f"\n  {name}" in done.stdout


@pytest.mark.parametrize(
    "name", [name for name, (home, _) in COMMANDS.items() if importlib.util.find_spec(home.split(":")[0])]
)
def test_every_command_is_where_the_table_says(name: str) -> None:
    command = flowml.get_command(click.Context(flowml), name)
    assert command is not None
    assert command.name == name


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scroe"]) == 2
    assert "scroe" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("flowml ")


def test_an_operator_s_error_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "check", str(tmp_path / "no\x1b[31m\nwhere.toml")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("flowml: ")
    assert "no\\x1b[31m\\nwhere.toml: No such file" in told
    assert told.count("\n") == 1


# Waits in place of a command that works; a signal meets it inside run().
WAITING = """
import sys, time, click
from flowml.cli import main
from flowml.sinks.files import WholeFile
from pathlib import Path

@click.command()
def wait():
    with WholeFile(Path(sys.argv[1])) as file:
        file.write("half")
        print("ready", flush=True)
        time.sleep(60)

main.flowml.get_command = lambda context, name: wait
sys.exit(main.run(["wait"]))
"""


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_signal_is_one_line_and_leaves_nothing_half_written(
    tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    process = start_python("-c", WAITING, str(tmp_path / "out"))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (code, f"flowml: {word}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_error() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    process = subprocess.run(
        [*FLOWML, "--help"], stdout=theirs, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, check=False
    )
    os.close(theirs)
    assert (process.returncode, process.stderr) == (141, "")


def test_mlflow_s_telemetry_is_off_before_anything_is_imported() -> None:
    program = (
        "import os, sys; from flowml.cli import main; main.run = lambda arguments: 0\n"
        "try: main.main()\n"
        "except SystemExit: print(os.environ['MLFLOW_DISABLE_TELEMETRY'], os.environ['DO_NOT_TRACK'])"
    )
    process = start_python("-c", program)
    assert process.communicate(timeout=20) == ("true true\n", "")


def test_it_runs_as_a_program() -> None:
    assert run_flowml("--version").returncode == 0


def test_threads_that_would_spin_are_off_before_numpy_is_there_unless_asked_for(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from flowml.cli.main import prepare_environment\n"
        "assert 'numpy' not in sys.modules\n"
        "prepare_environment()\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'])\n"
    )
    for given, expected in ((None, "1"), ("3", "3")):
        environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
        environment |= {} if given is None else {"OPENBLAS_NUM_THREADS": given}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
