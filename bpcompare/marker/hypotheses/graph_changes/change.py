"""What a change is: something that goes wrong at one or more places of a graph."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bpcompare.marker.hypotheses.graph_changes.local import Local
from bpcompare.marker.hypotheses.graph_changes.rules import contribution
from bpcompare.marker.hypotheses.graph_changes.sentences import where
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.hypotheses.graph_changes.walk import NODE, Act, Edge, Traced
from bpcompare.marker.phrases import Words

PATH, DERIVATIVE, REDUCTION, OPERAND, FACTOR, UPSTREAM = (
    "path",
    "derivative",
    "reduction",
    "operand",
    "factor",
    "upstream",
)
COST = {PATH: 1.0, DERIVATIVE: 1.3, REDUCTION: 1.4, OPERAND: 2.0, FACTOR: 2.2, UPSTREAM: 1.6}
MIXING = ("sum", "mean", "amax", "amin", "cumsum", "mm", "bmm", "mv")
MOVES = ("view", "_unsafe_view", "reshape", "squeeze", "unsqueeze", "expand", "clone", "alias", "getitem")


@dataclass(frozen=True)
class Site:
    """A place of the forward, found again in every problem.

    Attributes:
        key: The step's key.
        slot: The operand, or NODE for the gradient of the step itself.
        times: Which of the times that the place is reached: all, first, last, not first, not last.
    """

    key: Any
    slot: int
    times: str = "all"

    @property
    def op(self) -> str:
        """The operation."""
        return str(self.key[1] if len(self.key) == 3 else self.key[0])

    def edges(self, problem: Traced) -> list[Edge]:
        """Where it is in one problem."""
        steps = steps_by_key(problem).get(self.key, [])
        chosen = {
            "all": steps,
            "first": steps[:1],
            "last": steps[-1:],
            "not first": steps[1:],
            "not last": steps[:-1],
        }[self.times]
        return [(step.index, self.slot) for step in chosen]


@dataclass(frozen=True, eq=False)
class Change:
    """Something that goes wrong at one or more places.

    Attributes:
        kind: path, derivative, reduction, operand, factor or upstream.
        sites: Where.
        act: What reaches the operand (or what the step's gradient becomes); None for a path not followed.
        says: What is said of it.
        cost: How much has to go wrong.
        place: File, line and text of the step.
        what: What is said of it without the place, where it may hold at every step of one operation.
        path: What the path that is not followed is called, for a path.
        through: The value that is held constant, for a path that passes it.
    """

    kind: str
    sites: tuple[Site, ...]
    act: Act
    says: Words
    cost: float
    place: str
    what: Words = ""
    path: Words = ""
    through: Words = ""

    def at(self, problem: Traced) -> dict[Edge, list[Act]] | None:
        """The change in one problem; None where its places are not there."""
        found: dict[Edge, list[Act]] = {}
        for site in self.sites:
            edges = site.edges(problem)
            if not edges and site.times in ("all", "first", "last"):
                return None
            for edge in edges:
                found[edge] = [self.act]
        return found or None


def steps_by_key(problem: Traced) -> dict[Any, list[Step]]:
    """The steps of each place: more than one where a loop reaches it again."""
    if "by key" not in problem.cache:
        table: dict[Any, list[Step]] = {}
        for step in problem.graph.steps:
            table.setdefault(step.key, []).append(step)
        problem.cache["by key"] = table
    return problem.cache["by key"]  # type: ignore[no-any-return]


def one_change(
    kind: str, step: Step, slot: int, act: Act, says: Words, more: float = 0.0, times: str = "all"
) -> Change:
    """The change at one place."""
    sites = (Site(step.key, slot, times),)
    if kind == PATH and slot == NODE:  # of nodes in one chain, the one that a person has a name for
        more -= 0.04 * bool(step.name) + 0.02 * (step.op in MIXING)
    return Change(kind, sites, act, says, COST[kind] + more, where(step))


def steps_once(problem: Traced) -> list[Step]:
    """One step for each place."""
    found = []
    for steps in steps_by_key(problem).values():
        passed = [s for s in steps if s.index in problem.relevant and problem.gradients.get(s.index) is not None]
        if passed:
            found.append(passed[-1])
    return found


def places(problem: Traced) -> list[tuple[Step, int]]:
    """One edge for each place."""
    seen, found = set(), []
    for step, slot in reversed(problem.edges()):
        if (step.key, slot) not in seen:
            seen.add((step.key, slot))
            found.append((step, slot))
    return found


def by_rule(rule: Callable[[Local], Any]) -> Act:
    """The operand gets what this rule gives instead of the right one."""
    return lambda problem, at: contribution(at, rule)
