"""What can go wrong at the steps of a graph: every change, with what is said of it and how much has to go wrong."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from bpcompare.marker.hypotheses.graph_changes import blocks
from bpcompare.marker.hypotheses.graph_changes.rules import RULES, Local, axes, contribution, local, sum_to
from bpcompare.marker.hypotheses.graph_changes.sentences import called, where
from bpcompare.marker.hypotheses.graph_changes.trace import Step
from bpcompare.marker.hypotheses.graph_changes.walk import CANCELLED, NODE, Act, Edge, Traced
from bpcompare.marker.hypotheses.graph_changes.wrong_derivatives import RARE, wrong_rules
from bpcompare.marker.hypotheses.graph_changes.wrong_operations import WHOLE

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
        steps = _by_key(problem).get(self.key, [])
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
    """

    kind: str
    sites: tuple[Site, ...]
    act: Act
    says: str
    cost: float
    place: str
    what: str = ""

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


def _by_key(problem: Traced) -> dict[Any, list[Step]]:
    if "by key" not in problem.cache:
        table: dict[Any, list[Step]] = {}
        for step in problem.graph.steps:
            table.setdefault(step.key, []).append(step)
        problem.cache["by key"] = table
    return problem.cache["by key"]  # type: ignore[no-any-return]


def _nothing(problem: Traced, at: Local) -> None:
    return None


def _change(kind: str, step: Step, slot: int, act: Act, says: str, more: float = 0.0, times: str = "all") -> Change:
    sites = _sites(step, slot, times)
    if kind == PATH and slot == NODE:  # of nodes in one chain, the one that a person has a name for
        more -= 0.04 * bool(step.name) + 0.02 * (step.op in MIXING)
    return Change(kind, sites, act, says, COST[kind] + more, where(step))


def _sites(step: Step, slot: int, times: str = "all") -> tuple[Site, ...]:
    return (Site(step.key, slot, times),)


def paths(problem: Traced) -> Iterator[Change]:
    """Edges and nodes held constant."""
    edges = list(_places(problem))
    uses: dict[int, list[tuple[Step, int]]] = {}
    for step, slot in edges:
        uses.setdefault(step.operands[slot].index, []).append((step, slot))
    for step, slot in edges:
        operand = step.operands[slot]
        if len(uses.get(operand.index, ())) > 1:
            says = f"the path from {called(operand)} into {called(step)} is not followed"
            yield _change(PATH, step, slot, _nothing, says)
    for step in _steps(problem):
        if step.op != "input" and step not in problem.graph.outputs and step.op not in MOVES:
            yield _change(
                PATH, step, NODE, _nothing, f"{called(step)} is held constant: the path through it is missing"
            )
    for index, consumers in uses.items():
        if len(consumers) < 2:
            continue
        for kept in consumers:
            sites = tuple(Site(step.key, slot) for step, slot in consumers if (step, slot) != kept)
            if Site(kept[0].key, kept[1]) in sites:
                continue
            operand = problem.graph.steps[index]
            says = f"of the {len(consumers)} uses of {called(operand)} only the one in {called(kept[0])} counts"
            yield Change(PATH, sites, _nothing, says, COST[PATH] + 0.2, where(kept[0]))
    yield from _kinds(problem)
    yield from _times(problem)


def _kinds(problem: Traced) -> Iterator[Change]:
    """All reductions of one kind, or of every kind, or of one line, held constant."""
    reductions = [step for step in _steps(problem) if step.op in MIXING[:4]]
    groups: dict[str, list[Step]] = {}
    for step in reductions:
        groups.setdefault(f"every {step.op}", []).append(step)
        if step.inner is not None:
            groups.setdefault(f"every mean and sum in {step.source and step.source.text}", []).append(step)
    groups["every mean and sum"] = reductions
    for label, steps in groups.items():
        sites = tuple(dict.fromkeys(Site(step.key, NODE) for step in steps))
        if len(sites) > 1:
            says = f"{label} is held constant ({', '.join(dict.fromkeys(called(step) for step in steps))})"
            yield Change(PATH, sites, _nothing, says, COST[PATH] + 0.1, where(steps[0]))


