"""What the marker found as plain data, for a teacher's program."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.language import english
from bpcompare.marker.marking import Contrast, Marking, contrast
from bpcompare.marker.meaning import names
from bpcompare.marker.verdict import Finding
from bpcompare.show.marker_report import alternatives, right_where


def as_data(marking: Marking, file: Path) -> dict[str, Any]:
    """The marking as numbers, texts and lists that JSON can hold; the texts are in English in every language."""
    data: dict[str, Any] = {
        "file": str(file),
        "exercise": marking.exercise.name,
        "seed": marking.seed,
        "right": marking.right,
        "calls": len(marking.calls),
        "raised": len(marking.raised),
        "raised_first": marking.raised[0].raised if marking.raised else None,
        "changed_inputs": list(marking.changed),
        "notes": list(marking.notes),
        "answers": {
            verdict.answer: {
                "grade": verdict.grade,
                "right_where": right_where(marking, verdict.answer) or None,
                "largest_difference_ulp": verdict.largest if math.isfinite(verdict.largest) else None,
                "properties": [{"name": one.name, "value": one.value, "says": one.says} for one in verdict.properties],
                "mistakes": [_finding_data(marking, verdict.answer, finding) for finding in verdict.findings],
            }
            for verdict in marking.verdicts
        },
    }
    told: dict[str, Any] = english(data)
    return told


def _finding_data(marking: Marking, answer: str, finding: Finding) -> dict[str, Any]:
    explanation = finding.explanation
    factor = explanation.factor
    return {
        "names": list(names(explanation)),
        "where": finding.scope or "everywhere",
        "sure": explanation.sure,
        "factor": None if factor is None else {"constant": factor.constant, "powers": dict(factor.powers)},
        "detail": explanation.detail or None,
        "follows_from": list(explanation.follows),
        "lines": sorted(set(marking.exercise.lines_of(explanation, answer)) - {0}),
        "says": [mistake.says for __, mistake in marking.exercise.said(explanation)],
        "or": alternatives(marking, explanation),
        "contrast": _contrast_data(contrast(finding.calls, answer)) if "unknown" in explanation.mistakes else None,
    }


def _contrast_data(found: Contrast) -> dict[str, Any]:
    return {
        "sizes": dict(found.call.problem.sizes),
        "dtype": found.call.problem.dtype,
        "yours": _finite(found.yours),
        "right": _finite(found.right),
        "ratio": None if found.ratio is None else _finite(found.ratio),
    }


def _finite(array: Any) -> Any:
    """Nested lists, with None for what JSON cannot hold."""
    if isinstance(array, np.ndarray):
        return _finite(array.tolist())
    if isinstance(array, list):
        return [_finite(item) for item in array]
    return array if math.isfinite(array) else None


def as_error(file: Path, reason: str) -> dict[str, Any]:
    """What JSON holds of a file that cannot be marked."""
    return {"file": str(file), "right": False, "error": reason}
