"""What sentence vectors say of labels: kernel ridge regression, each example speaking for those near it.

A straight line between labels is too stiff for them: labels that hold many ideas lie in many places. Rows are
centred, scaled and brought to length 1, for the encoder gives them in a narrow cone. Knows no intent and no
encoder.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from scipy.linalg import cholesky, solve, solve_triangular

Array: TypeAlias = np.ndarray
_BLOCK = 2000  # rows at a time: memory grows with rows times examples
_FIRM = 1e-4  # keeps the examples' own kernel solvable where some are alike


class Sense:
    """Rows are messages, columns the sorted labels; scores lie about 0 for no and 1 for yes.

    `width`: how far an example is heard; `ridge`: how little a single one is believed; `kept`: how many
    examples a message is compared with (chosen by chance where there are more, though all teach)."""

    def __init__(self, config: dict[str, Any], width: float) -> None:
        self._ridge, self._most, self._width = config["ridge"], config["kept"], width
        self.arrays: dict[str, Array] = {}

    def fit(self, dense: Array, labels: list[str]) -> Sense:
        names, right = np.unique(labels, return_inverse=True)
        self.arrays["centre"] = dense.mean(axis=0)
        self.arrays["scale"] = dense.std(axis=0) + 1e-9
        rows, wanted = self._placed(dense), np.eye(len(names), dtype=np.float32)[right]
        if len(rows) > self._most:
            kept = rows[np.random.default_rng(1).permutation(len(rows))[: self._most]]
            weights = self._of_some(kept, rows, wanted)
        else:
            kept, weights = rows, self._of_all(rows, wanted)
        self.arrays.update(kept=kept, weights=weights.astype(np.float32))
        return self

    def scores(self, dense: Array) -> Array:
        scores: Array = self._near(self._placed(dense)) @ self.arrays["weights"]
        return scores

    def _placed(self, dense: Array) -> Array:
        rows = (dense - self.arrays["centre"]) / self.arrays["scale"]
        placed: Array = (rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9)).astype(np.float32)
        return placed

    def _near(self, rows: Array) -> Array:
        return self._kernel(rows, self.arrays["kept"])

    def _kernel(self, rows: Array, others: Array) -> Array:
        """exp(-distance² / width) of rows of length 1."""
        near: Array = np.exp((rows @ others.T - 1) * np.float32(2 / self._width))
        return near

    def _of_all(self, rows: Array, wanted: Array) -> Array:
        kernel = self._kernel(rows, rows)
        kernel[np.diag_indices(len(rows))] += self._ridge
        return _solved(kernel, wanted)

    def _of_some(self, kept: Array, rows: Array, wanted: Array) -> Array:
        """All rows speak through those kept (a subset of regressors)."""
        own: Array = self._kernel(kept, kept).astype(np.float64)
        own[np.diag_indices(len(kept))] += _FIRM
        root = cholesky(own, lower=True, overwrite_a=True).astype(np.float32)
        gram = np.eye(len(kept), dtype=np.float32) * self._ridge
        told = np.zeros((len(kept), wanted.shape[1]), np.float32)
        for at in range(0, len(rows), _BLOCK):
            block = slice(at, at + _BLOCK)
            part = solve_triangular(root, self._kernel(kept, rows[block]), lower=True, check_finite=False)
            gram += part @ part.T
            told += part @ wanted[block]
        weights: Array = solve_triangular(root, _solved(gram, told), lower=True, trans=1)
        return weights


def _solved(matrix: Array, wanted: Array) -> Array:
    found: Array = solve(matrix, wanted, assume_a="pos", overwrite_a=True, check_finite=False)
    return found
