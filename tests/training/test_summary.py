from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flowml.datasets.labels import LabelledObservations
from flowml.datasets.manifest import LabelledCapture
from flowml.training.collect import Collected
from flowml.training.fit import LeftOut, TrainingSettings, fit
from flowml.training.summary import data_rows, dataset_inputs, summarise
from tests.labelled import small_data_set


@pytest.fixture(scope="module")
def left_out() -> LeftOut:
    return fit(small_data_set(), TrainingSettings(seed=1))[1]


def collected(name: str, labelled: LabelledObservations | None) -> Collected:
    capture = LabelledCapture(Path("small") / name, "small", "MIT", False, True, name * 2, None, ())
    return Collected(capture, labelled, "")


def test_what_later_sensors_saw_of_a_connection_is_no_other_connection() -> None:
    labelled = small_data_set()
    late = replace(labelled, sensor_start_s=np.full(len(labelled), 47.0))
    (once,) = data_rows([collected("a", labelled)])
    (both,) = data_rows([collected("a", LabelledObservations.concat([labelled, late]))])
    assert once == both == {"source": "small", "licence": "MIT", "captures": 1, "mining": 24, "benign": 48}


def test_the_digest_of_a_data_set_hangs_on_each_capture_and_not_on_their_order() -> None:
    labelled = small_data_set()
    a, b, c = (collected(name, labelled) for name in "abc")
    (one,), (other,), (changed,) = (dataset_inputs(parts) for parts in ([a, b], [b, a], [a, c]))
    assert one.digest == other.digest != changed.digest


def test_a_capture_that_gave_nothing_is_no_part_of_the_data() -> None:
    labelled = small_data_set()
    (row,) = data_rows([collected("a", labelled), collected("b", None)])
    assert row["captures"] == 1


def test_a_miner_that_was_never_judged_is_missed(left_out: LeftOut) -> None:
    labelled = small_data_set()
    summary = summarise(labelled, left_out, 0.5)
    assert summary.metrics["left_out.mining_connections"] == 24
    assert summary.metrics["left_out.recall"] == 1.0
    none_judged = replace(left_out, probability=np.zeros(len(left_out.probability)))
    blind = summarise(labelled, none_judged, 0.5)
    assert blind.metrics["left_out.recall"] == 0.0
    assert "left_out.detection_delay_median_s" not in blind.metrics  # there is none
    assert blind.words["mining connections found, all lengths"].startswith("0 of 24 (95 % interval 0.00% to")
