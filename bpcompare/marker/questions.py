"""Properties of a wrong gradient that are always true: asked of the function where no mistake can be named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import N_, _, listed

SAME = 1e-7  # relative
MOST_ROWS = 512
Backward = Callable[[Sequence[Any], Sequence[Tensor]], Sequence[Tensor]]  # arguments, upstream → one gradient each


@dataclass(frozen=True)
class Property:
    """Something that is true of one wrong gradient.

    Attributes:
        answer: Whose gradient.
        name: linear, odd, zero-at-zero, scalar, rows, entries, independent.
        value: What was found, as plain data.
        says: The sentence.
    """

    answer: str
    name: str
    value: Any
    says: str

    def __str__(self) -> str:
        return self.says


@dataclass(frozen=True, eq=False)
class Asked:
    """One problem to ask about.

    Attributes:
        arguments: What the function is called with.
        upstream: The gradient of each output.
        wanted: The positions of the arguments whose gradients are asked for.
    """

    arguments: Sequence[Any]
    upstream: Sequence[Tensor]
    wanted: Sequence[int]


def ask(
    answer: str,
    place: int,
    backward: Backward,
    right: Backward,
    problems: Sequence[Asked],
    names: Sequence[str] = (),
) -> list[Property]:
    """What is true of the ``place``-th gradient in every problem.

    Args:
        answer: What it is called.
        place: Which of the gradients that both functions give.
        backward: The function that is marked.
        right: The right gradients.
        problems: Where it is wrong.
        names: What the arguments are called.
    """

    def mine(problem: Asked, upstream: Sequence[Tensor] | None = None) -> Tensor:
        return backward(problem.arguments, problem.upstream if upstream is None else upstream)[place]

    def theirs(problem: Asked, upstream: Sequence[Tensor] | None = None) -> Tensor:
        return right(problem.arguments, problem.upstream if upstream is None else upstream)[place]

    found = [
        *_scalar(answer, mine, theirs, problems),
        *_linear(answer, mine, problems),
        *_rows(answer, mine, theirs, problems[0]),
        *_entries(answer, mine, theirs, problems),
        *_independent(answer, place, backward, right, problems[0], names),
    ]
    return found


Gradient = Callable[..., Tensor]


def _near(a: Tensor, b: Tensor, size: float | None = None) -> bool:
    if a.shape != b.shape:
        return False
    largest = max(float(b.abs().max()), float(a.abs().max())) if size is None else size
    return bool((a - b).abs().max() <= SAME * largest + 1e-12)


def _scalar(answer: str, mine: Gradient, theirs: Gradient, problems: Sequence[Asked]) -> list[Property]:
    """One factor for all entries, other in each problem."""
    ratios = []
    for problem in problems:
        given, right = mine(problem), theirs(problem)
        norm = float((right * right).sum())
        if given.shape != right.shape or given.numel() < 2 or not norm:
            return []
        ratio = float((given * right).sum()) / norm
        if not _near(given, ratio * right):
            return []
        ratios.append(ratio)
    if not ratios:
        return []
    values = listed([f"{ratio:.4g}" for ratio in ratios])
    says = _("every entry is off by one and the same factor: {values} in the problems tried", values=values)
    return [Property(answer, "scalar", ratios, says)]


def _linear(answer: str, mine: Gradient, problems: Sequence[Asked]) -> list[Property]:
    """Linear in the upstream gradient, odd, zero at zero: a derivative is all of them."""
    generator = torch.Generator().manual_seed(11)
    linear = odd = zero = True
    for problem in problems[:3]:
        once = mine(problem)
        other = [torch.randn(g.shape, generator=generator, dtype=g.dtype) for g in problem.upstream]
        both = mine(problem, [a + 2 * b for a, b in zip(problem.upstream, other, strict=True)])
        linear &= _near(both, once + 2 * mine(problem, other))
        odd &= _near(mine(problem, [-g for g in problem.upstream]), -once)
        zero &= not bool(mine(problem, [torch.zeros_like(g) for g in problem.upstream]).any())
    found = []
    if not linear:
        says = _("it is not linear in the gradient of the output, as every derivative is")
        found.append(Property(answer, "linear", False, says))
        changes = N_("it changes sign with the gradient of the output")
        keeps = N_("it does not change sign with the gradient of the output")
        found.append(Property(answer, "odd", odd, _(changes if odd else keeps)))
    if not zero:
        says = _("it is not zero where the gradient of the output is zero")
        found.append(Property(answer, "zero-at-zero", False, says))
    return found


def _rows(answer: str, mine: Gradient, theirs: Gradient, problem: Asked) -> list[Property]:
    """Which rows of the gradient of the output count, and how much: the first axis is usually the samples."""
    first = problem.upstream[0]
    if len(problem.upstream) != 1 or not first.dim() or not 1 < first.shape[0] <= MOST_ROWS:
        return []
    weights: list[float | None] = []
    for row in range(first.shape[0]):
        alone = torch.zeros_like(first)
        alone[row] = first[row]
        given, right = mine(problem, [alone]), theirs(problem, [alone])
        norm = float((right * right).sum())
        weight = float((given * right).sum()) / norm if norm else 1.0
        weights.append(round(weight, 6) if given.shape == right.shape and _near(given, weight * right) else None)
    if all(weight is None for weight in weights) or len(set(weights)) == 1:
        return []
    return [Property(answer, "rows", weights, _("of the gradient of the output, {rows}", rows=_ranges(weights)))]


def _ranges(weights: Sequence[float | None]) -> str:
    """Neighbours of one weight told together."""
    pieces, start = [], 0
    for end in range(1, len(weights) + 1):
        if end < len(weights) and weights[end] == weights[start]:
            continue
        pieces.append(_rows_count(start + 1, end, weights[start]))
        start = end
    return listed(pieces if len(pieces) <= 6 else [*pieces[:6], "…"], N_("; "))


def _rows_count(first: int, last: int, weight: float | None) -> str:
    if weight is None:
        one, many = N_("row {first} counts in another way"), N_("rows {first} to {last} count in another way")
    elif weight == 0:
        one, many = N_("row {first} does not count"), N_("rows {first} to {last} do not count")
    elif weight == 1:
        one, many = N_("row {first} counts rightly"), N_("rows {first} to {last} count rightly")
    else:
        one, many = N_("row {first} counts {weight:g} times"), N_("rows {first} to {last} count {weight:g} times")
    return _(one if first == last else many, first=first, last=last, weight=weight)


def _entries(answer: str, mine: Gradient, theirs: Gradient, problems: Sequence[Asked]) -> list[Property]:
    """Which entries are right, where that is a first or last part along one axis."""
    shares = []
    for problem in problems:
        given, right = mine(problem), theirs(problem)
        if given.shape != right.shape or not right.dim():
            return []
        shares.append((given - right).abs() <= SAME * float(right.abs().max()) + 1e-12)
    good = sum(int(s.sum()) for s in shares)
    total = sum(s.numel() for s in shares)
    if not good:
        return []
    for axis in range(min(s.dim() for s in shares)):
        lines = [s.movedim(axis, 0).reshape(s.shape[axis], -1).all(1) for s in shares]
        wrong = [[i for i, ok in enumerate(line.tolist()) if not ok] for line in lines]
        rows = [s.movedim(axis, 0).reshape(s.shape[axis], -1) for s in shares]
        if any(bool(row[w].any()) for row, w in zip(rows, wrong, strict=True) if w):
            continue
        if all(w == [0] for w in wrong):
            first = _("only the first entry along axis {axis} is wrong", axis=axis)
            return [Property(answer, "entries", "first", first)]
        if all(w == [len(line) - 1] for w, line in zip(wrong, lines, strict=True)):
            last = _("only the last entry along axis {axis} is wrong", axis=axis)
            return [Property(answer, "entries", "last", last)]
        places = ", ".join(map(str, wrong[0][:8]))
        some = N_("along axis {axis} the entries {places} are wrong in the first problem, the others right")
        says = _(some, axis=axis, places=places)
        return [Property(answer, "entries", wrong, says)]
    return [Property(answer, "entries", good / total, _("{good} of {total} entries are right", good=good, total=total))]


def _independent(
    answer: str, place: int, backward: Backward, right: Backward, problem: Asked, names: Sequence[str]
) -> list[Property]:
    """Whether it moves with each argument, as the right one does."""
    found = []
    generator = torch.Generator().manual_seed(13)
    before, true = (f(problem.arguments, problem.upstream)[place] for f in (backward, right))
    for position, value in enumerate(problem.arguments):
        if not isinstance(value, Tensor) or not value.is_floating_point():
            continue
        moved = value * (1 + 0.1 * torch.rand(value.shape, generator=generator, dtype=value.dtype))
        arguments = [*problem.arguments[:position], moved, *problem.arguments[position + 1 :]]
        given, wanted = (f(arguments, problem.upstream)[place] for f in (backward, right))
        moves, should = not _near(given, before), not _near(wanted, true)
        if moves != should:
            name = names[position] if names else _("argument {n}", n=position + 1)
            says = _("it moves with {name}; the right one does not", name=name)
            if should:
                says = _("it does not move with {name}; the right one does", name=name)
            found.append(Property(answer, "independent", (position, moves, should), says))
    return found
