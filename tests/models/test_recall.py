import json

import numpy as np
import pytest

from flowml.models.recall import RecallCurve, fit_recall


def test_recall_falls_with_the_threshold_and_survives_writing_down() -> None:
    curve = fit_recall({"lab": np.linspace(0.0, 1.0, 1001), "captures": np.zeros(0)})
    read = RecallCurve.from_json(json.loads(json.dumps(curve.to_json())))
    assert read is not None
    assert list(read.parts) == ["lab"]
    lab = read.parts["lab"]
    assert lab.connections == 1001
    assert [lab.recall(at) for at in (0.0, 0.5, 0.9, 1.1)] == pytest.approx([1.0, 0.5, 0.1, 0.0], abs=0.006)


def test_there_is_none_in_a_bundle_of_an_older_or_a_later_flowml() -> None:
    assert RecallCurve.from_json(None) is None
    assert RecallCurve.from_json({"format": 2}) is None
