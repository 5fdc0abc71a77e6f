"""Problems of any loss: the right gradients by autograd, refereed by central differences, and what they cannot show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import torch

from bpcompare.errors import InputError
from bpcompare.language import N_, _
from bpcompare.marker.calls import EPSILON, Array, Problem
from bpcompare.marker.phrases import Phrase, Words, phrase
from bpcompare.marker.reference import referee

PERTURBATIONS = 4
SAFETY = 64  # times the change that one rounding of every input makes
MOST_SIZES = 5  # dimensions that a factor is looked for in
TYPES = {torch.float64: "float64", torch.float32: "float32"}

Loss = Callable[..., torch.Tensor]


@dataclass(frozen=True)
class Solved:
    """One problem, and the answers for which autograd's gradient of the loss is not the slope of the loss."""

    problem: Problem
    overruled: tuple[str, ...]


def solve(loss: Loss, arguments: Sequence[Any], names: Sequence[str]) -> Solved:
    """The problem with its right answers: ∂loss/∂a for each argument a that requires grad.

    Args:
        loss: ``loss(*arguments)`` → a tensor of one number.
        arguments: Tensors in float64 or float32, and whatever else the loss takes.
        names: Of the arguments.

    Raises:
        InputError: No argument requires grad, their types differ, or the loss cannot be differentiated.
    """
    wanted = [index for index, value in enumerate(arguments) if torch.is_tensor(value) and value.requires_grad]
    if not wanted:
        raise InputError(
            Phrase(N_("no argument of sample(k) requires grad; mark the wanted ones with requires_grad_()"))
        )
    types = {TYPES.get(arguments[index].dtype) for index in wanted}
    if len(types) > 1 or None in types:
        problem = N_("the arguments must all be float64 or all float32; got {dtype}")
        raise InputError(phrase(problem, dtype=str(arguments[wanted[0]].dtype)))
    dtype = str(types.pop())
    right = _autograd(loss, arguments, wanted, None)
    generator = torch.Generator().manual_seed(0)
    moved = [_autograd(loss, arguments, wanted, (generator, EPSILON[dtype])) for __ in range(PERTURBATIONS)]
    references = referee(loss, [_double(value) for value in arguments], wanted, right)
    expected, terms, kinks = {}, {}, {}
    for position, (index, reference) in enumerate(zip(wanted, references, strict=True)):
        name, kink = f"grad_{names[index]}", reference.upper != reference.lower
        expected[name] = reference.lower.astype(np.longdouble)
        change = np.max([abs(other[position] - right[position]) for other in moved], axis=0, initial=0.0)
        change = np.where(kink, 0.0, change)  # there a rounding may choose another slope
        largest = abs(reference.lower).max(initial=0.0)
        terms[name] = SAFETY * ((change + reference.error) / EPSILON[dtype] + largest)
        if kink.any():
            kinks[name] = (reference.lower, reference.upper)
    inputs = {
        name: value.detach().clone() if torch.is_tensor(value) else value
        for name, value in zip(names, arguments, strict=True)
    }
    overruled = tuple(name for name, reference in zip(expected, references, strict=True) if reference.overruled)
    return Solved(Problem({}, dtype, inputs, expected, terms, operations=1, kinks=kinks), overruled)


def _autograd(
    loss: Loss, arguments: Sequence[Any], wanted: Sequence[int], move: tuple[torch.Generator, float] | None
) -> list[Array]:
    leaves = [_leaf(value, index in wanted, move) for index, value in enumerate(arguments)]
    with torch.enable_grad():
        value = loss(*leaves)
        if not torch.is_tensor(value) or value.numel() != 1:
            came: Words = type(value).__name__
            if torch.is_tensor(value):
                came = phrase(N_("of shape {shape}"), shape=str(tuple(value.shape)))
            problem = N_("the loss must be a tensor of one number; got {came}: reduce it with sum() or mean()")
            raise InputError(phrase(problem, came=came))
        if not value.requires_grad:
            problem = N_(
                "the loss does not lead back to its arguments, so that autograd cannot be asked; "
                "remove detach(), .data, .item(), no_grad() or NumPy from it"
            )
            raise InputError(Phrase(problem))
        found = torch.autograd.grad(value.reshape(()), [leaves[index] for index in wanted], materialize_grads=True)
    return [gradient.detach().cpu().numpy() for gradient in found]


