import json

import numpy as np
import pytest

from flowml.models.population import NAMES, Population, fit_population

RNG = np.random.default_rng(1)
ROWS = RNG.normal(size=(2000, len(NAMES) - 1))
PROBABILITY = RNG.random(2000)


def test_every_decile_holds_a_tenth_of_the_weight() -> None:
    weight = np.where(ROWS[:, 0] > 0, 3.0, 1.0)
    population = fit_population(ROWS, PROBABILITY, weight)
    np.testing.assert_allclose(population.shares, 0.1, atol=0.005)
    assert (ROWS[:, 0] <= population.edges[0, 4]).mean() > 0.6  # half of the weight is in a third of the rows


def test_values_that_are_all_the_same_stand_in_one_bin() -> None:
    rows = np.where(np.arange(len(NAMES) - 1) == 0, -1.0, ROWS)
    population = fit_population(rows, PROBABILITY, np.ones(2000))
    assert population.shares[0].tolist() == [0.0] * 5 + [1.0] + [0.0] * 4
    assert population.count(rows[:7], PROBABILITY[:7])[0].tolist() == [0] * 5 + [7] + [0] * 4
    for other, bin_of_it in ((-1.1, 0), (-0.9, 9), (-1.0 + 1e-9, 5)):
        rows[:7, 0] = other
        assert population.count(rows[:7], PROBABILITY[:7])[0, bin_of_it] == 7


def test_it_is_the_same_after_it_was_written_down() -> None:
    population = fit_population(ROWS, PROBABILITY, np.ones(2000))
    read = Population.from_json(json.loads(json.dumps(population.to_json())))
    assert read is not None
    np.testing.assert_array_equal(read.count(ROWS, PROBABILITY), population.count(ROWS, PROBABILITY))


def test_another_format_is_none_and_a_damaged_one_is_told() -> None:
    written = fit_population(ROWS, PROBABILITY, np.ones(2000)).to_json()
    assert Population.from_json(None) is None
    assert Population.from_json({**written, "format": 1}) is None
    assert Population.from_json({**written, "names": ["x"]}) is None
    with pytest.raises(ValueError, match="shapes"):
        Population.from_json({**written, "edges": [[1.0]]})
