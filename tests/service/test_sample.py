import numpy as np

from flowml.models.population import NAMES, fit_population
from flowml.service.sample import Sample

HOUR_MS = 3_600_000
RNG = np.random.default_rng(1)
ROWS, PROBABILITY = RNG.normal(size=(2000, len(NAMES) - 1)), RNG.random(2000)
POPULATION = fit_population(ROWS, PROBABILITY, np.ones(2000))


def fed(sample: Sample, shift: float = 0.0, batches: int = 20) -> Sample:
    for number in range(batches):
        rows = slice(100 * number, 100 * (number + 1))
        sample.note(POPULATION, ROWS[rows] + shift, PROBABILITY[rows])
    return sample


def test_what_is_as_in_the_fit_does_not_drift_and_what_is_not_does() -> None:
    sample = Sample()
    assert sample.hourly(HOUR_MS) == {}
    assert fed(sample).hourly(HOUR_MS + 1) == {}  # the hour is not over
    same = sample.hourly(2 * HOUR_MS)
    assert tuple(same) == NAMES
    assert max(same.values()) < 0.1
    moved = fed(sample, 2.0).hourly(3 * HOUR_MS)
    assert min(moved[name] for name in NAMES[:-1]) > 0.25
    assert moved["probability"] < 0.1


def test_a_few_observations_say_nothing() -> None:
    sample = Sample()
    sample.hourly(HOUR_MS)
    assert fed(sample, batches=2).hourly(2 * HOUR_MS) == {}


def test_another_model_begins_anew() -> None:
    sample = Sample()
    sample.hourly(HOUR_MS)
    fed(sample, 2.0)
    other = fit_population(ROWS, PROBABILITY, np.ones(2000))
    sample.note(other, ROWS[:100], PROBABILITY[:100])
    assert sample.hourly(2 * HOUR_MS) == {}
