"""A bundle's estimators are read as plain values, without importing what they are of."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.preprocessing import StandardScaler

from flowml.models.stored import Stored, read_estimators


def test_attributes_are_read_as_they_were_written() -> None:
    scaler = StandardScaler().fit(np.arange(12.0).reshape(4, 3))
    stored = read_estimators(skops.io.dumps({"one": scaler}))["one"]
    assert isinstance(stored, Stored)
    assert stored.stored_class == "StandardScaler"
    assert (stored.with_mean, stored.n_features_in_) == (True, 3)
    np.testing.assert_array_equal(stored.mean_, scaler.mean_)
    with pytest.raises(AttributeError, match="no nothing in the stored StandardScaler"):
        _ = stored.nothing


def test_what_is_no_file_of_skops_is_refused() -> None:
    with pytest.raises(ValueError, match="no file of skops"):
        read_estimators(b"PK or not")


def test_another_protocol_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps({"protocol": 99, "content": {}}))
    with pytest.raises(ValueError, match="protocol 99 of skops, expected 2"):
        read_estimators(file.getvalue())


def test_the_shipped_model_judges_without_scikit_learn_and_its_company() -> None:
    program = """
import sys
from flowml.registry.store import resolve
resolve()
print(sorted({"sklearn", "skops", "scipy", "pandas", "matplotlib", "mlflow"} & set(sys.modules)))
"""
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout == "[]\n"
