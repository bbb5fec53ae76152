"""Resemblance: which mining family a connection that was called mining is most like. Evidence for people."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

UNNAMED = frozenset({"generic", "mining"})
"""Families of labels that name no protocol: what the lab draws, and captures whose folder says no more."""


@dataclass(frozen=True)
class Resemblance:
    """A linear rule (Fisher's) between k families.

    Attributes
    ----------
    families : tuple of str
        k names, in the order of the rows below; none: nothing resembles anything.
    coefficients : ndarray of float64, shape (k, n_features)
        On the scale of `flowml.models.scaling.scaled`.
    intercepts : ndarray of float64, shape (k,)
    """

    families: tuple[str, ...]
    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    def name(self, rows: NDArray[np.float64]) -> list[str]:
        """Name the family that each scaled row, shape (n, n_features), is most like; "" without families."""
        if not self.families:
            return [""] * len(rows)
        likeness = rows @ self.coefficients.T + self.intercepts
        return [self.families[best] for best in np.argmax(likeness, axis=1).tolist()]

    def to_json(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {
            "families": list(self.families),
            "coefficients": np.round(self.coefficients, 6).tolist(),
            "intercepts": np.round(self.intercepts, 6).tolist(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        families = tuple(map(str, values["families"]))
        coefficients = np.array(values["coefficients"], np.float64)
        intercepts = np.array(values["intercepts"], np.float64)
        if not len(coefficients) == len(intercepts) == len(families):
            raise ValueError(f"{len(intercepts)} intercepts of {len(families)} families")
        return cls(families, coefficients, intercepts)


def fit_resemblance(rows: NDArray[np.float64], family: NDArray[np.str_]) -> Resemblance:
    """Fit on mining observations.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, n_features)
        Scaled features.
    family : ndarray of str, shape (n,)
    """
    named = ~np.isin(family, list(UNNAMED))
    rows, family = rows[named], family[named]
    families = tuple(np.unique(family).tolist())
    if len(families) < 2:
        return Resemblance(families, np.zeros((len(families), rows.shape[1])), np.zeros(len(families)))
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    even = np.full(len(families), 1.0 / len(families))
    fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=even).fit(rows, family)
    coefficients, intercepts = fitted.coef_, fitted.intercept_
    if len(families) == 2:  # scikit-learn gives one row for both then
        coefficients, intercepts = np.vstack([0 * coefficients, coefficients]), np.append(0.0, intercepts)
    return Resemblance(families, np.asarray(coefficients), np.asarray(intercepts))
