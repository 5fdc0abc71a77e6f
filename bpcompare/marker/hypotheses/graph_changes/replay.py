"""Changes of the forward itself: the steps calculated again with another operand, a constant or a step left out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes import variants
from bpcompare.marker.hypotheses.graph_changes.sentences import axes_listed, called, where
from bpcompare.marker.hypotheses.graph_changes.size_factor import in_words
from bpcompare.marker.hypotheses.graph_changes.steps import Graph, Step, with_values
from bpcompare.marker.hypotheses.graph_changes.walk import Traced
from bpcompare.marker.phrases import Phrase, Words, phrase

COST = 2.6
Edit = Callable[[Traced, Step], tuple[Any, ...] | None]  # the step's new arguments; None where it cannot be


@dataclass(frozen=True, eq=False)
class ForwardChange:
    """One step of the forward with other arguments, wherever its place is reached."""

    key: Any
    edit: Edit
    says: Words
    cost: float
    place: str
    kind: str = "forward"
    function: Callable[..., Any] | None = None
    calculates: Words = ""  # what is said where the function itself is known to calculate so

    def answers(self, problem: Traced) -> list[Tensor] | None:
        """The gradients of the forward that is changed so."""
        graph = _replayed(problem, self)
        if graph is None:
            return None
        return Traced(graph, problem.upstream, problem.wanted, problem.sizes).true_answers()

    def outputs(self, problem: Traced) -> list[Tensor] | None:
        """What the changed forward gives."""
        graph = _replayed(problem, self)
        return None if graph is None else [output.value for output in graph.outputs]


def _replayed(problem: Traced, change: ForwardChange) -> Graph | None:
    new: dict[int, Step] = {}
    changed = False
    for step in problem.graph.steps:
        args, function = step.args, step.function
        if step.key == change.key and step.op == "input":
            edited = change.edit(problem, step)
            if edited is None:
                return None
            new[step.index] = replace(step, value=edited[0])
            changed = True
            continue
        if step.key == change.key and step.function is not None:
            edited = change.edit(problem, step)
            if edited is None:
                return None
            args, changed = edited, True
            function = change.function or function
        args = with_values(args, lambda operand: new[operand.index])
        if function is None or (
            function is step.function and all(new[o.index] is o for o in step.operands) and args == step.args
        ):
            new[step.index] = step
            continue
        kwargs = {name: with_values(value, lambda operand: new[operand.index]) for name, value in step.kwargs.items()}
        try:
            value = function(
                *with_values(args, lambda operand: operand.value),
                **{name: with_values(item, lambda operand: operand.value) for name, item in kwargs.items()},
            )
        except (RuntimeError, IndexError):
            return None
        if isinstance(value, Tensor) and isinstance(step.value, Tensor) and value.shape != step.value.shape:
            return None
        op = step.op if function is step.function else "other"  # which the rule of the operation does not fit
        new[step.index] = Step(
            step.index, op, function, args, kwargs, value, step.places, step.graded, sources=step.sources
        )
    if not changed:
        return None
    steps = [new[step.index] for step in problem.graph.steps]
    inputs = [None if step is None else new[step.index] for step in problem.graph.inputs]
    return Graph(steps, inputs, [new[step.index] for step in problem.graph.outputs])


def all_changes(problem: Traced) -> Iterator[ForwardChange]:
    """Constants left out, steps left out, operands replaced by others of the same shape."""
    yield from _inputs(problem)
    seen = set()
    for step in problem.graph.steps:
        if step.index not in problem.relevant or step.function is None or step.key in seen:
            continue
        seen.add(step.key)
        yield from _constants(problem, step)
        for words, function in variants.of_step(step):
            told = {"step": called(step), "what": words}
            says = phrase(N_("the backward is not that of {step}: {what}"), **told)
            calculates = phrase(N_("the function does not calculate {step}: {what}"), **told)
            yield ForwardChange(step.key, _as_it_is, says, COST - 0.6, where(step), "operand", function, calculates)
        yield from _operands(problem, step)


def _inputs(problem: Traced) -> Iterator["ForwardChange"]:
    """An input with its axes in another order, or its sign lost: a kernel flipped, a matrix transposed."""
    for step in problem.graph.inputs:
        if step is None or not step.value.is_floating_point() or not step.value.dim():
            continue
        axes: list[tuple[int, ...]] = [(axis,) for axis in range(step.value.dim())]
        axes += [(axis, axis + 1) for axis in range(step.value.dim() - 1)]
        value = called(step)
        flipped = N_("a forward in which {value} is flipped along {axes}")
        edits = {phrase(flipped, value=value, axes=axes_listed(chosen)): _flipped(chosen) for chosen in axes}
        edits[phrase(N_("a forward in which {value} is negative"), value=value)] = lambda problem, at: (-at.value,)
        if step.value.dim() > 1 and step.value.shape[-1] == step.value.shape[-2]:
            edits[phrase(N_("a forward in which {value} is transposed"), value=value)] = _transposed
        for other, edit in edits.items():
            yield _other(step, edit, other, COST, "input")


def _other(step: Step, edit: Edit, forward: Phrase, cost: float, kind: str = "forward") -> ForwardChange:
    """A step of the forward with other arguments; ``forward`` says what forward that is."""
    says = phrase(N_("the backward belongs to {forward}"), forward=forward)
    calculates = phrase(N_("the function calculates {forward}"), forward=forward)
    return ForwardChange(step.key, edit, says, cost, where(step), kind, calculates=calculates)


def _flipped(axes: tuple[int, ...]) -> Edit:
    return lambda problem, step: (step.value.flip(axes),) if step.value.dim() > max(axes) else None


def _transposed(problem: Traced, step: Step) -> tuple[Any, ...] | None:
    value = step.value
    square = value.dim() > 1 and value.shape[-1] == value.shape[-2]
    return (value.transpose(-2, -1),) if square else None


def _as_it_is(problem: Traced, step: Step) -> tuple[Any, ...]:
    return step.args


def _constants(problem: Traced, step: Step) -> Iterator[ForwardChange]:
    if step.op not in ("add", "sub", "mul", "div", "pow") or len(step.args) < 2:
        return
    for position in (0, 1):
        value = step.args[position]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            neutral = 0 if step.op in ("add", "sub") else 1

            def edit(problem: Traced, at: Step, position: int = position, neutral: int = neutral) -> tuple[Any, ...]:
                return (*at.args[:position], neutral, *at.args[position + 1 :])

            lacks = N_("a forward without the constant {number:g} of {step}")
            yield _other(step, edit, phrase(lacks, number=value, step=called(step)), COST - 0.4)
            if step.op in ("mul", "div"):
                yield from _other_sizes(problem, step, position)


def _other_sizes(problem: Traced, step: Step, position: int) -> Iterator[ForwardChange]:
    """A constant made of the wrong size: 1/√T for 1/√d."""
    for label in problem.sizes:
        for power, words in POWERS.items():
            size = phrase(words, size=in_words(label))
            other = phrase(N_("a forward with {size} for the constant in {step}"), size=size, step=called(step))
            yield _other(step, _with_size(position, label, power), other, COST)


POWERS = {-1.0: "1/({size})", -0.5: "1/√({size})", 0.5: "√({size})", 1.0: "{size}"}


def _with_size(position: int, label: str, power: float) -> Edit:
    def edit(problem: Traced, at: Step) -> tuple[Any, ...]:
        return (*at.args[:position], problem.sizes[label] ** power, *at.args[position + 1 :])

    return edit


def _operands(problem: Traced, step: Step) -> Iterator[ForwardChange]:
    earlier = [
        s for s in problem.graph.steps[: step.index] if isinstance(s.value, Tensor) and s.value.is_floating_point()
    ]
    for position, operand in enumerate(step.args):
        if not isinstance(operand, Step) or not isinstance(operand.value, Tensor):
            continue
        for other in earlier:
            if other is operand or other.value.shape != operand.value.shape or not other.value.dim():
                continue

            def edit(
                problem: Traced, at: Step, position: int = position, key: Any = other.key
            ) -> tuple[Any, ...] | None:
                found = [s for s in problem.graph.steps[: at.index] if s.key == key]
                if not found:
                    return None
                return (*at.args[:position], found[-1], *at.args[position + 1 :])

            stands = N_("a forward in which {other} stands for {operand} in {step}")
            names = {"other": called(other), "operand": called(operand), "step": called(step)}
            yield _other(step, edit, phrase(stands, **names), COST)
