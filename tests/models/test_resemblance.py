import json

import numpy as np
import pytest
from numpy.typing import NDArray

from flowml.models.resemblance import Resemblance, fit_resemblance


def clouds(families: list[str], per_family: int = 40) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Rows around a point of their own for each family."""
    rng = np.random.default_rng(4)
    rows = [rng.normal(10 * number, 1, (per_family, 5)) for number, _ in enumerate(families)]
    return np.concatenate(rows), np.repeat(families, per_family)


@pytest.mark.parametrize("families", [["monero", "zcash"], ["bitcoin", "monero", "zcash"]])
def test_rows_are_named_after_the_family_that_they_are_most_like(families: list[str]) -> None:
    rows, family = clouds(families)
    assert fit_resemblance(rows, family).name(rows) == family.tolist()


def test_families_that_name_no_protocol_are_never_named() -> None:
    rows, family = clouds(["generic", "mining", "monero", "zcash"])
    assert set(fit_resemblance(rows, family).name(rows)) == {"monero", "zcash"}


def test_one_known_family_is_all_that_can_be_named_and_without_any_nothing_is() -> None:
    rows, family = clouds(["monero"])
    assert fit_resemblance(rows, family).name(rows[:2]) == ["monero", "monero"]
    assert fit_resemblance(rows[:0], family[:0]).name(rows[:2]) == ["", ""]


@pytest.mark.parametrize("families", [[], ["monero"], ["monero", "zcash"]])
def test_it_names_the_same_after_a_way_through_json(families: list[str]) -> None:
    rows, family = clouds(families) if families else (np.zeros((3, 5)), np.zeros(3, "U6"))
    fitted = fit_resemblance(rows, family) if families else fit_resemblance(rows[:0], family[:0])
    again = Resemblance.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again.name(rows) == fitted.name(rows)


def test_a_damaged_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="1 intercepts of 2 families"):
        Resemblance.from_json({"families": ["a", "b"], "coefficients": [[1.0], [2.0]], "intercepts": [0.0]})
