from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc import PyFuncModel

from flowml.features.matrix import feature_matrix
from flowml.models.bundle import load_bundle
from flowml.registry.tracking import log_run
from flowml.schema import FEATURE_COLUMNS
from tests.labelled import small_data_set
from tests.registry.builders import training_run


@pytest.fixture
def pyfunc(store: str, bundle_folder: Path) -> PyFuncModel:
    version = log_run(training_run(bundle_folder), store)
    with mlflow.tracking._tracking_service.utils._use_tracking_uri(store):
        loaded = mlflow.pyfunc.load_model(str(version.reference))
    assert isinstance(loaded, PyFuncModel)
    return loaded


def predict(pyfunc: PyFuncModel, given: pd.DataFrame) -> pd.DataFrame:
    answer = pyfunc.predict(given)
    assert isinstance(answer, pd.DataFrame)
    return answer


def features() -> pd.DataFrame:
    matrix = feature_matrix(small_data_set().observations)
    return pd.DataFrame(matrix, columns=[column.name for column in FEATURE_COLUMNS])


def test_a_pyfunc_gives_the_numbers_of_the_bundle(pyfunc: PyFuncModel, bundle_folder: Path) -> None:
    given = features()
    assert np.isnan(given.to_numpy()).any()
    answer = predict(pyfunc, given)
    probability, novelty = load_bundle(bundle_folder).score(given.to_numpy())
    np.testing.assert_array_equal(answer["probability"], probability)
    np.testing.assert_array_equal(answer["novelty"], novelty)


def test_a_pyfunc_takes_columns_in_any_order(pyfunc: PyFuncModel) -> None:
    given = features()
    pd.testing.assert_frame_equal(predict(pyfunc, given[given.columns[::-1]]), predict(pyfunc, given))


def test_a_pyfunc_refuses_rows_that_lack_a_feature(pyfunc: PyFuncModel) -> None:
    with pytest.raises(mlflow.exceptions.MlflowException, match=r"[Mm]issing inputs.*push_share_ratio"):
        pyfunc.predict(features().drop(columns="push_share_ratio"))


def test_the_signature_names_the_features_and_the_example_fits_it(
    pyfunc: PyFuncModel,
) -> None:
    metadata = pyfunc.metadata
    assert metadata.saved_input_example_info is not None
    assert metadata.signature.inputs.input_names() == [column.name for column in FEATURE_COLUMNS]
    assert metadata.signature.outputs.input_names() == ["probability", "novelty"]
    assert metadata.saved_input_example_info["type"] == "dataframe"
