import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from flowml.evaluation.plots import (
    detection_delay,
    importance_chart,
    recall_at_low_alarms,
    reliability_diagram,
)
from tests.processes import ENVIRONMENT

TRUTH = np.array([True, True, True, False, False, False, False])
PROBABILITY = np.array([0.99, 0.8, 0.3, 0.9, 0.2, 0.1, 0.05])


def drawn(figure: Figure) -> bytes:
    """The picture; drawing it is what finds a wrong axis."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def curve(axes: Axes, line: int = 0) -> NDArray[np.float64]:
    """Corner points of a line, shape (n, 2)."""
    return np.asarray(axes.lines[line].get_xydata(), np.float64)


def bars(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_the_curve_passes_through_every_count_of_false_alarms() -> None:
    figure = recall_at_low_alarms(TRUTH, PROBABILITY, 0.85)
    (axes,) = figure.axes
    # without a false alarm one of three is found; the decade left of 1/4 stands for that
    np.testing.assert_allclose(curve(axes), [(0.025, 1 / 3), (0.25, 1), (0.5, 1), (0.75, 1), (1, 1), (1, 1)])
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "false alarms per benign connection (of 4)"
    assert any("recall 33.3%, 1 false alarms" in text.get_text() for text in axes.texts)
    assert drawn(figure).startswith(b"\x89PNG")


def test_a_kind_that_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="expected both kinds, got 3 mining and 0 benign"):
        recall_at_low_alarms(np.ones(3, bool), np.ones(3), 0.5)


def test_a_perfect_detector_is_drawn() -> None:
    assert drawn(recall_at_low_alarms(TRUTH, TRUTH.astype(float), 0.5))


def test_calibration_weighs_observations_as_the_calibration_did() -> None:
    truth = np.array([True, False, False])
    figure = reliability_diagram(truth, np.full(3, 0.55), np.array([2.0, 1.0, 1.0]))
    above, below = figure.axes
    np.testing.assert_allclose(curve(above, 1), [(0.55, 0.5)])
    assert [bar.get_height() for bar in bars(below)] == [3]
    assert drawn(figure)


def test_certainty_has_a_bin() -> None:
    figure = reliability_diagram(np.array([True, False]), np.array([1.0, 0.0]), np.ones(2))
    assert [bar.get_x() for bar in bars(figure.axes[1])] == [0.0, 0.9]


def test_delays_end_at_the_share_that_was_found() -> None:
    figure = detection_delay(np.array([10.0, 30.0, 60.0, np.nan]), "mining connections")
    (axes,) = figure.axes
    assert curve(axes)[-1][1] == 0.75
    assert axes.get_title() == "Found 3 of 4 mining connections, by age"
    assert any(text.get_text() == "median 30 s" for text in axes.texts)
    assert drawn(figure)


def test_nothing_found_is_drawn_too() -> None:
    figure = detection_delay(np.full(3, np.nan), "mining connections")
    assert figure.axes[0].get_title().startswith("Found 0 of 3")
    assert drawn(figure)


def test_no_connection_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        detection_delay(np.zeros(0), "mining connections")


def test_the_most_important_features_stand_on_top() -> None:
    figure = importance_chart(["a", "b", "c"], np.array([[0.1, 0.2], [0.5, 0.5], [0.0, 0.0]]), most=2)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]  # from below
    assert axes.get_title() == "Permutation importance, 2 of 3 features"
    assert drawn(figure)


def test_nothing_global_is_touched() -> None:
    """In a process of its own: other tests may have imported pyplot."""
    script = (
        "import sys, numpy as np\n"
        "from flowml.evaluation.plots import detection_delay\n"
        "detection_delay(np.ones(3), 'connections').savefig(sys.stdout.buffer)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    told = subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, check=True)
    assert told.stdout.startswith(b"\x89PNG")
