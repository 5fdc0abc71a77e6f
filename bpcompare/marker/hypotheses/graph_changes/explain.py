"""Names what is wrong with gradients of any forward: the one entrance to the search."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import N_, _, english, listed
from bpcompare.marker.hypotheses.graph_changes import one_path, one_unknown, partly, replay, two_changes
from bpcompare.marker.hypotheses.graph_changes.change import Change
from bpcompare.marker.hypotheses.graph_changes.replay import ForwardChange
from bpcompare.marker.hypotheses.graph_changes.rules import count, local
from bpcompare.marker.hypotheses.graph_changes.search import AS_CHEAP, Found, Progress, Search
from bpcompare.marker.hypotheses.graph_changes.sentences import called
from bpcompare.marker.hypotheses.graph_changes.size_factor import TERMS, SizeFactor
from bpcompare.marker.hypotheses.graph_changes.trace import Untraceable
from bpcompare.marker.hypotheses.graph_changes.walk import Traced, traced
from bpcompare.marker.hypotheses.graph_changes.wrong_operations import WHOLE
from bpcompare.marker.phrases import Phrase, Words, phrase, said

MOST_SIZES = 6
WEAK = 1.9  # cost of an explanation from which on fused operations are tried whole, too
ONE = SizeFactor()
FAILURES = (Untraceable, RuntimeError, AssertionError, NotImplementedError, IndexError, TypeError, KeyError, ValueError)
AGREES = 1e-5  # of the walk and the right gradient; the right one may be a difference quotient


@dataclass(frozen=True, eq=False)
class Sample:
    """One problem with its answers.

    Attributes:
        arguments: What the forward is called with.
        upstream: The gradient of each output; None for a loss.
        answers: The answered gradient by name; a missing one is not explained.
        expected: The right gradient by name, to check the graph against.
    """

    arguments: Sequence[Any]
    upstream: Sequence[Tensor] | None
    answers: Mapping[str, Tensor]
    expected: Mapping[str, Tensor]


@dataclass(frozen=True)
class NamedMistake:
    """What is wrong with one answer.

    Attributes:
        answer: Whose gradient.
        kind: path, derivative, reduction, operand, factor, upstream, forward; several joined by a plus sign.
        told: The mistake.
        places: File, line and source text of the steps concerned.
        cost: How much has to go wrong.
        others: Other mistakes that give the same numbers.
        factor: What multiplies the whole answer besides.
    """

    answer: str
    kind: str
    told: Phrase
    places: tuple[str, ...]
    cost: float
    others: tuple[Phrase, ...] = ()
    factor: SizeFactor = ONE

    @property
    def says(self) -> str:
        """The mistake in words."""
        return str(self.told)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Other mistakes that give the same numbers, in words."""
        return tuple(map(str, self.others))

    def lines(self) -> list[str]:
        """The mistake, what else gives the same numbers, and where."""
        other = [_("  or {other}", other=text) for text in self.alternatives]
        return [self.says, *other, *(_("  at {place}", place=place) for place in self.places)]

    def __str__(self) -> str:
        return listed(self.lines(), "\n")


def explain(
    forward: Callable[..., Any],
    samples: Sequence[Sample],
    names: Sequence[str],
    *,
    pairs: bool = True,
    tolerance: float = 1e-9,
    progress: Callable[[str], None] | None = None,
) -> dict[str, NamedMistake]:
    """The mistake in each wrong answer that one or two changes of the forward's graph explain.

    Args:
        forward: The function in plain PyTorch.
        samples: Problems of several sizes, each with the answers and the right gradients.
        names: What the arguments are called, in their order.
        pairs: Whether two changes together are tried where one does not explain an answer.
        tolerance: Relative difference up to which an answer agrees with what a change gives.
        progress: Called with a sentence about once a second where the search takes more than two.

    Returns:
        By answer; an answer that nothing explains is missing.

    Example:
        >>> x = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
        >>> right, wrong = 2 * x * 0 + x.exp() * 2, x.exp()
        >>> found = explain(lambda x: (x.exp() * 2).sum(), [Sample((x,), None, {"x": wrong}, {"x": right})], ["x"])
        >>> print(found["x"].says)
        in the derivative of x.exp() * 2 the other factor is left out
    """
    wanted = [index for index, name in enumerate(names) if name in samples[0].expected]
    graphs = partial(_graphs, forward, samples, names, wanted)
    problems, through = graphs(False), False
    if not problems:
        problems, through = graphs(True), True
    if not problems:
        return {}
    answers = [[sample.answers[names[index]] for index in wanted] for sample in samples]
    wrong = [
        place
        for place, index in enumerate(wanted)
        if not all(_agree(s.answers[names[index]], s.expected[names[index]], tolerance) for s in samples)
    ]
    with torch.no_grad():
        zero = [names[wanted[place]] for place in wrong if not any(bool(given[place].any()) for given in answers)]
        searched = [place for place in wrong if names[wanted[place]] not in zero]
        whole = partial(graphs, through, WHOLE)
        found = _searched(problems, whole, answers, searched, tolerance, pairs, progress) if searched else {}
    told = {
        names[wanted[place]]: _named(names[wanted[place]], _chosen(place, found), candidates)
        for place, candidates in found.items()
        if candidates
    }
    return told | {name: _zero(name, told) for name in zero}


