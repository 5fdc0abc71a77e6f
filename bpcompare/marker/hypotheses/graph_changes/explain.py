"""Names what is wrong with gradients of any forward: the one entrance to the search."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import english
from bpcompare.marker.hypotheses.graph_changes import one_path, one_unknown, partly, replay, two_changes
from bpcompare.marker.hypotheses.graph_changes.local import count, local
from bpcompare.marker.hypotheses.graph_changes.named_mistake import NamedMistake, named, zero_everywhere
from bpcompare.marker.hypotheses.graph_changes.search import AS_CHEAP, Found, Progress, Search
from bpcompare.marker.hypotheses.graph_changes.sentences import called
from bpcompare.marker.hypotheses.graph_changes.size_factor import TERMS
from bpcompare.marker.hypotheses.graph_changes.trace import Untraceable
from bpcompare.marker.hypotheses.graph_changes.walk import Traced, traced
from bpcompare.marker.hypotheses.graph_changes.wrong_operations import WHOLE
from bpcompare.marker.phrases import said

MOST_SIZES = 6
WEAK = 1.9  # cost of an explanation from which on fused operations are tried whole, too
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
        names[wanted[place]]: named(names[wanted[place]], _chosen(place, found), candidates)
        for place, candidates in found.items()
        if candidates
    }
    return told | {name: zero_everywhere(name, told) for name in zero}


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
