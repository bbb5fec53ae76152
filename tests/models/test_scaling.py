import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowml.models.scaling import scaled


@given(st.lists(st.floats(0, 1e12), min_size=2, max_size=9))
def test_the_scale_keeps_the_order_and_sets_undefined_features_apart(values: list[float]) -> None:
    features = np.array([[*sorted(values), np.nan]])
    rows = scaled(features)[0]
    assert (np.diff(rows[:-1]) >= 0).all()
    assert rows[-1] == -1 < rows[:-1].min()


def test_rows_are_of_the_precision_that_trees_take() -> None:
    rows = scaled(np.array([[1 / 3, 1e9]]))
    np.testing.assert_array_equal(rows, rows.astype(np.float32))