def explain_forward(
    forward: Callable[..., Any], samples: Sequence[Sample], outputs: Sequence[Sequence[Tensor]], names: Sequence[str]
) -> tuple[str, str] | None:
    """What another forward does otherwise than ``forward`` by its outputs, and where; None where nothing is found."""
    wanted = [index for index, name in enumerate(names) if name in samples[0].expected]
    problems = _graphs(forward, samples, names, wanted, False)
    if not problems:
        return None
    with torch.no_grad():
        for change in replay.all_changes(problems[0]):
            try:
                given = [change.outputs(problem) for problem in problems]
            except RuntimeError:
                continue
            if all(found is not None and _alike(found, other) for found, other in zip(given, outputs, strict=True)):
                return str(change.calculates), change.place
    return None


def _alike(found: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return len(found) == len(other) and all(_agree(a, b, 1e-9) for a, b in zip(other, found, strict=True))


def _searched(
    problems: Sequence[Traced],
    kept_whole: Callable[[], Sequence[Traced]],
    answers: Sequence[Sequence[Tensor]],
    wrong: Sequence[int],
    tolerance: float,
    pairs: bool,
    progress: Callable[[str], None] | None,
) -> dict[int, list[Found]]:
    """One change, also with fused operations kept whole; then what is solved for, then pairs."""
    search = Search(problems, answers, wrong, tolerance, Progress(progress))
    search.run()
    weak = [index for index, found in search.found.items() if min((f.cost for f in found), default=WEAK) >= WEAK]
    if weak and (whole := kept_whole()):
        again = Search(whole, answers, weak, tolerance)
        again.run_singles()
        for index in weak:
            search.found[index] += again.found[index]
    one_path.name(search)
    search.run_forwards()
    one_unknown.name(search)
    if pairs:
        partly.name(search)
        two_changes.name(search)
    return search.result()


def _graphs(
    forward: Callable[..., Any],
    samples: Sequence[Sample],
    names: Sequence[str],
    wanted: Sequence[int],
    through_no_grad: bool,
    whole: Collection[str] = (),
) -> list[Traced]:
    """The graph of each problem; none where one cannot be traced or does not give the right gradients.

    Nor where operations shall be kept whole and there is none.
    """
    problems = []
    sizes = shape_sizes([sample.arguments for sample in samples], names)
    asked = [names[index] for index in wanted]
    try:
        for sample, lengths in zip(samples, sizes, strict=True):
            problem = traced(
                forward, sample.arguments, names, sample.upstream, tuple(wanted), lengths, through_no_grad, whole
            )
            if whole and not any(step.op in whole for step in problem.graph.steps):
                return []
            if not _is_right(problem, sample, asked):
                return []
            problems.append(problem)
        _count_terms(problems)
    except FAILURES:
        return []
    return problems


def _count_terms(problems: Sequence[Traced]) -> None:
    """Adds how many terms each sum or mean takes together to the sizes that a factor may hold."""
    known = {tuple(problem.sizes[label] for problem in problems) for label in problems[0].sizes}
    for step in problems[0].graph.steps:
        if step.op not in ("sum", "mean") or step.index not in problems[0].relevant:
            continue
        same = [[s for s in problem.graph.steps if s.key == step.key] for problem in problems]
        if not all(same):
            continue
        counts = tuple(count(local(steps[0], 0, None)) for steps in same)
        if counts in known or len(set(counts)) == 1 or len(known) >= MOST_SIZES + 2:
            continue
        known.add(counts)
        for problem, terms in zip(problems, counts, strict=True):
            problem.sizes[TERMS + english(said(called(step)))] = terms


def _zero(name: str, others: Mapping[str, NamedMistake]) -> NamedMistake:
    """Zero everywhere: a path that another answer lacks is the likely reason, and is told."""
    cut = [mistake for mistake in others.values() if mistake.kind == "path"]
    places = cut[0].places if cut else ()
    says = Phrase(N_("it is zero everywhere: no path back to it is followed"))
    if cut:
        with_reason = N_("it is zero everywhere: no path back to it is followed ({reason})")
        says = phrase(with_reason, reason=cut[0].told)
    return NamedMistake(name, "path", says, places, 1.0)


def _is_right(problem: Traced, sample: Sample, names: Sequence[str]) -> bool:
    found = problem.answers({})
    return all(_agree(mine, sample.expected[name], AGREES) for mine, name in zip(found, names, strict=True))


def _agree(given: Tensor, right: Tensor, tolerance: float) -> bool:
    if given.shape != right.shape:
        return False
    if not given.numel():
        return True
    return bool((given - right).abs().max() <= tolerance * right.abs().max() + 1e-12)


def shape_sizes(calls: Sequence[Sequence[Any]], names: Sequence[str]) -> list[dict[str, int]]:
    """The dimensions of the arguments by name, for each call; of dimensions that are always equal, the first."""
    columns: dict[tuple[int, ...], str] = {}
    for position, name in enumerate(names):
        values = [arguments[position] for arguments in calls]
        if not all(torch.is_tensor(value) for value in values):
            continue
        ranks = [value.dim() for value in values]
        for axis in range(min(ranks)) if len(set(ranks)) == 1 else range(-min(ranks), 0):
            columns.setdefault(tuple(value.shape[axis] for value in values), f"{name}.shape[{axis}]")
        columns.setdefault(tuple(value.numel() for value in values), f"{name}.numel()")
    told = [(label, lengths) for lengths, label in columns.items() if min(lengths) > 0 and set(lengths) != {1}]
    return [{label: lengths[k] for label, lengths in told[:MOST_SIZES]} for k in range(len(calls))]


def _chosen(place: int, found: Mapping[int, Sequence[Found]]) -> Found:
    """The cheapest; of those nearly as cheap, the one that explains most of the other answers too."""
    best = found[place][0].cost
    near = [candidate for candidate in found[place] if candidate.cost <= best + AS_CHEAP]

    def shared(candidate: Found) -> int:
        return sum(any(other.changes == candidate.changes for other in others) for others in found.values())

    return min(near, key=lambda candidate: (-shared(candidate), candidate.cost))


def _named(name: str, best: Found, candidates: Sequence[Found]) -> NamedMistake:
    others = [
        candidate
        for candidate in candidates
        if candidate is not best and abs(candidate.cost - best.cost) < 1e-6 and _places(candidate) != _places(best)
    ]
    alternatives = tuple(dict.fromkeys(_says(other) for other in others))[:2]
    kinds = "+".join(dict.fromkeys("factor" if best.share else change.kind for change in best.changes)) or "factor"
    return NamedMistake(name, kinds, _says(best), _places(best), best.cost, alternatives, best.factor)


def _places(found: Found) -> tuple[str, ...]:
    return tuple(dict.fromkeys(change.place for change in found.changes if change.place))


def _says(found: Found) -> Phrase:
    factor = found.factor.said
    if not found.changes:
        return phrase(N_("it is {factor} times the right gradient"), factor=factor)
    if found.share is not None:
        text = phrase(N_("{path} is multiplied by {share}"), path=_path(found.changes[0]), share=found.share.said)
    else:
        first, *more = (_as_phrase(change.says) for change in found.changes)
        text = reduce(lambda one, other: phrase(N_("{one}, and {other}"), one=one, other=other), more, first)
    if found.factor == ONE:
        return text
    return phrase(N_("{change}; besides it is {factor} times that"), change=text, factor=factor)


def _path(change: Change | ForwardChange) -> Words:
    """What the path is called that a change does not follow."""
    if isinstance(change, Change) and change.path:
        return change.path
    through = change.through if isinstance(change, Change) and change.through else change.says
    return phrase(N_("the path through {value}"), value=through)


def _as_phrase(says: Words) -> Phrase:
    return says if isinstance(says, Phrase) else Phrase(says)
