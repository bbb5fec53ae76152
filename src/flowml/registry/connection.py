"""The door to MLflow: how it is imported, which store it talks to, what its errors mean to an operator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from flowml.errors import ModelError

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

URI_VARIABLE = "MLFLOW_TRACKING_URI"
DEFAULT_URI = "sqlite:///mlflow.db"
_SQLITE = "sqlite:///"

# MLflow reports its use to its makers unless told not to, and reads these when it is imported.
_TELEMETRY_OFF = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
# MLflow would try a silent server for four minutes, and write, draw bars and print links between our lines.
_DEFAULTS = {
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

_LONGEST_ERROR = 300
_ABOUT_THE_REQUEST = ("INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS", "PERMISSION_DENIED")
"""Answers of a store that works: its address is not what is to be checked."""


def tracking_uri(given: str | None) -> str:
    """Choose the store: what was given, else the environment's, else a SQLite file in this directory.

    Parameters
    ----------
    given : str or None
        As on the command line.

    Returns
    -------
    str
        A tracking URI of MLflow.
    """
    return given or os.environ.get(URI_VARIABLE) or DEFAULT_URI


def sqlite_file(uri: str) -> Path | None:
    """The database file of a SQLite store, None for another kind of store."""
    if not uri.startswith(_SQLITE):
        return None
    return Path(unquote(uri.removeprefix(_SQLITE).split("?")[0])).absolute()


def connect(uri: str, *, may_create: bool = False) -> "MlflowClient":
    """Open a store.

    Parameters
    ----------
    uri : str
        Tracking URI, see `tracking_uri`.
    may_create : bool
        Make a SQLite store that is not there; a reader in the wrong directory shall not.

    Returns
    -------
    MlflowClient

    Raises
    ------
    ModelError
        There is no such store, or MLflow cannot use it.
    """
    database = sqlite_file(uri)
    if database is not None and not may_create and not database.is_file():
        raise ModelError(
            f"{database}: no MLflow store there; train a model first (flowml train), go to the directory "
            f"of mlflow.db, or name the store with --tracking-uri or {URI_VARIABLE}"
        )
    prepare_environment()
    from mlflow.tracking import MlflowClient

    with mlflow_errors(uri):
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def prepare_environment() -> None:
    """Set what MLflow reads from the environment when it is imported."""
    os.environ.update(_TELEMETRY_OFF)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


@contextmanager
def mlflow_errors(uri: str, missing: str | None = None) -> Iterator[None]:
    """Say what MLflow's errors mean, in one line.

    Parameters
    ----------
    uri : str
        The store that is talked to.
    missing : str or None
        What to say where the store answers that there is no such thing.

    Raises
    ------
    ModelError
        For every error of MLflow and of its database.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError  # MLflow lets those of a damaged database through

    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0][:_LONGEST_ERROR]
        raise ModelError(f"{uri}: not a usable MLflow database: {reason}; restore or replace it") from error
    except MlflowException as error:
        if missing is not None and error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise ModelError(missing) from error
        raise ModelError(_explain(uri, error)) from error


def _explain(uri: str, error: "MlflowException") -> str:
    # MLflow wraps what its HTTP client raised, and every one of those is an OSError.
    if isinstance(error.__cause__ or error.__context__, OSError):
        return f"{uri}: the MLflow server does not answer; start it, or name another with MLFLOW_TRACKING_URI"
    words = " ".join(str(error.message).split())[:_LONGEST_ERROR]
    advice = "" if error.error_code in _ABOUT_THE_REQUEST else f"; check --tracking-uri or {URI_VARIABLE}"
    return f"{uri}: MLflow says: {words} ({error.error_code}){advice}"
