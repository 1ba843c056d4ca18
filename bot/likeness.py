"""Which kind of text a text is like: kernel ridge regression on characters and pairs of them.

Pure arithmetic: some hundred short examples are learned in a moment, so that no weights are kept anywhere.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

STIFFNESS = 0.3  # of the ridge; by cross-validation on data/flags anything from 0.1 to 1 does as well

Row = Mapping[str, float]  # a text's grams, of length one
Likeness = Callable[[str], dict[str, float]]


def likeness(examples: Mapping[str, Sequence[str]]) -> Likeness:
    """What tells how like each kind of example a text is: about 1 for those of a kind, -1 for the others."""
    kinds = list(examples)
    found = [_grams(text) for kind in kinds for text in examples[kind]]
    counts = Counter(gram for grams in found for gram in grams)
    rarity = {gram: 1 + math.log(len(found) / n) for gram, n in counts.items()}
    rows = [_weighed(grams, rarity) for grams in found]
    its = [at for at, kind in enumerate(kinds) for _ in examples[kind]]
    wanted: npt.NDArray[np.float64] = 2 * np.eye(len(kinds))[its] - 1
    shares = np.linalg.solve(_products(rows) + STIFFNESS * np.eye(len(rows)), wanted)
    weights = [_weights(rows, share) for share in shares.T.tolist()]
    ground = shares.sum(axis=0).tolist()

    def told(text: str) -> dict[str, float]:
        row = _weighed(_grams(text), rarity)
        score = [sum(value * of[gram] for gram, value in row.items()) for of in weights]
        return {kind: base + more for kind, base, more in zip(kinds, ground, score, strict=True)}

    return told


def _weights(rows: Sequence[Row], shares: Sequence[float]) -> dict[str, float]:
    weights: defaultdict[str, float] = defaultdict(float)
    for row, share in zip(rows, shares, strict=True):
        for gram, value in row.items():
            weights[gram] += value * share
    return weights


def _grams(text: str) -> frozenset[str]:
    """Characters and pairs of them; the edges count as characters, a number as one, 你 and 您 as the same."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("你", "您")
    marked = "^" + re.sub(r"[0-9]+", "0", re.sub(r"\s+", "", plain)) + "$"
    return frozenset(marked) | {first + second for first, second in pairwise(marked)}


def _weighed(grams: frozenset[str], rarity: Row) -> Row:
    """Rare ones count for more, and what no example has for nothing."""
    known = {gram: rarity[gram] for gram in sorted(grams) if gram in rarity}
    length = math.sqrt(sum(value * value for value in known.values())) or 1.0
    return {gram: value / length for gram, value in known.items()}


def _products(rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """Every row by every row, with the constant that each has beside its grams."""
    holders: dict[str, tuple[list[int], list[float]]] = {}
    for at, row in enumerate(rows):
        for gram, value in row.items():
            where, values = holders.setdefault(gram, ([], []))
            where.append(at)
            values.append(value)
    products = np.ones((len(rows), len(rows)))
    for where, values in holders.values():
        if len(where) > 1:
            at, value = np.array(where), np.array(values)
            products[at[:, None], at] += value[:, None] * value
    np.fill_diagonal(products, 2.0)
    return products