TIMES = {
    "not last": "the last time only counts of",
    "not first": "the first time only counts of",
    "last": "the last time is left out of",
    "first": "the first time is left out of",
}


def _times(problem: Traced) -> Iterator[Change]:
    """In a loop: the first or last time only."""
    for steps in _by_key(problem).values():
        step = steps[-1]
        if len(steps) < 2 or step.index not in problem.relevant:
            continue
        for slot, operand in enumerate(step.operands):
            if operand.index in problem.relevant:
                says = f"earlier times are not followed: {called(operand)} is held constant in {called(step)}"
                yield _change(PATH, step, slot, _nothing, says, -0.02)
                for times, words in (
                    ("not last", "the last"),
                    ("not first", "the first"),
                    ("last", "all but the last"),
                ):
                    says = f"{words} time only counts of {called(operand)} in {called(step)}"
                    if times == "last":
                        says = f"the last time is left out of {called(operand)} in {called(step)}"
                    yield _change(PATH, step, slot, _nothing, says, 0.2, times)


def _steps(problem: Traced) -> list[Step]:
    """One step for each place."""
    found = []
    for steps in _by_key(problem).values():
        passed = [s for s in steps if s.index in problem.relevant and problem.gradients.get(s.index) is not None]
        if passed:
            found.append(passed[-1])
    return found


def _places(problem: Traced) -> list[tuple[Step, int]]:
    """One edge for each place."""
    seen, found = set(), []
    for step, slot in reversed(problem.edges()):
        if (step.key, slot) not in seen:
            seen.add((step.key, slot))
            found.append((step, slot))
    return found


def _ruled(rule: Callable[[Local], Any]) -> Act:
    return lambda problem, at: contribution(at, rule)


def derivatives(problem: Traced) -> Iterator[Change]:
    """Local derivatives left out or replaced, and whole blocks passed straight through."""
    for step, slot in _places(problem):
        at = local(step, slot, problem.gradients[step.index])
        for says, rule in wrong_rules(at).items():
            kind = REDUCTION if step.op in MIXING else DERIVATIVE
            rare = 0.3 if says in RARE else 0.0
            change = _change(kind, step, slot, _ruled(rule), f"in the derivative of {called(step)} {says}", rare)
            yield replace(change, what=f"in the derivative {says}")
    for inside, outside, mixes in blocks.find(problem):
        words = f"from {called(outside)} back to {called(inside)}"
        straight = blocks.passed_through(outside.key)
        says = f"the derivative {words} is left out: the gradient is passed straight through"
        yield _change(DERIVATIVE, inside, NODE, straight, says, 0.2)
        if mixes:
            says = f"only the diagonal of the Jacobian is kept {words}: each entry gets its own share only"
            yield _change(REDUCTION, inside, NODE, blocks.own_share(outside.key), says, 0.4)


def reductions(problem: Traced) -> Iterator[Change]:
    """Sums over a broadcast axis, and repeated indices."""
    for step, slot in _places(problem):
        operand = step.operands[slot].value
        gradient = problem.gradients[step.index]
        if not isinstance(operand, Tensor):
            continue
        if isinstance(gradient, Tensor) and gradient.numel() > operand.numel() and step.op in BROADCASTING:
            name = called(step.operands[slot])
            for words, take in BROADCAST.items():
                says = f"{name} is broadcast in {called(step)}: its gradient is {words}"
                yield _change(REDUCTION, step, slot, _taken(take), says)
        if step.op in ("sum", "mean"):
            yield from _axes(problem, step)
        if step.op in PRODUCTS:
            yield from _products(step, slot)
        if step.op in GATHERING and slot == 0:
            for words, reduce in REPEATED.items():
                says = f"where an index comes twice in {called(step)}, the gradient is {words}, not added up"
                yield _change(REDUCTION, step, slot, _collected(reduce), says)


