"""What the graph of a loss says of wrong gradients that no table names: a path, a derivative, a sum, an operand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import torch

from bpcompare.language import N_, _
from bpcompare.marker.calls import Call
from bpcompare.marker.explanation import Explanation
from bpcompare.marker.hypotheses.graph_changes.explain import Sample, explain
from bpcompare.marker.hypotheses.graph_changes.named_mistake import NamedMistake
from bpcompare.marker.mistakes import ANSWER, Mistake
from bpcompare.marker.phrases import Phrase, phrase
from bpcompare.marker.verdict import WRONG, Finding, Verdict

HINT = N_("Walk back through your forward, path by path: what reaches this argument?")


def find(
    loss: Callable[..., Any],
    calls: Sequence[Call],
    names: Sequence[str],
    verdicts: Sequence[Verdict],
    pairs: bool = True,
) -> dict[str, NamedMistake]:
    """What explains each wrong answer that is not named; nothing where the loss cannot be traced."""
    if not any(_open(verdict) for verdict in verdicts):
        return {}
    once = list({id(call.problem): call for call in reversed(calls) if not call.raised}.values())
    wanted = [name for name in names if f"grad_{name}" in calls[0].problem.expected]
    answers = [f"grad_{name}" for name in wanted]
    if not once or any(call.answers[a].shape != call.problem.expected[a].shape for call in once for a in answers):
        return {}
    samples = [
        Sample(
            [_double(call.problem.inputs[name]) for name in names],
            None,
            {name: torch.tensor(np.asarray(call.answers[f"grad_{name}"], dtype=np.float64)) for name in wanted},
            {name: torch.tensor(call.problem.expected[f"grad_{name}"].astype(np.float64)) for name in wanted},
        )
        for call in once
    ]
    single = any(call.problem.dtype == "float32" or "float32" in call.dtypes.values() for call in once)
    found = explain(loss, samples, list(names), pairs=pairs, tolerance=1e-4 if single else 1e-9)
    return {f"grad_{name}": mistake for name, mistake in found.items()}


def explanation_of(mistake: NamedMistake) -> Explanation:
    """The mistake as the marker says it."""
    says = placed(mistake)
    return Explanation(
        (mistake.kind,), mistake.cost, told=(Mistake(str(says), ANSWER, _(HINT)),), others=mistake.alternatives
    )


def placed(mistake: NamedMistake) -> Phrase:
    """The mistake with the places where it was made."""
    at = N_("{mistake} (at {place})")
    return reduce(lambda says, place: phrase(at, mistake=says, place=place), mistake.places, mistake.told)


def _double(value: Any) -> Any:
    return value.detach().double() if torch.is_tensor(value) and value.is_floating_point() else value


def _open(verdict: Verdict) -> bool:
    return verdict.grade == WRONG and "unknown" in verdict.mistakes


def named(verdicts: Sequence[Verdict], found: Mapping[str, Explanation], calls: Sequence[Call]) -> tuple[Verdict, ...]:
    """The verdicts, with what the graph explains in the place of what was not named."""
    return tuple(
        replace(verdict, findings=(Finding("", found[verdict.answer], tuple(calls)),))
        if _open(verdict) and verdict.answer in found
        else verdict
        for verdict in verdicts
    )
