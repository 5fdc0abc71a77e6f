"""Wrong gradients as right gradients of a slightly changed graph: every small change, cheapest first.

A mistake in a derivation by hand is a path not followed, a local derivative left out or replaced, an operand swapped, a
sum not taken. Each is one change of the graph, and the gradient of the changed graph is what the learner wrote.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from string import Template

import numpy as np

from bpcompare.graph.expression import Graph
from bpcompare.graph.node import Node, unbroadcast
from bpcompare.graph.notation import TEXT
from bpcompare.graph.operation import Array, Partial
from bpcompare.graph.paths import written
from bpcompare.graph.writer import Use, uses
from bpcompare.graph.wrong_derivatives import wrong_partials
from bpcompare.language import N_, _, english, message

NOT_FOLLOWED, LEFT_OUT, REPLACED, SIGN_LOST, SIGN, NOT_UNDONE, OPERAND, ONLY_LOCAL = (
    *("path not followed", "local derivative left out", "local derivative replaced", "sign lost", "sign too many"),
    *("sum over the copies not taken", "another operand", "upstream gradient ignored"),
)
COSTS = {NOT_FOLLOWED: 1, LEFT_OUT: 2, REPLACED: 3, SIGN_LOST: 3, SIGN: 4, NOT_UNDONE: 4, OPERAND: 4, ONLY_LOCAL: 5}
IN_PAIRS = (NOT_FOLLOWED, LEFT_OUT, REPLACED, SIGN_LOST, SIGN)
MAX_PAIRS = 6_000
ZERO = Partial(lambda g, o, *arguments: g * 0, "0", "")


@dataclass(frozen=True)
class Change:
    """A small change of the graph: other derivatives at some uses.

    Args:
        kind: What was done.
        partials: The derivative that was taken in place of the right one, use by use.
        at: The step at which a derivation began, where the upstream gradient was ignored.
    """

    kind: str
    partials: tuple[tuple[Use, Partial], ...]
    at: Node | None = None

    @property
    def cost(self) -> int:
        """How large it is; of two that explain the same, the smaller is believed."""
        return COSTS.get(self.kind, 0) or sum(COSTS[kind] for kind in self.kind.split(" and ")) + 4

    @property
    def forgotten(self) -> tuple[Use, ...]:
        """The uses that were not followed."""
        return tuple(use for use, partial in self.partials if partial is ZERO)

    def __str__(self) -> str:
        if self.kind == ONLY_LOCAL and self.at:
            return _("the derivation stops at {step}: what arrives there is not multiplied in", step=written(self.at))
        told = dict.fromkeys(_told(use, partial) for use, partial in self.partials)
        return functools.reduce(lambda first, second: _("{first} and {second}", first=first, second=second), told)


def _told(use: Use, partial: Partial) -> str:
    place = TEXT.derivative(use.consumer, use.node, use.number)
    if partial is ZERO:
        return _("the path {start} → {end} is not followed", start=written(use.node), end=written(use.consumer))
    arrives = _("what arrives")
    right = message(
        TEXT.formula(use.partial, use.consumer, gradient=arrives),
        TEXT.formula(use.partial, use.consumer, gradient=english(arrives)),
    )
    if partial.text == "left out":
        return _("{derivative} = {right} is left out", derivative=place, right=right)
    return _("{derivative} is {right}, not {wrong}", derivative=place, right=right, wrong=_formula(use, partial.text))


def _formula(use: Use, text: str) -> str:
    """A formula of ``wrong_derivatives`` with the names of the step put in."""
    names = dict(zip("abc", (TEXT.symbol(parent) for parent in use.consumer.parents), strict=False))
    names |= {"out": use.consumer.name, "n": str(use.consumer.parents[0].value.size)}
    words = {"grad": _("what arrives"), "rows": _("number of rows"), "columns": _("number of columns")}
    words |= {"gradient": _("gradient"), "copies": str(use.consumer.value.size // use.node.value.size)}
    return message(
        Template(_(text)).safe_substitute(names, **words), Template(text).safe_substitute(names, **english(words))
    )


def single_changes(graph: Graph, wanted: set[Node]) -> list[Change]:
    """Every single change that can reach one of the nodes ``wanted``.

    Example:
        >>> from bpcompare.graph.expression import build
        >>> graph = build("x**2", {"x": 3})
        >>> [change.kind for change in single_changes(graph, set(graph.inputs))][:2]
        ['path not followed', 'local derivative left out']
    """
    found = []
    above = set(wanted)
    for node in graph.nodes:
        if any(parent in above for parent in node.parents):
            above.add(node)
    for node, its_uses in uses(graph).items():
        if node in above:
            for use in its_uses:
                found += [Change(NOT_FOLLOWED, ((use, ZERO),)), *_at(use)]
            if len(its_uses) > 2:
                found += [Change(NOT_FOLLOWED, tuple((u, ZERO) for u in its_uses if u is not use)) for use in its_uses]
        if node.operation and node is not graph.output and node in above:
            found.append(Change(ONLY_LOCAL, (), node))
    return sorted(found, key=lambda change: change.cost)


def _at(use: Use) -> Iterator[Change]:
    right = use.partial.pull_back
    text = use.partial.text
    has_sign = text.startswith("−")
    negated = text[1:] if has_sign else f"−{text}" if re.fullmatch(r"\$?\w+", text) else f"−({text})"
    yield Change(LEFT_OUT, ((use, Partial(lambda g, o, *rest: g * np.ones(use.node.value.shape), "left out", "")),))
    for partial in wrong_partials(use.consumer.operation, use.number_of_argument) if use.consumer.operation else ():
        yield Change(REPLACED, ((use, partial),))
    yield Change(
        SIGN_LOST if has_sign else SIGN, ((use, Partial(lambda g, o, *rest: -right(g, o, *rest), negated, "")),)
    )
    if not use.has_rule and len(use.consumer.parents) == 1:
        yield Change(REPLACED, ((use, Partial(lambda g, o, *rest: g * o, "$out", "")),))
    copies = use.consumer.value.size // use.node.value.size
    if copies > 1 and not use.has_rule:
        shape = use.node.value.shape
        mean = Partial(
            lambda g, o, *rest: unbroadcast(np.asarray(right(g, o, *rest)), shape) / copies,
            N_("the mean over the $copies copies, in place of their sum"),
            "",
        )
        yield Change(NOT_UNDONE, ((use, mean),))
    yield from _other_operands(use)


def _other_operands(use: Use) -> Iterator[Change]:
    """The right formula at the wrong value: z for σ(z), x for x²; or the operand transposed."""
    right, consumer, formula = use.partial.pull_back, use.consumer, _with_output(use)
    places = [consumer, *consumer.parents]
    names = ["out", *"abc"]
    for place, operand in enumerate(places):
        if f"${names[place]}" not in formula:
            continue
        others = [consumer, *consumer.parents, *operand.parents, *(g for p in consumer.parents for g in p.parents)]
        for other in dict.fromkeys(others):
            if other is operand or other.value.shape != operand.value.shape:
                continue
            text = formula.replace(f"${names[place]}", TEXT.symbol(other))
            yield Change(OPERAND, ((use, replace(use.partial, pull_back=AtOther(right, place, other), text=text)),))


def _with_output(use: Use) -> str:
    """The derivative's formula, with ``$out`` where the operation itself stands in it: 1 − tanh($a)² is 1 − $out²."""
    whole = use.consumer.operation.text if use.consumer.operation else ""
    no_power = "" if whole.endswith(")") else "(?![²³⁻])"  # $a/$b² has no $a/$b in it
    return re.sub(re.escape(whole) + no_power, "$out", use.partial.text)


class AtOther:
    """A pull back whose operand at one place is the value of another node."""

    def __init__(self, right: object, place: int, other: Node) -> None:
        self.right, self.place, self.other = right, place, other

    def at(self, values: Mapping[Node, Array]) -> object:
        """The pull back where the nodes have these values."""

        def pull_back(g: Array, *operands: Array) -> Array:
            changed = [*operands]
            changed[self.place] = values[self.other]
            result: Array = self.right(g, *changed)  # type: ignore[operator]
            return result

        return pull_back

    def __call__(self, g: Array, *operands: Array) -> Array:
        """Only what `at` gives can be called."""
        raise NotImplementedError


def pairs_of(changes: list[Change]) -> Iterator[Change]:
    """Two changes at once, at different places, the cheapest first."""
    small = [change for change in changes if change.kind in IN_PAIRS]
    both = itertools.combinations(small, 2)
    apart = ((a, b) for a, b in both if not {u for u, _ in a.partials} & {u for u, _ in b.partials})
    cheapest = sorted(apart, key=lambda pair: pair[0].cost + pair[1].cost)
    for a, b in cheapest[:MAX_PAIRS]:
        yield Change(f"{a.kind} and {b.kind}", a.partials + b.partials)