BROADCASTING = ("add", "sub", "mul", "div", "expand", "pow", "where", "maximum", "minimum", "bmm")
GATHERING = ("index", "index_select", "gather", "embedding", "im2col", "unfold")
REPEATED = {
    "overwritten by the last": "amax",
    "kept from the first": "amin",
    "averaged": "mean",
}


def _mean(values: Tensor, axes: list[int]) -> Tensor:
    return values.mean(axes, keepdim=True)


BROADCAST: dict[str, Callable[[Tensor, list[int]], Tensor]] = {
    "averaged, not added up": _mean,
    "that of one entry: it counts once, however often it is used": lambda values, axes: (
        values.sum(axes, keepdim=True) / (values != 0).sum(axes, keepdim=True).clamp(min=1)
    ),
    "that of the first entry only": lambda values, axes: _one(values, axes, 0),
    "that of the last entry only: the others are overwritten": lambda values, axes: _one(values, axes, -1),
    "added up over as many rows as the first dimension has": lambda values, axes: _first_rows(values, axes),
}


def _first_rows(values: Tensor, axes: list[int]) -> Tensor:
    """The rows counted by the first dimension alone, as a grid that was made for two dimensions does."""
    if len(axes) < 2 or axes != list(range(len(axes))):
        return values.sum(axes, keepdim=True)
    rows = values.reshape(-1, *values.shape[len(axes) :])[: values.shape[0]]
    return rows.sum(0).reshape(*[1] * len(axes), *values.shape[len(axes) :])


def _one(values: Tensor, axes: list[int], which: int) -> Tensor:
    for axis in axes:
        values = values.narrow(axis, which % values.shape[axis], 1)
    return values


def _taken(take: Callable[[Tensor, list[int]], Tensor]) -> Act:
    def act(problem: Traced, at: Local) -> Tensor:
        raw = RULES[at.step.op](at)
        shape = at.step.operands[at.slot].value.shape
        extra = raw.dim() - len(shape)
        axes = [d for d in range(raw.dim()) if d < extra or (shape[d - extra] == 1 and raw.shape[d] != 1)]
        return take(raw, axes).reshape(shape) if axes else contribution(at)

    return act


PRODUCTS = ("mm", "bmm", "mv")


def _products(step: Step, slot: int) -> Iterator[Change]:
    """A product of sums for a sum of products; an operand left out."""
    name, other = called(step.operands[slot]), called(step.operands[1 - slot])
    says = f"for the gradient of {name} the mean is taken before the product: of {other} and of the gradient apart"
    yield _change(REDUCTION, step, slot, _ruled(_product_of_means), says, 0.2)
    says = f"{other} is left out of the derivative of {called(step)}: ones stand for it"
    yield _change(DERIVATIVE, step, slot, lambda p, at: _with_ones(at), says, 0.3)


def _product_of_means(at: Local) -> Any:
    """The rule of a product with what it adds up replaced by its mean over those terms."""
    axis = -1 if at.position == 0 else -2
    rule = RULES[at.step.op]
    other = at.other
    if other.dim() < 2 or at.gradient.dim() < 2:
        if at.position == 0:
            return rule(at)
        return at.args[0].mean(0) * at.gradient.sum()
    changed = at.with_value(1 - at.position, other.mean(axis, keepdim=True).expand_as(other))
    return rule(changed)


def _with_ones(at: Local) -> Tensor:
    return contribution(at.with_value(1 - at.position, torch.ones_like(at.other)))


