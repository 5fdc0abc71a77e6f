"""The marker for any loss: a hand-written backward against autograd, with the diagnosis that holds for any loss."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from bpcompare.errors import InputError, MarkingError
from bpcompare.marker.calls import EPSILON, Array, Call, Problem
from bpcompare.marker.check import Marking
from bpcompare.marker.diagnosis import Known, diagnose
from bpcompare.marker.exercises import Exercise

SAMPLES = 4  # problems, each called twice
PERTURBATIONS = 4
SAFETY = 64  # times the change that one rounding of every input makes
MOST_SIZES = 5  # dimensions that a factor is looked for in
TYPES = {torch.float64: "float64", torch.float32: "float32"}


def check_gradients(
    loss: Callable[..., torch.Tensor],
    gradients: Callable[..., Any],
    sample: Callable[[int], Sequence[Any]],
) -> Marking:
    """Marks hand-written gradients of any loss: autograd is the truth, in float64.

    An answer is right where it differs from autograd's by at most SAFETY times what rounding every input once changes
    it by. A mistake is named where it explains every call: a factor, the sign, a size of a dimension, transposed,
    swapped, not summed over a broadcast dimension, accumulated, too few digits, changed in place.

    Args:
        loss: ``loss(*arguments)`` → a tensor of one number.
        gradients: ``gradients(*arguments)`` → one gradient for each argument that requires grad, in their order; a
            single one may come alone. It gets detached copies.
        sample: ``sample(k)`` → the arguments of the k-th problem, k = 0, 1, 2, …; let the sizes differ with k, so that
            a factor can be told from a size. Tensors in float64 or float32.

    Returns:
        The marking; ``right``, ``mistakes`` and ``str()`` say what came out.

    Raises:
        MarkingError: The gradients do not come, or are no arrays, or every call raises.
        InputError: No argument requires grad, or the loss is not one number.

    Example:
        >>> def sample(k):
        ...     x = torch.randn(3 + 2 * k, dtype=torch.float64, generator=torch.Generator().manual_seed(k))
        ...     return (x.requires_grad_(),)
        >>> check_gradients(lambda x: (x**2).mean(), lambda x: 2 * x / len(x), sample).right
        True
        >>> print(check_gradients(lambda x: (x**2).mean(), lambda x: x / len(x), sample))
        grad_x: wrong
          the factor 2 is missing (half the right value): the derivative of r² is 2r
          it is 0.5 times the right one
    """
    names = _names(gradients, len(sample(0)))
    problems = _with_sizes([_problem(loss, tuple(sample(k)), names) for k in range(SAMPLES)], names)
    answers = tuple(problems[0].truth)
    calls = tuple(_call(gradients, problem, names, answers) for problem in problems for _ in range(2))
    if all(call.raised for call in calls):
        raise MarkingError(f"the gradients raise in every call: {calls[0].raised}; correct that first")
    known = Known(answers)
    exercise = Exercise("any-loss", getattr(gradients, "__name__", "gradients"), names, "", (), _nothing, known)
    return Marking(exercise, diagnose(calls, known), calls, 0)


def _nothing(rng: np.random.Generator) -> Iterator[Problem]:
    yield from ()


def _names(gradients: Callable[..., Any], count: int) -> tuple[str, ...]:
    try:
        names = [p.name for p in inspect.signature(gradients).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        names = []
    return tuple(names[:count]) if len(names) >= count else tuple(f"argument {k + 1}" for k in range(count))


def _problem(loss: Callable[..., torch.Tensor], arguments: tuple[Any, ...], names: tuple[str, ...]) -> Problem:
    wanted = [index for index, value in enumerate(arguments) if torch.is_tensor(value) and value.requires_grad]
    if not wanted:
        raise InputError("no argument of sample(k) requires grad; mark the wanted ones with requires_grad_()")
    types = {TYPES.get(arguments[index].dtype) for index in wanted}
    if len(types) > 1 or None in types:
        raise InputError(f"the arguments must all be float64 or all float32; got {arguments[wanted[0]].dtype}")
    dtype = str(types.pop())
    right = _autograd(loss, arguments, wanted, None)
    generator = torch.Generator().manual_seed(0)
    moved = [_autograd(loss, arguments, wanted, (generator, EPSILON[dtype])) for _ in range(PERTURBATIONS)]
    truth, terms = {}, {}
    for position, index in enumerate(wanted):
        name = f"grad_{names[index]}"
        truth[name] = right[position].astype(np.longdouble)
        change = np.max([abs(other[position] - right[position]) for other in moved], axis=0)
        largest = abs(right[position]).max(initial=0.0)
        terms[name] = SAFETY * (change / EPSILON[dtype] + largest)
    inputs = {
        name: value.detach().clone() if torch.is_tensor(value) else value
        for name, value in zip(names, arguments, strict=True)
    }
    return Problem({}, dtype, inputs, truth, terms, operations=1)


def _autograd(
    loss: Callable[..., torch.Tensor],
    arguments: tuple[Any, ...],
    wanted: list[int],
    move: tuple[torch.Generator, float] | None,
) -> list[Array]:
    leaves = [_leaf(value, index in wanted, move) for index, value in enumerate(arguments)]
    with torch.enable_grad():
        value = loss(*leaves)
        if not torch.is_tensor(value) or value.numel() != 1:
            raise InputError("the loss must be a tensor of one number; reduce it with sum() or mean()")
        found = torch.autograd.grad(value.reshape(()), [leaves[index] for index in wanted], materialize_grads=True)
    return [gradient.numpy() for gradient in found]


def _leaf(value: Any, wanted: bool, move: tuple[torch.Generator, float] | None) -> Any:
    if not torch.is_tensor(value) or not value.is_floating_point():
        return value
    leaf = value.detach().double().clone()
    if move is not None:
        generator, epsilon = move
        leaf *= 1 + epsilon * torch.randint(0, 2, leaf.shape, generator=generator).mul(2).sub(1)
    return leaf.requires_grad_(wanted)


def _with_sizes(problems: list[Problem], names: tuple[str, ...]) -> list[Problem]:
    """The problems with their dimensions by name; of dimensions that are always equal, the first stands for all."""
    columns: dict[tuple[int, ...], str] = {}
    for name in names:
        shapes = [
            tuple(problem.inputs[name].shape) if torch.is_tensor(problem.inputs[name]) else () for problem in problems
        ]
        if len({len(shape) for shape in shapes}) == 1:
            for axis in range(len(shapes[0])):
                columns.setdefault(tuple(shape[axis] for shape in shapes), f"{name}.shape[{axis}]")
    told = [(label, lengths) for lengths, label in columns.items() if min(lengths) > 0 and set(lengths) != {1}]
    return [
        Problem(
            {label: lengths[k] for label, lengths in told[:MOST_SIZES]},
            *(problem.dtype, problem.inputs, problem.truth, problem.terms, problem.operations),
        )
        for k, problem in enumerate(problems)
    ]


def _call(gradients: Callable[..., Any], problem: Problem, names: tuple[str, ...], answers: tuple[str, ...]) -> Call:
    given = {name: value.clone() if torch.is_tensor(value) else value for name, value in problem.inputs.items()}
    try:
        result = gradients(*given.values())
    except Exception as error:  # whatever the engineer's function raises is a finding
        return Call(problem, raised=f"{type(error).__name__}: {error}")
    parts = list(result) if isinstance(result, (tuple, list)) else [result]
    if len(parts) != len(answers):
        raise MarkingError(
            f"the gradients came as {len(parts)} results; one for each of {', '.join(answers)} is wanted"
        )
    arrays = {answer: _array(part, answer) for answer, part in zip(answers, parts, strict=True)}
    types = {
        answer: str(getattr(part, "dtype", "float64")).removeprefix("torch.")
        for answer, part in zip(answers, parts, strict=True)
    }
    changed = tuple(
        name for name in names if torch.is_tensor(given[name]) and not _same(given[name], problem.inputs[name])
    )
    return Call(problem, arrays, types, changed=changed)


def _same(now: torch.Tensor, before: torch.Tensor) -> bool:
    return now.shape == before.shape and torch.equal(now.detach(), before)


def _array(part: Any, answer: str) -> Array:
    try:
        value = part.detach().double().cpu().numpy() if torch.is_tensor(part) else np.asarray(part, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MarkingError(f"{answer} came as {type(part).__name__}; it must be an array of real numbers") from error
    return np.array(value)
