"""Marks a learner's gradients of an expression, and names the smallest mistake that gives what they wrote."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from bpcompare.errors import ExpressionError, did_you_mean
from bpcompare.graph.changes import NOT_FOLLOWED, Change, ChangedGraph, pairs_of, single_changes
from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node
from bpcompare.graph.notation import TEXT
from bpcompare.graph.operations import Array
from bpcompare.graph.paths import Path, paths_of
from bpcompare.graph.scripts import on_the_line
from bpcompare.graph.writer import Use
from bpcompare.language import N_, _, listed

SAME = 1e-6  # relative; an answer of single precision, or with the six digits that are printed
FEWEST_DIGITS = 3  # of an answer that counts as rounded to what is written
MOST_NAMED = 3  # mistakes that explain the same answer
NEARBY = 3  # other values at which two changes are compared
MAX_STEPS = 200  # of a graph whose changes are tried


@dataclass(frozen=True)
class MarkedAnswer:
    """One gradient of a learner.

    Args:
        name: By what was differentiated.
        yours: What was answered.
        right: What is right.
        passed: Whether the two are the same, to the digits that were written.
        mistakes: The smallest mistakes that give exactly this answer; empty where there is none such.
        hint: How the right value comes about.
        forgotten: The edges of the graph that were not followed.
    """

    name: str
    yours: Array
    right: Array
    passed: bool
    mistakes: tuple[str, ...] = ()
    hint: str = ""
    forgotten: tuple[Use, ...] = ()

    def lines(self, hint: bool = False) -> list[str]:
        """The verdict, and with ``hint`` how the right value comes about."""
        yours = TEXT.number(self.yours)
        if self.passed:
            return [_("{name}: {yours} is right", name=self.name, yours=yours)]
        right = TEXT.number(self.right)
        found = listed(self.mistakes, N_(" – or ")) or _("no small mistake gives this answer")
        nothing = not self.mistakes
        return [
            _("{name}: {yours} is wrong, {right} is right", name=self.name, yours=yours, right=right),
            f"  {found}",
            *([f"  {self.hint}"] if self.hint and (hint or nothing) else []),
        ]


@dataclass(frozen=True)
class Marking:
    """What `Derivation.mark` finds: an answer after the other, from the output on.

    Args:
        output: What was differentiated.
        answers: The answers.
    """

    output: str
    answers: tuple[MarkedAnswer, ...]

    @property
    def passed(self) -> bool:
        """Whether every answer is right."""
        return all(answer.passed for answer in self.answers)

    @property
    def forgotten(self) -> tuple[Use, ...]:
        """The edges of the graph that were not followed."""
        return tuple(use for answer in self.answers for use in answer.forgotten)

    def to_text(self, hint: bool = False) -> str:
        """The verdicts for a terminal; with ``hint``, how each right value comes about."""
        lines = [f"∂{self.output}/∂{line}" for answer in self.answers for line in answer.lines(hint)[:1]]
        return "\n".join("\n".join([f, *a.lines(hint)[1:]]) for f, a in zip(lines, self.answers, strict=True)) + "\n"

    def to_dict(self) -> list[dict[str, Any]]:
        """The same for JSON."""
        return [
            {
                **{"name": answer.name, "yours": answer.yours.tolist(), "right": answer.right.tolist()},
                **{"passed": answer.passed, "mistakes": list(answer.mistakes), "hint": answer.hint},
            }
            for answer in self.answers
        ]

    def __str__(self) -> str:
        return self.to_text().rstrip()

    def __repr__(self) -> str:
        right = sum(answer.passed for answer in self.answers)
        return f"<Marking of ∂{self.output}: {right} of {len(self.answers)} right>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.to_text(hint=True))}</pre>"


def mark(graph: Graph, gradients: Mapping[Node, Array], answers: Mapping[str, Any]) -> Marking:
    """Marks ``answers``, gradients of the output by inputs or steps.

    An answer is right when the right value rounds to it, to the digits that are written (at least three), or differs by
    less than 10⁻⁶ of it.

    Raises:
        ExpressionError: A name is not in the graph, or an answer is no number or array of numbers.

    Example:
        >>> from bpcompare.graph.expression import build
        >>> from bpcompare.graph.node import backward
        >>> graph = build("a = x**2; z = a + 3*x; z**2", {"x": 5})
        >>> print(mark(graph, backward(graph.output), {"x": 800}))
        ∂f/∂x: 800 is wrong, 1040 is right
          the path x → 3·x → z is not followed
    """
    given = _checked(graph, answers)
    return Marking(graph.output.name, tuple(_Marker(graph, gradients, given).marked()))


def _checked(graph: Graph, answers: Mapping[str, Any]) -> dict[Node, Array]:
    known = {node.name: node for node in graph.nodes}
    on_line = {on_the_line(name): node for name, node in known.items()}
    found: dict[Node, Array] = {}
    for name, answer in answers.items():
        if name not in known and name not in on_line:
            hint = did_you_mean(str(name), known) or _("choose from {known}", known=listed(known))
            raise ExpressionError(_("there is no step {name!r:.40} to have a gradient; {hint}", name=name, hint=hint))
        try:
            array = np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
            # Through text: what is written 0.1 in single precision is 0.1 in double, not 0.10000000149.
            array = array.astype(str).astype(np.float64) if array.dtype.kind in "uif" else np.asarray(np.nan)
        except (TypeError, ValueError, OverflowError):
            array = np.asarray(np.nan)
        if not (array.size and np.isfinite(array).all()):
            raise ExpressionError(
                _(
                    "the answer for {name} must be a finite number or an array of such; got {answer!r:.60}",
                    name=name,
                    answer=answer,
                )
            )
        found[known.get(name) or on_line[name]] = array
    if not found:
        raise ExpressionError(_("no answer was given; give one such as {name}=2", name=graph.inputs[0].name))
    return {node: found[node] for node in reversed(graph.nodes) if node in found}


def agrees(answer: Array, value: Array) -> bool:
    """Whether ``value`` is ``answer``, to the digits in which the answer is written.

    Example:
        >>> agrees(np.array(0.186), np.array(0.18583)), agrees(np.array(0.2), np.array(0.18583))
        (True, False)
    """
    if answer.size == value.size == 1:
        answer = answer.reshape(value.shape)
    if answer.shape != value.shape or not np.isfinite(value).all():
        return False
    noise = SAME * float(np.max(np.abs(value)))
    return all(
        abs(a - v) <= max(noise if a != round(a) or v != round(v) else 0.0, _half_a_unit(a))
        for a, v in zip(np.ravel(answer).tolist(), np.ravel(value).tolist(), strict=True)
    )


def _half_a_unit(answer: float) -> float:
    """Half a unit in the last digit that is written behind the point."""
    written = Decimal(repr(answer)).normalize().as_tuple()
    exponent = int(written.exponent)
    return 0.5 * 10.0**exponent * (1 + 1e-9) if exponent < 0 and len(written.digits) >= FEWEST_DIGITS else 0.0


class _Marker:
    def __init__(self, graph: Graph, gradients: Mapping[Node, Array], answers: dict[Node, Array]) -> None:
        self.graph, self.gradients, self.answers = graph, gradients, answers
        self.wrong = [node for node, answer in answers.items() if not agrees(answer, gradients[node])]

    @cached_property
    def here(self) -> ChangedGraph:
        return ChangedGraph(self.graph)

    @cached_property
    def nearby(self) -> list[ChangedGraph]:
        return [self.here.nearby(seed) for seed in range(NEARBY)]

    @cached_property
    def singles(self) -> list[tuple[Change, dict[Node, Array]]]:
        if len(self.graph.nodes) > MAX_STEPS:
            return []
        return self.tried(single_changes(self.graph, set(self.wrong)))

    def tried(self, changes: Iterable[Change]) -> list[tuple[Change, dict[Node, Array]]]:
        """The changes with their gradients."""
        with np.errstate(all="ignore"):
            both = ((change, self.here.gradients(change)) for change in changes)
            return [(change, found) for change, found in both if found is not None]

    def marked(self) -> Iterable[MarkedAnswer]:
        for node, answer in self.answers.items():
            right = np.asarray(self.gradients[node])
            if node not in self.wrong:
                yield MarkedAnswer(node.name, answer, right, True)
                continue
            paths = paths_of(self.graph, self.gradients, node) if node is not self.graph.output else []
            if follows := self.follows(node, answer):
                yield MarkedAnswer(node.name, answer, right, False, (follows,), _shares(paths, right))
                continue
            changes = self.explanations(node, answer)
            named = [_named(change, paths, node) for change in changes] or self.of_the_whole(node, answer, right)
            forgotten = changes[0].forgotten if changes else ()
            hint = _alone(answer, right, paths, changes[0] if changes else None) or _shares(paths, right)
            yield MarkedAnswer(node.name, answer, right, False, tuple(dict.fromkeys(named)), hint, forgotten)

    def follows(self, node: Node, answer: Array) -> str:
        """Whether the answer follows from wrong answers further up."""
        upstream = {
            other: self.answers[other]
            for other in self.wrong
            if other is not node and other.operation and self.answers[other].shape == other.value.shape
        }
        found = self.here.gradients(fixed=upstream) if upstream else None
        if not found or node not in found or not agrees(answer, found[node]):
            return ""
        reached = [
            other
            for other in upstream
            if (alone := self.here.gradients(fixed={other: upstream[other]}))
            and not agrees(np.asarray(alone[node]), np.asarray(self.gradients[node]))
        ]
        names = listed((f"∂{self.graph.output.name}/∂{other.name}" for other in reached), N_(" and "))
        return _("it follows from your {names}; this step is right", names=names) if reached else ""

    def explanations(self, node: Node, answer: Array) -> list[Change]:
        """The smallest changes that give exactly this answer, and of these the ones that the other answers bear out."""
        fits = [(c, g) for c, g in self.singles if agrees(answer, self.of(node, g))]
        if not fits and self.singles:
            changes = [change for change, found in self.singles if self.moves(node, found)]
            fits = [(c, g) for c, g in self.tried(pairs_of(changes)) if agrees(answer, self.of(node, g))]

        def disagreements(found: dict[Node, Array]) -> int:
            return sum(not agrees(a, self.of(other, found)) for other, a in self.answers.items())

        ranked = sorted(fits, key=lambda fit: (disagreements(fit[1]), fit[0].cost))
        if not ranked:
            return []
        best = disagreements(ranked[0][1])
        return self.apart(node, [c for c, g in ranked if disagreements(g) == best])[:MOST_NAMED]

    def of(self, node: Node, found: dict[Node, Array]) -> Array:
        return np.asarray(found.get(node, np.zeros(node.value.shape)))

    def moves(self, node: Node, found: dict[Node, Array]) -> bool:
        return not np.array_equal(self.of(node, found), self.gradients[node])

    def apart(self, node: Node, changes: list[Change]) -> list[Change]:
        """The cheapest of those that are the same mistake: they agree at other values, too."""
        seen: list[list[Array]] = []
        kept = []
        with np.errstate(all="ignore"):
            for change in changes[:50]:
                found = [there.gradients(change) for there in self.nearby]
                values = [self.of(node, g) if g is not None else np.asarray(np.nan) for g in found]
                if not any(
                    all(
                        np.allclose(a, b, rtol=1e-9, equal_nan=True)
                        for a, b in zip(values, other, strict=True)
                        if a.shape == b.shape
                    )
                    for other in seen
                ):
                    seen.append(values)
                    kept.append(change)
        return kept

    def of_the_whole(self, node: Node, answer: Array, right: Array) -> list[str]:
        """What can be said where no change of the graph gives the answer: its shape, its sign, one factor for all."""
        if answer.shape != right.shape and answer.size > 1:
            if answer.T.shape == right.shape and agrees(answer.T, right):
                return [_("it is the transpose of the right one")]
            summed = answer.sum(axis=0)
            if agrees(summed, right) or agrees(np.asarray(answer.sum()), right):
                return [_("{name} was broadcast, and the sum over its copies is not taken", name=node.name)]
            message = N_("the shape is {shape}; that of {name} is {right}")
            return [_(message, shape=answer.shape, name=node.name, right=right.shape)]
        if (
            answer.shape == right.shape
            and right.ndim == 2
            and right.shape[0] == right.shape[1]
            and agrees(answer.T, right)
        ):
            return [_("it is the transpose of the right one")]
        if agrees(-answer, right):
            return [_("the sign is wrong")]
        if answer.shape == right.shape and (right != 0).any():
            ratios = answer[right != 0] / right[right != 0]
            sizes = {2.0: "2", 0.5: "½"} | {
                k: f"{n}" for n in {x.value.size for x in self.graph.nodes} if n > 1 for k in (float(n), 1 / n)
            }
            if np.ptp(ratios) < SAME * abs(ratios[0]) and not (answer[right == 0]).any():
                for factor in sizes:
                    if abs(ratios[0] - factor) < SAME * factor:
                        return [_("it is {factor} times the right one", factor=TEXT.number(np.asarray(factor)))]
        return []


def _named(change: Change, paths: list[Path], node: Node) -> str:
    """The change in a sentence; a path that is not followed by all its steps."""
    if change.kind == NOT_FOLLOWED and (missing := [path for path in paths if set(path.uses) & set(change.forgotten)]):
        names = listed(missing, N_(" and "))
        one, many = N_("the path {names} is not followed"), N_("the paths {names} are not followed")
        return _(one if len(missing) == 1 else many, names=names)
    return str(change)


def _alone(answer: Array, right: Array, paths: list[Path], change: Change | None) -> str:
    """64 is the path x → z1 alone; the path x → z2 adds 16; 64 + 16 = 80."""
    if change is None or change.kind != NOT_FOLLOWED:
        return ""
    missing = [path for path in paths if set(path.uses) & set(change.forgotten)]
    kept = [path for path in paths if path not in missing]
    if not missing or not kept:
        return ""
    number, bracketed = TEXT.number, TEXT.bracketed
    yours = number(np.asarray(sum(path.share for path in kept)))
    one, many = N_("{yours} is the path {names} alone"), N_("{yours} is the paths {names} alone")
    start = _(one if len(kept) == 1 else many, yours=yours, names=listed(kept, N_(" and ")))
    adds = [_("the path {path} adds {share}", path=path, share=number(path.share)) for path in missing]
    total = " + ".join([yours, *(bracketed(path.share) for path in missing)])
    return listed([start, *adds, f"{total} {_equal(right, [w.share for w in paths])} {number(right)}"], N_("; "))


def _shares(paths: list[Path], right: Array) -> str:
    """What each path gives, and their sum."""
    if not paths:
        return ""
    gives = [_("the path {path} gives {share}", path=path, share=TEXT.number(path.share)) for path in paths]
    if len(paths) == 1:
        return gives[0]
    first, *rest = (path.share for path in paths)
    total = " + ".join([TEXT.number(first), *map(TEXT.bracketed, rest)])
    return listed([*gives, f"{total} {_equal(right, [w.share for w in paths])} {TEXT.number(right)}"], N_("; "))


def _equal(right: Array, shares: list[Array]) -> str:
    return "=" if all(TEXT.value(np.asarray(part))[1] for part in [right, *shares]) else "≈"
