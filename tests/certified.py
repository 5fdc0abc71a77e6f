"""Tables with certified or exact answers, as facts with their source."""

import json
import math
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

NIST = json.loads((Path(__file__).parent / "data" / "nist.json").read_text())["tables"]

# Anscombe (1973), Graphs in Statistical Analysis, The American Statistician 27; cars: Ezekiel (1930), as in R.
_X = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
ANSCOMBE_AND_CARS = {
    "anscombe I": (_X, [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]),
    "anscombe II": (_X, [9.14, 8.14, 8.74, 8.77, 9.26, 8.1, 6.13, 3.1, 9.13, 7.26, 4.74]),
    "anscombe III": (_X, [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73]),
    "anscombe IV": ([8] * 7 + [19] + [8] * 3, [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.5, 5.56, 7.91, 6.89]),
}
_SPEED = """4 4 7 7 8 9 10 10 10 11 11 12 12 12 12 13 13 13 13 14 14 14 14 15 15 15 16 16 17 17 17 18 18 18 18 19 19 19
            20 20 20 20 20 22 23 24 24 24 24 25"""
_DIST = """2 10 4 22 16 10 18 26 34 17 28 14 20 24 28 26 34 34 46 26 36 60 80 20 26 54 32 40 32 40 50 42 56 76 84 36 46
           68 32 48 52 56 64 66 54 70 92 93 120 85"""
ANSCOMBE_AND_CARS["cars"] = ([*map(float, _SPEED.split())], [*map(float, _DIST.split())])


def nist(name: str) -> tuple[Tensor, Tensor, bool, list[float]]:
    """x (N, in) with powers for the polynomials, y (N, 1), whether there is an intercept, the certified estimates."""
    table = NIST[name]
    x = [[value**power for value in row for power in range(1, table["degree"] + 1)] for row in table["x"]]
    y = torch.tensor(table["y"], dtype=torch.float64).unsqueeze(1)
    return torch.tensor(x, dtype=torch.float64), y, table["intercept"], table["certified"]


def digits(estimate: float, right: float) -> float:
    """How many significant decimal digits agree: −log₁₀ of the relative error (of the error where 0 is right)."""
    error = abs(estimate - right) / (abs(right) or 1.0)
    return 16.0 if error == 0 else -math.log10(error)


def exact_line(x: list[float], y: list[float]) -> tuple[Fraction, Fraction]:
    """Slope and intercept of simple least squares in exact rational arithmetic, by Cramer's rule."""
    xs, ys = [Fraction(str(v)) for v in x], [Fraction(str(v)) for v in y]
    n, sx, sy = len(xs), sum(xs), sum(ys)
    sxx, sxy = sum(v * v for v in xs), sum(a * b for a, b in zip(xs, ys, strict=True))
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    return slope, (sy - slope * sx) / n