def _leaf(value: Any, wanted: bool, move: tuple[torch.Generator, float] | None) -> Any:
    leaf = _double(value)
    if leaf is value:
        return value
    if move is not None:
        generator, epsilon = move
        signs = torch.randint(0, 2, leaf.shape, generator=generator).mul(2).sub(1)
        leaf *= 1 + epsilon * signs.to(leaf.device)
    return leaf.requires_grad_(wanted)


def _double(value: Any) -> Any:
    return value.detach().double().clone() if torch.is_tensor(value) and value.is_floating_point() else value


def with_sizes(problems: Sequence[Problem]) -> list[Problem]:
    """The problems with their dimensions by name; of dimensions that are always equal, the first stands for all."""
    varying = [(label, lengths) for label, lengths in _dimensions(problems) if len(set(lengths)) > 1]
    told = [(label, lengths) for label, lengths in varying if min(lengths) > 0][:MOST_SIZES]
    return [
        replace(problem, sizes={label: lengths[k] for label, lengths in told}) for k, problem in enumerate(problems)
    ]


def constant_sizes(problems: Sequence[Problem]) -> dict[str, int]:
    """The dimensions that have one length in every problem, other than 1: a factor of it could be a plain number."""
    return {label: lengths[0] for label, lengths in _dimensions(problems) if len(set(lengths)) == 1 < lengths[0]}


def _dimensions(problems: Sequence[Problem]) -> list[tuple[str, tuple[int, ...]]]:
    columns: dict[tuple[int, ...], str] = {}
    for name, shapes in _shapes(problems).items():
        if len({len(shape) for shape in shapes}) == 1:
            for axis in range(len(shapes[0])):
                columns.setdefault(tuple(shape[axis] for shape in shapes), f"{name}.shape[{axis}]")
    return [(label, lengths) for lengths, label in columns.items()]


def _shapes(problems: Sequence[Problem]) -> Mapping[str, list[tuple[int, ...]]]:
    return {
        name: [tuple(getattr(problem.inputs.get(name), "shape", ())) for problem in problems]
        for name in problems[0].inputs
    }


def blind_spots(problems: Sequence[Problem]) -> Iterator[str]:
    """What these problems cannot show, one sentence each: equal numbers, constant sizes, square matrices."""
    if len(problems) > 1 and all(_same_inputs(problems[0], problem) for problem in problems[1:]):
        yield _("Every problem has the same numbers: let sample(k) draw others for each k.")
        return
    constant = constant_sizes(problems)
    for label, length in constant.items():
        yield _(
            "Every problem has {size} = {length}: a factor {length} cannot be told from {size}; vary sizes with k.",
            size=label,
            length=length,
        )
    for name, shapes in _shapes(problems).items():
        for first, second in combinations(range(len(shapes[0])), 2):
            if all(len(shape) == len(shapes[0]) and shape[first] == shape[second] > 1 for shape in shapes):
                yield _(
                    "In every problem {name}.shape[{first}] = {name}.shape[{second}]: "
                    "a transpose does not show in the shape; let the two differ.",
                    name=name,
                    first=first,
                    second=second,
                )


def _same_inputs(first: Problem, second: Problem) -> bool:
    return all(_equal(value, second.inputs[name]) for name, value in first.inputs.items())


def _equal(first: Any, second: Any) -> bool:
    if hasattr(first, "shape") and hasattr(second, "shape"):
        return first.shape == second.shape and bool((first == second).all())
    return type(first) is type(second) and bool(first == second)