def _axes(problem: Traced, step: Step) -> Iterator[Change]:
    """A reduction whose backward adds up over other axes than the forward."""
    source = step.operands[0].value
    if source.dim() < 2 or _terms(problem, step) is None:
        return
    right, rank = axes(local(step, 0, problem.gradients[step.index])), source.dim()
    sizes = range(1, rank + 1) if rank <= MOST_AXES else (1, rank)
    for chosen in (list(some) for n in sizes for some in combinations(range(rank), n)):
        if chosen == right:
            continue
        counted = [axis - rank for axis in chosen]
        told = "every axis" if len(chosen) == rank else f"ax{'i' if len(chosen) == 1 else 'e'}s {_listed(counted)}"
        what = f"is added up over {told}, not over what it runs over"
        says = f"the gradient of {called(step)} {what}"
        change = _change(REDUCTION, step, 0, _over(counted), says, 0.1)
        yield replace(change, what=f"the gradient {what}")
    if rank > 2 and right != list(range(1, rank)):
        what = "is added up over every axis but the first, not over what it runs over"
        says = f"the gradient of {called(step)} {what}"
        yield replace(_change(REDUCTION, step, 0, _over(None), says, 0.05), what=f"the gradient {what}")


MOST_AXES = 4  # of a tensor, for which every set of axes is tried
ELEMENTWISE = ("add", "sub", "mul", "div", "pow", "sqrt", "rsqrt", "reciprocal", "neg", "exp", "log")


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))


def _terms(problem: Traced, step: Step) -> list[Tensor] | None:
    """What reaches a reduction before it is added up over the axes: one term for each path, in the source's shape.

    Between the reduction and the step that spreads it out again there may be a root, an ε, a reciprocal; None where
    there is something else.
    """
    shape, at, slope = step.operands[0].value.shape, step, torch.ones_like(step.value)
    for _ in range(LONGEST_CHAIN):
        users = [s for s in problem.graph.steps if at in s.operands and problem.gradients.get(s.index) is not None]
        if users and all(_shape(problem, user) == shape for user in users):
            return [term * slope for user in users for term in _unreduced(problem, user, at, shape)]
        if len(users) != 1 or users[0].op not in ELEMENTWISE or users[0].value.shape != at.value.shape:
            return None
        if users[0].operands.count(at) != 1:
            return None
        slope = slope * contribution(local(users[0], users[0].operands.index(at), torch.ones_like(at.value)))
        at = users[0]
    return None


LONGEST_CHAIN = 6


def _unreduced(problem: Traced, user: Step, at: Step, shape: Sequence[int]) -> Iterator[Tensor]:
    for slot, operand in enumerate(user.operands):
        for gradient in _incoming(problem, user) if operand is at else ():
            raw = RULES[user.op](local(user, slot, gradient)).expand(shape)
            whole = sum_to(raw, at.value.shape)
            if float(whole.abs().max()) > CANCELLED * float(raw.abs().max()):
                yield raw  # what adds up to nothing is left out of a derivation by hand


def _incoming(problem: Traced, user: Step) -> list[Any]:
    """The gradient of a sum or difference, path by path."""
    whole = problem.gradients[user.index]
    if user.op not in ("add", "sub") or user in problem.graph.outputs:
        return [whole]
    found = []
    for consumer in problem.graph.steps:
        gradient = problem.gradients.get(consumer.index)
        if gradient is not None and consumer.index in problem.relevant:
            found += [problem.edge(consumer, slot, gradient) for slot, o in enumerate(consumer.operands) if o is user]
    return found or [whole]


def _shape(problem: Traced, user: Step) -> Any:
    gradient = problem.gradients.get(user.index)
    return gradient.shape if isinstance(gradient, Tensor) and user.op in RULES else None


def _over(chosen: list[int] | None) -> Act:
    """The sum over these axes; over all but the first where none are given."""

    def act(problem: Traced, at: Local) -> Tensor:
        reduce = torch.mean if at.step.op == "mean" else torch.sum
        total = torch.zeros_like(at.step.operands[0].value)
        for term in _terms(problem, at.step) or ():
            along = chosen if chosen is not None else list(range(1, term.dim()))
            total = total + reduce(term, along, keepdim=True)
        return total

    return act


def _collected(reduce: str) -> Act:
    return lambda problem, at: _scattered(at, reduce)


