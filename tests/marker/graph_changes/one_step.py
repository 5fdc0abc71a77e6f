"""A step of a traced forward with drawn numbers: what the laws of the tables are tried on."""

import torch

from bpcompare.marker.hypotheses.graph_changes.changes import all_changes
from bpcompare.marker.hypotheses.graph_changes.explain import Sample, explain, shape_sizes
from bpcompare.marker.hypotheses.graph_changes.local import local
from bpcompare.marker.hypotheses.graph_changes.search import Search
from bpcompare.marker.hypotheses.graph_changes.walk import traced


def drawn(seed, *shape, low=-2.0, high=2.0):
    """Numbers between two bounds, none within a hundredth of a whole number."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.rand(shape, generator=generator, dtype=torch.float64) * (high - low) + low
    return torch.where((numbers - numbers.round()).abs() < 0.01, numbers + 0.02, numbers)


def graph(forward, arguments, upstream=None, whole=()):
    """The forward's steps on these numbers, every tensor asked for."""
    names = [f"x{k}" for k in range(len(arguments))]
    asked = tuple(k for k, value in enumerate(arguments) if torch.is_tensor(value) and value.is_floating_point())
    return traced(forward, arguments, names, upstream, asked, {}, whole=whole)


def offered(maker, problem):
    """What a maker of changes offers: what is said → kind, cost, and the gradients with the change."""
    found = {}
    for change in maker(problem):
        assert str(change.says) not in found, "two changes are called the same"
        placed = change.at(problem)
        gradients = None if placed is None else problem.answers(placed)
        found[str(change.says)] = (change.kind, round(change.cost, 9), gradients)
    return found


def step_of(problem, op):
    """The only step of an operation."""
    (step,) = [step for step in problem.graph.steps if step.op == op]
    return step


def at_step(forward, arguments, op, slot=0, seed=7, whole=()):
    """The step as a rule sees it, with a drawn gradient of its output."""
    step = step_of(graph(forward, arguments, whole=whole), op)
    value = step.value
    if torch.is_tensor(value):
        return local(step, slot, drawn(seed, *value.shape))
    parts = [drawn(seed, *part.shape) if part.is_floating_point() else None for part in value]
    return local(step, slot, parts)


def written_in_place(whole, part, *layout):
    """What as_strided_scatter calculates; PyTorch's derivative of that is another."""
    whole = whole.clone()
    whole.as_strided(*layout).copy_(part)
    return whole


def true_gradient(at):
    """What autograd passes on to the operand; the operation alone is calculated again."""
    operands = list(at.step.operands)
    leaves = [operand.value.detach().clone() for operand in operands]
    leaves[at.slot].requires_grad_()
    places = iter(leaves)

    def put(value):
        if hasattr(value, "operands"):
            return next(places)
        return type(value)(map(put, value)) if isinstance(value, (tuple, list)) else value

    with torch.enable_grad():
        function = written_in_place if at.step.op == "write" else at.step.function
        out = function(*put(at.step.args), **{k: put(v) for k, v in at.step.kwargs.items()})
        outs, gradients = ([out], [at.gradient]) if torch.is_tensor(out) else (list(out), list(at.gradient))
        pairs = [(o, g) for o, g in zip(outs, gradients, strict=True) if g is not None and o.requires_grad]
        found = torch.autograd.grad([o for o, _ in pairs], leaves[at.slot], [g for _, g in pairs], allow_unused=True)
    return torch.zeros_like(leaves[at.slot]) if found[0] is None else found[0]


def search_of(forward, draw, wrong, count=3, names=("x", "w")):
    """A search for what is wrong with the gradient of the first argument, with every change of one place screened.

    Args:
        forward: The function.
        draw: From a problem's number, its arguments.
        wrong: From the upstream gradient, the right gradient and the arguments, what was answered.
        count: How many problems there are.
        names: Of the arguments.
    """
    calls = [draw(k) for k in range(count)]
    problems, answers = [], []
    for k, (arguments, sizes) in enumerate(zip(calls, shape_sizes(calls, names), strict=True)):
        upstream = drawn(90 + k, *forward(*arguments).shape)
        problems.append(graph(forward, list(arguments), [upstream]))
        problems[-1].sizes.update(sizes)
        right = problems[-1].answers({})
        answers.append([wrong(upstream, right[0], *arguments), *right[1:]])
    with torch.no_grad():
        search = Search(problems, answers, [0])
        search.changes = all_changes(search.problem)
        for number, change in enumerate(search.changes):
            placed = change.at(search.problem)
            try:
                search.shadows[number] = search.screen.shadow(placed)
            except RuntimeError:
                continue
    return search


def explained(forward, draw, wrong, count=3, names=("x", "w"), whole=None):
    """What is said of a wrong gradient of the first argument; ``draw(k)`` gives the arguments of the k-th problem."""
    samples = []
    for k in range(count):
        arguments = draw(k)
        leaves = [value.clone().requires_grad_() for value in arguments]
        with torch.enable_grad():
            out = forward(*leaves)
        upstream = None if out.dim() == 0 else [drawn(90 + k, *out.shape)]
        right = torch.autograd.grad(out, leaves, None if upstream is None else upstream[0])
        expected = dict(zip(names, right, strict=False))
        given = wrong(upstream and upstream[0], *arguments)
        samples.append(Sample(arguments, upstream, expected | {names[0]: given}, expected))
    return explain(forward, samples, list(names)[: len(samples[0].arguments)]).get(names[0])
