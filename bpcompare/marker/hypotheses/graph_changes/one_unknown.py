"""Mistakes with a number in them, and brackets moved: what is solved for, not tried."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.change import COST, OPERAND, Change, Site
from bpcompare.marker.hypotheses.graph_changes.local import Local, local
from bpcompare.marker.hypotheses.graph_changes.rules import RULES, contribution
from bpcompare.marker.hypotheses.graph_changes.screen import Answer
from bpcompare.marker.hypotheses.graph_changes.search import Found, Search
from bpcompare.marker.hypotheses.graph_changes.sentences import called, where
from bpcompare.marker.hypotheses.graph_changes.size_factor import SizeFactor, fit
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.hypotheses.graph_changes.walk import Act, Traced
from bpcompare.marker.phrases import phrase

LAID_OUT = ("t", "transpose", "permute", "view", "_unsafe_view", "expand", "unsqueeze", "squeeze")
LINEAR = ("mul", "mm", "bmm", "mv")
AGREES = 1e-8
FACTOR_LEFT_OUT = 1.7  # changes that cost no more may be what a bracket leaves out


def name(search: Search) -> None:
    """Adds what is found to the search."""
    for answer in search.open():
        _updated(search, answer)
    for answer in search.open():
        _brackets(search, answer)


def _updated(search: Search, answer: Answer) -> None:
    """A parameter that has already been updated stands for the old one: p − λ·gradient, with one λ everywhere."""
    for step, slot, position, leaf in _parameters(search.problem):
        act = _with_gradient(position, leaf.name)
        site = (Site(step.key, slot),)
        updated = N_("{leaf}, already updated, stands for the old one in the derivative of {step}")
        says = phrase(updated, leaf=leaf.name, step=called(step))
        change = Change(OPERAND, site, act, says, COST[OPERAND], where(step))
        rates = []
        for problem, given, expected in zip(search.problems, answer.arrays, search.expected, strict=True):
            placed = change.at(problem)
            if placed is None:
                break
            rest = problem.answers({edge: [_dropped] for edge in placed})[answer.index]
            path = problem.answers(placed)[answer.index] - rest
            rate = _solved(given - expected[answer.index], path)
            if rate is None:
                break
            rates.append(-rate)
        if len(rates) == len(search.problems) > 1 and fit(rates, [{} for _ in rates]) is not None:
            with_rate = phrase(N_("{says} (λ = {rate:.4g})"), says=says, rate=rates[0])
            told = Change(OPERAND, site, act, with_rate, COST[OPERAND], where(step))
            search.found[answer.index].append(Found((told,), SizeFactor(), COST[OPERAND]))
            return


def _parameters(problem: Traced) -> Iterator[tuple[Step, int, int, Step]]:
    """The places where an input is what a product is multiplied by on the way back."""
    for step, slot in problem.edges():
        if step.op not in LINEAR or len(step.operands) < 2:
            continue
        position = 1 - local(step, slot, problem.gradients[step.index]).position
        leaf = step.operands[1 - slot]
        while leaf.op in LAID_OUT:
            leaf = leaf.operands[0]
        if leaf.op == "input" and problem.gradients.get(leaf.index) is not None:
            yield step, slot, position, leaf


def _dropped(problem: Traced, at: Local) -> None:
    return None


def _with_gradient(position: int, leaf: str) -> Act:
    """The rule with the gradient of an input in the place of the input."""

    def act(problem: Traced, at: Local) -> Tensor:
        operand = at.step.args[position]
        chain = []
        while operand.op in LAID_OUT:
            chain.append(operand)
            operand = operand.operands[0]
        value = problem.gradients[operand.index]
        for moved in reversed(chain):
            value = moved.function(value, *moved.values[1:], **moved.kwargs)
        return contribution(at.with_value(position, value))

    return act


def _solved(given: Tensor, path: Tensor) -> float | None:
    """The number that path is multiplied by to give ``given``."""
    norm = float((path * path).sum())
    if not norm or given.numel() < 2:
        return None
    rate = float((given * path).sum()) / norm
    missed = float((given - rate * path).abs().max())
    return rate if rate and missed <= AGREES * float(given.abs().max()) else None


def _brackets(search: Search, answer: Answer) -> None:
    """F − y·x for (f − y)·x: a factor reaches only one of two terms."""
    problem = search.problem
    for step, slot in problem.edges():
        if step.op not in RULES:
            continue
        for position, operand in enumerate(step.args):
            if not isinstance(operand, Step) or operand.op not in ("sub", "add") or len(operand.operands) != 2:
                continue
            for kept in (0, 1):
                _bracket(search, answer, (step, slot), position, operand, kept)
            if search.found[answer.index]:
                return


@dataclass(frozen=True)
class _Moved:
    """One term of a sum or difference that misses a factor on its way back.

    Attributes:
        position: Where the sum stands among the arguments of the step whose rule uses it.
        kept: The term that keeps every factor.
        site: The step and its operand.
        left_out: What the other term misses.
    """

    position: int
    kept: int
    site: Site
    left_out: Change

    def answers(self, problem: Traced) -> list[Tensor] | None:
        """The gradients; None where the places are not there."""
        edges, lower = self.site.edges(problem), self.left_out.at(problem)
        if len(edges) != 1 or lower is None or len(lower) != 1:
            return None
        ((low, acts),) = lower.items()
        whole = problem.answers({edges[0]: [self._alone(self.kept)]})
        if low == edges[0]:
            rest = problem.answers({low: [self._alone(1 - self.kept, acts[0])]})
        else:
            rest = problem.answers({edges[0]: [self._alone(1 - self.kept)], low: [acts[0]]})
        return [one + other for one, other in zip(whole, rest, strict=True)]

    def _alone(self, term: int, then: Act | None = None) -> Act:
        """The rule, or another one, with one term in the place of both."""

        def act(problem: Traced, at: Local) -> Tensor | None:
            operand = at.step.args[self.position]
            value = operand.operands[term].value
            signed = -value if operand.op == "sub" and term == 1 else value
            changed = at.with_value(self.position, signed.expand(operand.value.shape))
            return contribution(changed) if then is None else then(problem, changed)

        return act


def _bracket(search: Search, answer: Answer, place: tuple[Step, int], position: int, operand: Step, kept: int) -> None:
    """Tries every factor that the other term may miss."""
    step, slot = place
    site = Site(step.key, slot)
    for left_out in search.changes:
        if left_out.cost > FACTOR_LEFT_OUT or left_out.kind not in ("derivative", "reduction"):
            continue
        moved = _Moved(position, kept, site, left_out)
        if not all(_gives(moved, problem, given, answer.index) for problem, given in _in_turn(search, answer)):
            continue
        missing = called(operand.operands[1 - kept])
        bracket = N_("a bracket is moved: of {sum}, {term} alone misses a factor ({factor})")
        says = phrase(bracket, sum=called(operand), term=missing, factor=left_out.says)
        change = Change(OPERAND, (site,), _dropped, says, COST[OPERAND] + 0.4, where(operand))
        search.found[answer.index].append(Found((change,), SizeFactor(), change.cost))
        return


def _in_turn(search: Search, answer: Answer) -> list[tuple[Traced, Tensor]]:
    """The problems with the answer, the one that tells most first."""
    pairs = list(zip(search.problems, answer.arrays, strict=True))
    return [pairs[search.screened], *pairs]


def _gives(moved: _Moved, problem: Traced, given: Tensor, index: int) -> bool:
    try:
        found = moved.answers(problem)
    except RuntimeError:
        return False
    return found is not None and _agree(given, found[index])


def _agree(given: Tensor, guess: Tensor) -> bool:
    if given.shape != guess.shape or not given.numel():
        return False
    return float((given - guess).abs().max()) <= AGREES * float(given.abs().max())
