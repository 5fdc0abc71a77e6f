"""One unknown number in a derivation: a number times another value is added to a value, the same in every call."""

from collections.abc import Callable

import numpy as np

from bpcompare.marker.hypotheses.derivation_changes.additions import additions
from bpcompare.marker.hypotheses.derivation_changes.changes import Change
from bpcompare.marker.hypotheses.derivation_changes.evidence import Evidence, Explained

NEWTON = 8  # steps
NUDGE = 1e-4
LEAST, MOST = 1e-9, 1e6  # of a number that is added


def explained(evidence: Evidence) -> list[Explained]:
    """All additions that explain every call, each with its number."""
    found = []
    for change_of, __ in additions(evidence.program, evidence.wanted, evidence.doubles[0].values):
        number = _solved(evidence, change_of)
        if number is not None:
            one = evidence.explained((change_of(number),), plain=True)
            if one is not None:
                found.append(one)
    return found


def _solved(evidence: Evidence, change_of: Callable[[float], Change]) -> float | None:
    """The number for which the change gives the answer in the first call, by Newton's method."""
    point = evidence.screen[0]
    number = 0.01
    for __ in range(NEWTON):
        here = evidence.guess(point, (change_of(number),))
        ahead = evidence.guess(point, (change_of(number + NUDGE),))
        if here is None or ahead is None:
            return None
        slope = (ahead - here) / NUDGE
        norm = float((slope * slope).sum())
        if not norm or not np.isfinite(norm):
            return None
        move = float(((point.answer - here) * slope).sum()) / norm
        number += move
        if abs(move) <= 1e-12 * abs(number):
            break
    here = evidence.guess(point, (change_of(number),))
    size = abs(point.answer).max(initial=0.0)
    fits = here is not None and abs(here - point.answer).max(initial=0.0) <= 1e-7 * size
    return _short(number) if fits and LEAST < abs(number) < MOST else None


def _short(number: float) -> float:
    """A number that somebody typed, where it is one."""
    typed = float(f"{number:.6g}")
    return typed if abs(typed - number) <= 1e-8 * abs(number) else number
