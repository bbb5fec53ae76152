"""The model as a pyfunc, so that tools that know MLflow and not flowml can ask it.

MLflow stores this file beside the bundle and runs it to load the model ("models from code"). It is a format
for exchange: the digest it checks comes from the same artefact, so it finds damage, not forgery. flowml
itself never loads a model this way, see `flowml.registry.store`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from flowml.models.bundle import load_bundle


class BundlePythonModel(PythonModel):
    """A bundle behind MLflow's interface: feature columns in, probability and novelty out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle that lies in the artefact."""
        self._bundle = load_bundle(Path(context.artifacts["bundle"]), context.model_config["digest"])

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002  MLflow passes it by name
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002  likewise
    ) -> pd.DataFrame:
        """Score feature rows, shape (n, n_features); MLflow has put the columns in the signature's order."""
        probability, novelty = self._bundle.score(model_input.to_numpy(np.float64))
        return pd.DataFrame({"probability": probability, "novelty": novelty})


set_model(BundlePythonModel())