def _scattered(at: Local, reduce: str) -> Tensor:
    """The gradient of a gather that does not add up what repeated indices bring."""
    table = at.step.operands[0].value
    order = torch.arange(table.numel(), dtype=torch.float64).reshape(table.shape)
    assert at.step.function is not None
    args = [order if index == at.position else value for index, value in enumerate(at.args)]
    taken = at.step.function(*args).round().long().reshape(-1)
    whole = torch.zeros_like(table).reshape(-1)
    gradient = at.gradient.reshape(-1)
    if reduce == "mean":
        return whole.scatter_reduce(0, taken, gradient, "mean", include_self=False).reshape(table.shape)
    kept = torch.full((table.numel(),), -1, dtype=torch.long)
    kept.scatter_reduce_(0, taken, torch.arange(taken.numel()), reduce, include_self=False)
    hit = kept >= 0
    whole[hit] = gradient[kept[hit]]
    return whole.reshape(table.shape)


def operands(problem: Traced) -> Iterator[Change]:
    """Another tensor of the same shape, or the transposed one, in the backward of one step."""
    values = [s for s in problem.graph.steps if isinstance(s.value, Tensor) and s.value.is_floating_point()]
    unmoved = [s for s in values if s.op not in MOVES or s.name]
    for step, slot in _places(problem):
        if (step.op not in RULES and step.op not in WHOLE) or step.op in UNSAVED:
            continue
        at = local(step, slot, problem.gradients[step.index])
        for position, saved in _saved(at):
            name = called(step) if position < 0 else called(step.args[position])
            if saved.dim() > 1 and saved.shape[-1] == saved.shape[-2]:
                says = f"{name} is transposed in the derivative of {called(step)}"
                yield _change(OPERAND, step, slot, _with_transposed(position), says)
            for other in unmoved:
                if other.value.shape == saved.shape and other.value is not saved and other.value.dim():
                    stand = called(other)
                    if stand == name:
                        stand = f"{'a later' if other.index > _index(step, position) else 'an earlier'} {name}"
                    says = f"{stand} stands for {name} in the derivative of {called(step)}"
                    yield _change(OPERAND, step, slot, _with_other(position, other, step), says, 0.1)


def transposed_gradients(problem: Traced) -> Iterator[Change]:
    """The gradient of a square matrix, transposed."""
    for step in _steps(problem):
        if step.op not in ("mm", "bmm", "input"):
            continue
        if step.value.dim() > 1 and step.value.shape[-1] == step.value.shape[-2]:
            says = f"the gradient of {called(step)} is transposed"
            yield _change(OPERAND, step, NODE, lambda p, at: at.gradient.transpose(-2, -1), says)


UNSAVED = (*MOVES, "add", "sub", "neg", "sum", "mean", "t", "transpose", "permute", "select", "slice", "cat", "stack")


def _index(step: Step, position: int) -> int:
    return step.index if position < 0 else int(step.args[position].index)


def _saved(at: Local) -> Iterator[tuple[int, Tensor]]:
    """The tensors that the rule uses: those whose change changes what comes out."""
    before = contribution(at)
    for position in range(-1, len(at.args)):
        value = at.out if position < 0 else at.args[position]
        if isinstance(value, Tensor) and value.is_floating_point() and value.numel():
            other = contribution(at.with_value(position, value * 0.7 + 0.1))
            if not torch.equal(before, other):
                yield position, value


def _with_transposed(position: int) -> Act:
    def act(problem: Traced, at: Local) -> Tensor | None:
        value = at.out if position < 0 else at.args[position]
        if value.shape[-1] != value.shape[-2]:
            return torch.full_like(contribution(at), torch.nan)
        return contribution(at.with_value(position, value.transpose(-2, -1)))

    return act


