"""What a hypothesis hands back, and how an answer is compared with what the hypothesis predicts."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from bpcompare.marker.calls import EPSILON, Array, Call
from bpcompare.marker.factors import Factor, Pair, fit, may_share_a_factor
from bpcompare.marker.memo import Memo
from bpcompare.marker.mistakes import Mistake

FAR = 1e-4  # of the squared length
SINGLE = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Explanation:
    """Mistakes that together explain an answer in every call of a set, to rounding.

    Attributes:
        mistakes: Their names in ``mistakes.MISTAKES``.
        cost: How much has to go wrong; of two explanations the cheaper one is the better.
        factor: The answer over the right gradient, where that is one factor.
        detail: A number found on the way, such as a learning rate.
        alternatives: Other mistakes that would give the same answers in these calls.
        sure: False where the explanation bounds the error only, and does not reproduce the answer.
        told: What is said of the first of ``mistakes``, where it is found on the graph and no table has words for it.
        others: What else gives the same answers, in words.
        follows: The learner's own answers that this one follows from.
    """

    mistakes: tuple[str, ...]
    cost: float
    factor: Factor | None = None
    detail: str = ""
    sure: bool = True
    alternatives: tuple[tuple[str, ...], ...] = ()
    told: tuple[Mistake, ...] = ()
    others: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()


def cheapest(found: Sequence[Explanation]) -> Explanation | None:
    """The cheapest of several explanations, which holds those that cost the same as its alternatives."""
    if not found:
        return None
    best = min(found, key=lambda explanation: explanation.cost)
    ties = [other for other in found if abs(other.cost - best.cost) < 1e-9]
    equal = [names for other in ties for names in (other.mistakes, *other.alternatives)]
    return replace(best, alternatives=tuple(dict.fromkeys(names for names in equal if names != best.mistakes)))


Hypothesis = Callable[[Sequence[Call], str], Explanation | None]
Guess = Callable[[Call], tuple[Array, Array] | None]  # what a hypothesis makes of a call, and the size of its terms
Candidate = TypeVar("Candidate", bound=Hashable)


class OwnHypothesis(Protocol):
    """A hypothesis of one exercise, which shares what it works out."""

    def __call__(self, calls: Sequence[Call], answer: str, memo: Memo) -> Explanation | None:
        """The mistakes that explain this answer in all calls, or None."""


class Priced(NamedTuple):
    """A hypothesis of an exercise, and what each of its explanations costs at least."""

    least: float
    hypothesis: OwnHypothesis


def expected_value(call: Call, answer: str) -> Array:
    """The right answer in float64."""
    return call.problem.in_float64[answer]


def epsilon(call: Call, answer: str) -> float:
    """The rounding unit of one operation in this call."""
    single = call.dtypes.get(answer) in SINGLE
    return EPSILON["float32"] if single else EPSILON[call.problem.dtype]


def same_layout(answer: Array, guess: Array) -> tuple[Array, Array] | None:
    """Both arrays in one shape – dimensions of size 1 dropped, a flattened one unfolded, a smaller one repeated."""
    if answer.shape == guess.shape:
        return answer, guess
    if answer.squeeze().shape == guess.squeeze().shape:
        return answer.squeeze(), guess.squeeze()
    if answer.size == guess.size and 1 in (answer.ndim, guess.ndim):
        return answer.ravel(), guess.ravel()
    if guess.size < answer.size:
        try:
            return answer, np.broadcast_to(guess, answer.shape)
        except ValueError:
            return None
    return None


def in_layout(values: Array, laid: Array) -> Array:
    """Bounds in the layout of ``laid``; their largest for every entry where the layouts have nothing in common."""
    if values.shape == laid.shape:
        return values
    both = same_layout(laid, values)
    if both is not None and both[0].shape == laid.shape:
        return both[1]
    return np.full(laid.shape, values.max(initial=0.0))


def pair(call: Call, answer: str, guess: Array, terms: Array) -> Pair | None:
    """The answer next to ``guess``, or None where their shapes have nothing in common."""
    laid = same_layout(call.answers[answer], guess)
    if laid is None:
        return None
    rounding = call.problem.operations * epsilon(call, answer) * np.asarray(terms)
    return Pair(laid[0], laid[1], in_layout(rounding, laid[1]), call.problem.sizes_and_neighbours)


def fit_guesses(calls: Sequence[Call], answer: str, guess: Guess) -> Factor | None:
    """The factor between the answers and the guesses, the same for all calls; None where there is none."""
    pairs: list[Pair] = []
    for call in calls:
        made = guess(call)
        made_pair = pair(call, answer, *made) if made is not None else None
        if made_pair is None or made_pair.ratio is None:  # one call is enough to refute it
            return None
        pairs.append(made_pair)
        if len(pairs) <= 2 and not may_share_a_factor(pairs[0], pairs[-1]):
            return None
    return fit(pairs)


def fit_in_order(calls: Sequence[Call], answer: str, guess: Guess) -> Factor | None:
    """The same after a look at the call that refutes most: the one with the most numbers."""
    largest = max(calls, key=lambda call: call.answers[answer].size)
    made = guess(largest)
    placed = pair(largest, answer, *made) if made is not None else None
    return fit_guesses(calls, answer, guess) if placed is not None and placed.ratio is not None else None


def telling_first(calls: Sequence[Call], answer: str) -> list[Call]:
    """Two calls of one shape that refute a wrong guess at once: the largest in float64; then the others.

    Of calls with the same problem and the same answer one is enough.
    """
    different: dict[Hashable, Call] = {}
    for call in calls:
        given = call.answers[answer]
        different.setdefault((call.problem, call.dtypes.get(answer), given.shape, given.tobytes()), call)
    ordered = sorted(different.values(), key=lambda call: (call.problem.dtype != "float64", -call.answers[answer].size))
    for index, call in enumerate(ordered[1:], 1):
        if call.problem is not ordered[0].problem and call.problem.sizes == ordered[0].problem.sizes:
            return [ordered[0], call, *ordered[1:index], *ordered[index + 1 :]]
    return ordered


def not_refuted(
    calls: Sequence[Call], answer: str, candidates: Iterable[Candidate], make: Callable[[Candidate], Guess], memo: Memo
) -> Iterator[tuple[Candidate, Guess]]:
    """The candidates, and what they guess, that neither of the first two calls refutes.

    What one call refutes by itself, it refutes in whatever company, and is not asked again.
    """
    known = set().union(*(memo.refuted.get((call, answer), ()) for call in calls))
    several = [call for call in calls[:2] if call.answers[answer].size > 1]  # one number alone refutes nothing
    for candidate in candidates:
        if candidate in known:
            continue
        guess = make(candidate)
        refuter = next((call for call in several if not _fits(call, answer, guess)), None)
        if refuter is None:
            yield candidate, guess
        else:
            memo.refuted.setdefault((refuter, answer), set()).add(candidate)


def _fits(call: Call, answer: str, guess: Guess) -> bool:
    made = guess(call)
    exact = epsilon(call, answer) == EPSILON["float64"]
    if made is None or (exact and _far(call.answers[answer].ravel(), made[0].ravel())):
        return False
    placed = pair(call, answer, *made)
    return placed is not None and placed.ratio is not None


def _far(answer: Array, guess: Array) -> bool:
    """A first look: whether the two differ in direction by far more than float64's rounding could make of it."""
    if answer.shape != guess.shape:
        return False
    apart = answer - guess * (float(answer @ guess) / (float(guess @ guess) or 1.0))
    return float(apart @ apart) > FAR * float(answer @ answer)  # what is not finite is looked at again


def agrees(call: Call, answer: str, guess: Array, slack: float = 4.0) -> bool:
    """Whether the answer is ``guess`` within ``slack`` times the rounding of the right answer."""
    laid = same_layout(call.answers[answer], guess)
    if laid is None:
        return False
    return bool((abs(laid[0] - laid[1]) <= slack * in_layout(call.rounding(answer), laid[1])).all())
