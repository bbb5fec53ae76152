"""Versions of registered models, without the training that they come from."""

from pathlib import Path

from mlflow.exceptions import MlflowException

from flowml.registry.connection import connect
from flowml.registry.versions import DIGEST_TAG


def register(uri: str, name: str, source: Path, digest: str | None) -> int:
    """Register a folder as a new version, whatever is in it."""
    client = connect(uri)
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {} if digest is None else {DIGEST_TAG: digest}
    return int(client.create_model_version(name, source.as_uri(), tags=tags).version)