def _with_other(position: int, other: Step, user: Step) -> Act:
    key, later = other.key, other.occurrence - user.occurrence

    def act(problem: Traced, at: Local) -> Tensor | None:
        steps = _by_key(problem).get(key, [])
        value = at.out if position < 0 else at.args[position]
        if not steps:
            return torch.full_like(contribution(at), torch.nan)
        index = at.step.occurrence + later if len(steps) > 1 else 0
        stands = steps[min(max(index, 0), len(steps) - 1)].value
        if stands.shape != value.shape:
            return torch.full_like(contribution(at), torch.nan)
        return contribution(at.with_value(position, stands))

    return act


def upstreams(problem: Traced) -> Iterator[Change]:
    """The chain before a step left out."""
    for step in _steps(problem):
        if isinstance(step.value, Tensor):
            whole = step in problem.graph.outputs
            says = (
                "the upstream gradient is ignored: ones stand for it"
                if whole
                else f"the chain stops at {called(step)}: the gradient of what follows it is left out"
            )
            more = 0.0 if whole else 0.6
            yield _change(UPSTREAM, step, NODE, lambda p, at: torch.ones_like(at.gradient), says, more)
            if not whole:
                yield _change(UPSTREAM, step, NODE, lambda p, at: -torch.ones_like(at.gradient), says, more)


def tensor_factors(problem: Traced) -> Iterator[Change]:
    """A tensor of the forward that multiplies or divides the gradient of a step."""
    values: dict[Any, Step] = {}
    for step in problem.graph.steps:
        value = step.value
        if isinstance(value, Tensor) and value.is_floating_point() and value.dim() and step.op not in MOVES:
            values.setdefault(step.key, step)
    repeated = {step.key for step in problem.graph.steps if step.occurrence}
    for step in _steps(problem):
        if not isinstance(step.value, Tensor) or step.key in repeated or not step.name:
            continue
        more = -0.4 if step.op == "input" else 0.1
        for other in values.values():
            if other is step or not _broadcasts(other.value, step.value):
                continue
            name, whole = called(other), called(step)
            lacks = f"the gradient of {whole} is divided by {name}: a factor {name} is missing, or a division is extra"
            extra = f"the gradient of {whole} is multiplied by {name}: a factor is extra, or a division is missing"
            yield _change(FACTOR, step, NODE, _times_other(other, step, -1), lacks, more)
            yield _change(FACTOR, step, NODE, _times_other(other, step, 1), extra, more)


def _broadcasts(small: Tensor, large: Tensor) -> bool:
    if small.dim() > large.dim():
        return False
    tail = large.shape[large.dim() - small.dim() :]
    return all(a in (1, b) for a, b in zip(small.shape, tail, strict=True))


def _times_other(other: Step, user: Step, power: int) -> Act:
    key, later = other.key, other.occurrence - user.occurrence

    def act(problem: Traced, at: Local) -> Tensor:
        steps = _by_key(problem).get(key, [])
        index = at.step.occurrence + later if len(steps) > 1 else 0
        value = steps[min(max(index, 0), len(steps) - 1)].value if steps else at.gradient * torch.nan
        if not _broadcasts(value, at.gradient):
            return torch.full_like(at.gradient, torch.nan)
        found: Tensor = at.gradient * value if power > 0 else at.gradient / value
        return found

    return act


def everywhere(changes: Sequence[Change]) -> Iterator[Change]:
    """One mistake made at every step of one operation: all tanh, all means."""
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if change.what:
            groups.setdefault((change.sites[0].op, change.what), []).append(change)
    for (op, what), alike in groups.items():
        sites = tuple(dict.fromkeys(site for change in alike for site in change.sites))
        if len(sites) > 1:
            first = alike[0]
            yield Change(first.kind, sites, first.act, f"at every {op} {what}", first.cost + 0.3, first.place)


def all_changes(problem: Traced) -> list[Change]:
    """Every change of one place, and of all places of a kind, cheapest first."""
    makers = (paths, derivatives, reductions, upstreams, operands, transposed_gradients, tensor_factors)
    found = [change for maker in makers for change in maker(problem)]
    found += everywhere(found)
    return sorted(found, key=lambda change: change.cost)
