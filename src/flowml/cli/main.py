"""The command line: finds the command, and turns every error that an operator can meet into one line."""

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import click

from flowml.cli.endings import Interruption, Termination, endings_by_signal
from flowml.errors import FlowmlError
from flowml.sinks.text import printable

# name: where it lives, what it does. Imported when it is called, so that help and small commands are quick.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "config": ("flowml.cli.config:config", "Check a configuration file."),
    "datasets": (
        "flowml.cli.datasets:datasets",
        "Fetch and check public captures, count what data sets hold.",
    ),
    "dashboard": ("flowml.cli.dashboard:dashboard", "Show incidents, health and models in a browser."),
    "evaluate": ("flowml.cli.evaluate:evaluate", "Say how good a model is, on data it was not fitted on."),
    "feedback": ("flowml.cli.feedback:feedback", "Make a data set of what people said of incidents."),
    "incidents": ("flowml.cli.incidents:incidents", "List, show, change and export incidents."),
    "lab": ("flowml.cli.lab:lab", "Record labelled traffic in network namespaces."),
    "live": ("flowml.cli.live:live", "Watch an interface, or replay a capture, and raise alerts."),
    "meter": ("flowml.cli.meter:meter", "Meter capture files into a table of flow records."),
    "models": ("flowml.cli.models:models", "List, show, promote and roll back registered models."),
    "policies": ("flowml.cli.policies:policies", "List, add and end authorised mining."),
    "score": ("flowml.cli.score:score", "Find mining in capture files."),
    "sinks": ("flowml.cli.sinks:sinks", "Try where alerts go."),
    "selftest": ("flowml.cli.selftest:selftest", "Let every family mine, and say whether it was seen."),
    "threshold": ("flowml.cli.threshold:threshold", "Propose a threshold from a budget of alerts."),
    "train": ("flowml.cli.train:train", "Fit a model on labelled captures and register it."),
}
EXIT_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE, EXIT_TERMINATED = 2, 130, 141, 143
_MESSAGE_CHARS = 4000


_ENDINGS: Mapping[type[BaseException], tuple[str, int]] = {
    KeyboardInterrupt: ("interrupted", EXIT_INTERRUPTED),
    Interruption: ("interrupted", EXIT_INTERRUPTED),
    click.Abort: ("interrupted", EXIT_INTERRUPTED),
    Termination: ("terminated", EXIT_TERMINATED),
}


class Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command; None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


def _tell_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:  # noqa: ARG001
    if wanted:
        try:
            number = version("flowml")
        except PackageNotFoundError:
            number = "(not installed: run from a source tree)"
        click.echo(f"flowml {number}")
        context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version.",
)
def flowml() -> None:
    """Find cryptomining in network traffic from the flows alone."""


def main() -> None:
    """Run flowml as a program."""
    prepare_environment()
    code = run(sys.argv[1:])
    # the interpreter would search all that was loaded for garbage before it ends: a second with scikit-learn
    gc.freeze()
    sys.exit(code)


def prepare_environment() -> None:
    """Set what libraries read when they are imported, for this process and those that it starts."""
    # MLflow reports its use otherwise
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    # scikit-learn's threads would spin while they wait, on processors that packets need
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # NumPy's would too, and are of no use for vectors; without them libc takes no locks either
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name.

    Returns
    -------
    int
        Exit code; see docs/output.md.
    """
    try:
        with endings_by_signal():
            _invoke(arguments)
            sys.stdout.flush()
    except FlowmlError as error:
        return _say(str(error), EXIT_ERROR)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as asked:  # --help and --version
        return asked.exit_code
    except (KeyboardInterrupt, click.Abort, Termination) as ending:
        return _say(*_ENDINGS[type(ending)])
    except BrokenPipeError:
        # what is still buffered would fail again when the interpreter ends, and say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    return 0


def _invoke(arguments: Sequence[str]) -> None:
    """Parse and call; not click's own main(), which answers to Ctrl-C by itself."""
    with flowml.make_context("flowml", list(arguments)) as context:
        flowml.invoke(context)


def _say(message: str, code: int) -> int:
    click.echo(f"flowml: {printable(message, _MESSAGE_CHARS)}", err=True)
    return code


if __name__ == "__main__":
    main()
