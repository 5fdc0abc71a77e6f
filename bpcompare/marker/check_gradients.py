"""The marker for any loss: a hand-written backward against autograd, refereed by central differences in float64."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from bpcompare.errors import InputError, MarkingError
from bpcompare.language import N_, _
from bpcompare.marker import graph_findings
from bpcompare.marker.calls import Array, Call, Problem
from bpcompare.marker.diagnosis import diagnose
from bpcompare.marker.exercises import Exercise
from bpcompare.marker.marking import Marking
from bpcompare.marker.phrases import Phrase, phrase
from bpcompare.marker.placement import device_of, here, on_device
from bpcompare.marker.problems.any_loss import blind_spots, constant_sizes, solve, with_sizes
from bpcompare.marker.properties import with_properties
from bpcompare.marker.verdict import Finding, Known, Verdict

SAMPLES = 4  # problems, each called twice


def check_gradients(
    loss: Callable[..., torch.Tensor],
    gradients: Callable[..., Any],
    sample: Callable[[int], Sequence[Any]],
    *,
    device: str | torch.device | None = None,
) -> Marking:
    """Marks hand-written gradients of any loss against autograd in float64, which central differences referee.

    An answer is right where it differs from autograd's by at most SAFETY times what rounding every input once changes
    it by; at a kink any slope between the one from the left and the one from the right is right. Where autograd's
    gradient is not the slope of the loss, because a backward inside the loss is wrong, the difference counts, and
    ``notes`` says so. A mistake is named where it explains every call: a factor, the sign, a size of a dimension,
    transposed, swapped, not summed over a broadcast dimension, accumulated, too few digits, changed in place.

    Args:
        loss: ``loss(*arguments)`` → a tensor of one number.
        gradients: ``gradients(*arguments)`` → one gradient for each argument that requires grad, in their order; a
            single one may come alone. It gets detached copies.
        sample: ``sample(k)`` → a tuple, the arguments of the k-th problem, k = 0, 1, 2, 3; let the sizes differ with
            k, so that a factor can be told from a size. Tensors in float64 or float32.
        device: Where loss and gradients are called: "cpu", "cuda", "cuda:N" or "auto"; when not given, where the
            first tensor of ``sample(0)`` is. What is right is worked out on the CPU.

    Returns:
        The marking; ``right``, ``mistakes``, ``notes`` and ``str()`` say what came out.

    Raises:
        MarkingError: The gradients do not come, or are no arrays, or every call raises.
        InputError: No argument requires grad, the loss is not one number that depends on the arguments, or the device
            is not here.

    Example:
        >>> def sample(k):
        ...     x = torch.randn(3 + 2 * k, dtype=torch.float64, generator=torch.Generator().manual_seed(k))
        ...     return (x.requires_grad_(),)
        >>> check_gradients(lambda x: (x**2).mean(), lambda x: 2 * x / len(x), sample).right
        True
        >>> print(check_gradients(lambda x: (x**2).mean(), lambda x: x / len(x), sample))
        grad_x: wrong
          a factor 2 is missing (half the right value)
          it is 0.5 times the right one
    """
    asked = ask(loss, gradients, sample, device)
    marking = judge(getattr(gradients, "__name__", "gradients"), asked)
    named = graph_findings.find(loss, marking.calls, asked.names, marking.verdicts)
    found = {answer: graph_findings.explanation_of(mistake) for answer, mistake in named.items()}
    return replace(marking, verdicts=graph_findings.named(marking.verdicts, found, marking.calls))


@dataclass(frozen=True)
class Asked:
    """What the gradients answered.

    Attributes:
        names: Of the arguments.
        calls: Two for each problem.
        overruled: The answers for which autograd's gradient of the loss is not its slope.
    """

    names: tuple[str, ...]
    calls: tuple[Call, ...]
    overruled: tuple[str, ...]


def ask(
    loss: Callable[..., torch.Tensor],
    gradients: Callable[..., Any],
    sample: Callable[[int], Sequence[Any]],
    device: object | None = None,
) -> Asked:
    """Draws the problems, works out what is right, and calls the gradients."""
    drawn = [_arguments(sample, k) for k in range(SAMPLES)]
    where = device_of(drawn[0], device)
    if where.type != "cpu":
        loss, gradients, drawn = on_device(loss, where), on_device(gradients, where), [here(one) for one in drawn]
    names = _names(gradients, len(drawn[0]))
    solved = [solve(loss, arguments, names) for arguments in drawn]
    answers = tuple(solved[0].problem.expected)
    calls = tuple(call for one in solved for call in _twice(gradients, one.problem, names, answers))
    if all(call.raised for call in calls):
        problem = N_("the gradients raise in every call: {error}; correct that first")
        raise MarkingError(phrase(problem, error=calls[0].raised))
    return Asked(names, calls, tuple(name for name in answers if any(name in one.overruled for one in solved)))


def judge(function: str, asked: Asked) -> Marking:
    """The marking of what was answered."""
    plain = list({id(call.problem): call.problem for call in asked.calls}.values())
    sized = {id(problem): with_its_sizes for problem, with_its_sizes in zip(plain, with_sizes(plain), strict=True)}
    calls = tuple(replace(call, problem=sized[id(call.problem)]) for call in asked.calls)
    notes = (*(_overruled(name) for name in asked.overruled), *blind_spots(plain))
    known = Known(tuple(plain[0].expected))
    exercise = Exercise("any-loss", function, asked.names, "", (), _nothing, known)
    verdicts = with_properties(calls, diagnose(calls, known), known, None)
    return Marking(exercise, _unsure_of(constant_sizes(plain), verdicts), calls, 0, notes)


def _overruled(answer: str) -> str:
    return _(
        "{answer}: autograd's gradient of the loss differs from its central difference, so a backward inside the loss "
        "is wrong; it is marked against the difference.",
        answer=answer,
    )


def _nothing(rng: np.random.Generator) -> Iterator[Problem]:
    yield from ()


def _arguments(sample: Callable[[int], Sequence[Any]], k: int) -> tuple[Any, ...]:
    try:
        drawn = sample(k)
    except Exception as error:
        problem = N_("sample({k}) raises {error}; it must work for k = 0 to {last}")
        raise InputError(phrase(problem, k=k, error=_told(error), last=SAMPLES - 1)) from error
    if torch.is_tensor(drawn) or not isinstance(drawn, (tuple, list)):
        came = Phrase(N_("one tensor")) if torch.is_tensor(drawn) else type(drawn).__name__
        problem = N_("sample({k}) returned {came}; it must return a tuple of the arguments, such as (x,)")
        raise InputError(phrase(problem, k=k, came=came))
    return tuple(drawn)


def _names(gradients: Callable[..., Any], count: int) -> tuple[str, ...]:
    try:
        names = [p.name for p in inspect.signature(gradients).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        names = []
    return tuple(names[:count]) if len(names) >= count else tuple(f"argument {k + 1}" for k in range(count))


def _twice(
    gradients: Callable[..., Any], problem: Problem, names: tuple[str, ...], answers: tuple[str, ...]
) -> tuple[Call, Call]:
    """Two calls on one problem; at a kink, the right answers are those nearest to the first."""
    first = _call(gradients, problem, names, answers)
    faced = problem.for_answers(first.answers)
    return replace(first, problem=faced), _call(gradients, faced, names, answers)


def _call(gradients: Callable[..., Any], problem: Problem, names: tuple[str, ...], answers: tuple[str, ...]) -> Call:
    given = {name: value.clone() if torch.is_tensor(value) else value for name, value in problem.inputs.items()}
    try:
        result = gradients(*given.values())
    except Exception as error:  # whatever the engineer's function raises is a finding
        return Call(problem, raised=_told(error))
    parts = _parts(result, answers)
    arrays = {answer: _array(part, answer) for answer, part in zip(answers, parts, strict=True)}
    types = {
        answer: str(getattr(part, "dtype", "float64")).removeprefix("torch.")
        for answer, part in zip(answers, parts, strict=True)
    }
    changed = tuple(
        name for name in names if torch.is_tensor(given[name]) and not _same(given[name], problem.inputs[name])
    )
    return Call(problem, arrays, types, changed=changed)


def _parts(result: Any, answers: tuple[str, ...]) -> list[Any]:
    wanted = ", ".join(answers)
    if result is None:
        raise MarkingError(
            phrase(N_("the gradients came as None; return {wanted}: is a return missing?"), wanted=wanted)
        )
    if isinstance(result, dict):
        problem = N_("the gradients came as a dict; return them as a tuple, in the order {wanted}")
        raise MarkingError(phrase(problem, wanted=wanted))
    parts = list(result) if isinstance(result, (tuple, list)) else [result]
    if len(parts) != len(answers):
        problem = N_("the gradients came as {count} results; one for each of {wanted} is wanted")
        raise MarkingError(phrase(problem, count=len(parts), wanted=wanted))
    return parts


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".removesuffix(": ")


def _same(now: torch.Tensor, before: torch.Tensor) -> bool:
    return now.shape == before.shape and torch.equal(now.detach(), before)


def _array(part: Any, answer: str) -> Array:
    if part is None:
        problem = N_("{answer} came as None; return an array of zeros where a gradient is zero")
        raise MarkingError(phrase(problem, answer=answer))
    try:
        value = part.detach().double().cpu().numpy() if torch.is_tensor(part) else np.asarray(part, dtype=np.float64)
    except (TypeError, ValueError) as error:
        problem = N_("{answer} came as {kind}; it must be an array of real numbers")
        raise MarkingError(phrase(problem, answer=answer, kind=type(part).__name__)) from error
    return np.array(value)


def _unsure_of(constant: dict[str, int], verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """A plain number that is also a size of every problem may be either: both are said."""
    return tuple(
        replace(verdict, findings=tuple(_unsure(constant, finding) for finding in verdict.findings))
        for verdict in verdicts
    )


def _unsure(constant: dict[str, int], finding: Finding) -> Finding:
    factor = finding.explanation.factor
    if factor is None or not _is_made_of(abs(factor.constant), tuple(constant.values())):
        return finding
    other = (*finding.explanation.mistakes, "wrong-size-factor")
    return replace(finding, explanation=replace(finding.explanation, sure=False, alternatives=(other,)))


def _is_made_of(number: float, sizes: tuple[int, ...]) -> bool:
    products = {float(size) for size in sizes} | {float(a * b) for a in sizes for b in sizes}
    return any(abs(number * sign - 1) < 1e-9 for size in products for sign in (size, 1 / size)) and number != 1
