"""Wrong backwards of every kind, made by autograd on a changed forward, and what is said of each."""

import math

import pytest
import torch
from marker.graph_changes.one_step import drawn, explained


def backward(forward, g, x, *others):
    """The gradient by x of another forward."""
    leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        out = forward(leaf, *others)
        (found,) = torch.autograd.grad(out, leaf, torch.ones_like(out) if g is None else g)
    return found


def of(forward):
    return lambda g, x, *others: backward(forward, g, x, *others)


def square(k):
    return drawn(20 + k, 3 + k, 3 + k, low=0.2), drawn(30 + k, 3 + k, 3 + k, low=0.2)


def matrices(k):
    return drawn(20 + k, 3 + k, 4), drawn(30 + k, 4, 2 + k)


def alike(k):
    return drawn(20 + k, 3 + k, 4 + k), drawn(30 + k, 3 + k, 4 + k)


def row(k):
    return drawn(20 + k, 4 + k), drawn(30 + k, 3 + k, 4 + k)


def vectors(k):
    return drawn(20 + k, 4 + k, low=0.2), drawn(30 + k, 4 + k, low=0.2)


def three_uses(x, w):
    return x * w + x.exp() + torch.sin(x)


def centred(x, w):
    mean = x.mean(1, keepdim=True)
    apart = x - mean
    spread = (apart**2).mean(1, keepdim=True)
    return apart / torch.sqrt(spread + 0.1) * w


def held(*names):
    """The same with some of its values held constant."""

    def forward(x, w):
        mean = x.mean(1, keepdim=True)
        mean = mean.detach() if "mean" in names else mean
        apart = x - mean
        spread = (apart**2).mean(1, keepdim=True)
        spread = spread.detach() if "spread" in names else spread
        return apart / torch.sqrt(spread + 0.1) * w

    return forward


def partly(g, x, w, inside):
    """The factor w is left out of the paths through the mean, or of all others."""
    through, rest = torch.ones_like(w) if inside else w, w if inside else torch.ones_like(w)
    by_mean = backward(centred, g, x, through) - backward(held("mean"), g, x, through)
    return by_mean + backward(held("mean"), g, x, rest)


def loop(x, w):
    state = torch.zeros_like(x @ w)
    for _ in range(3):
        state = torch.tanh(x @ w + state * 0.7)
    return state


def times(which, state_constant=False):
    """The loop with x held constant in all but some of its three times."""

    def forward(x, w):
        state = torch.zeros_like(x @ w)
        for k in range(3):
            state = torch.tanh(
                (x if k in which else x.detach()) @ w + (state.detach() if state_constant else state) * 0.7
            )
        return state

    return forward


def by_the_state_before(g, x, w):
    """The backward of the loop that takes tanh's derivative at what each time began with."""
    states, found = [torch.zeros_like(g)], 0
    for _ in range(3):
        states.append(torch.tanh(x @ w + states[-1] * 0.7))
    for state in reversed(states[:-1]):
        g = g * (1 - state**2)
        found = found + g @ w.t()
        g = g * 0.7
    return found


def attention(x, w):
    scores = x @ w.t()
    weights = scores.exp()
    total = weights.sum(1, keepdim=True)
    return weights / total


def shared(x, w):
    share = x / x.sum(1, keepdim=True)
    return share * w


def over(axis):
    """The backward of ``shared`` that adds up over another axis."""

    def wrong(g, x, w):
        total = x.sum(1, keepdim=True)
        term = -g * w * x / total**2
        summed = term.sum(axis, keepdim=True) if axis is not None else term.sum()
        return g * w / total + summed.expand_as(x)

    return wrong


def per_row(reduce):
    def wrong(g, x, w):
        return reduce(g * w)

    return wrong


INDEX = torch.tensor([0, 2, 0, 1, 2, 0])


def taken(reduce):
    def wrong(g, x, w):
        whole = torch.zeros_like(x)
        for k in range(len(x)):
            rows = (g * w)[k == INDEX]
            whole[k] = reduce(rows) if len(rows) else 0.0
        return whole

    return wrong


def table(k):
    return drawn(20 + k, 3, 4 + k), drawn(30 + k, 6, 4 + k)


def with_constant(x, w):
    hidden = 3 * x + w
    return torch.tanh(hidden) * x


def scaled(x, w):
    scores = x @ w
    return torch.tanh(scores * 0.5) + scores


# Forward, problems, wrong gradient of x, and a part of what is told.
CASES = {
    "an edge": (three_uses, alike, of(lambda x, w: x * w + x.exp() + torch.sin(x.detach())), "into torch.sin(x)"),
    "one of three uses": (three_uses, alike, of(lambda x, w: x * w), "of the 3 uses of x only the one in"),
    "a mean held constant": (centred, alike, of(held("mean")), "mean is held constant"),
    "a spread held constant": (centred, alike, of(held("spread")), "spread is held constant"),
    "every mean": (centred, alike, of(held("mean", "spread")), "every mean"),
    "earlier times": (loop, matrices, of(times({0, 1, 2}, True)), "earlier times are not followed"),
    "the last time only": (loop, matrices, of(times({2})), "earlier times are not followed"),
    "the first time only": (loop, matrices, of(times({0})), "the first time only counts"),
    "the last time left out": (loop, matrices, of(times({0, 1})), "the last time is left out"),
    "the state before": (loop, matrices, by_the_state_before, "an earlier state stands for state in the derivative"),
    "upstream ignored": (
        lambda x, w: (x * w).exp(),
        alike,
        lambda g, x, w: w * (x * w).exp(),
        "upstream gradient is ign",
    ),
    "the chain stops": (
        lambda x, w: torch.sigmoid(torch.tanh(x * w) ** 2) * w,
        alike,
        lambda g, x, w: w * (1 - torch.tanh(x * w) ** 2),
        "the chain stops at torch.tanh(x * w)",
    ),
    "the chain stops with a minus": (
        lambda x, w: torch.sigmoid(torch.tanh(x * w) ** 2) * w,
        alike,
        lambda g, x, w: -w * (1 - torch.tanh(x * w) ** 2),
        "the chain stops at torch.tanh(x * w)",
    ),
    "averaged": (lambda x, w: x * w, row, per_row(lambda t: t.mean(0)), "averaged, not added up"),
    "once": (lambda x, w: x + w, row, lambda g, x, w: g.sum(0) / len(w), "averaged, not added up"),
    "the first entry": (lambda x, w: x * w, row, per_row(lambda t: t[0]), "that of the first entry only"),
    "the last entry": (lambda x, w: x * w, row, per_row(lambda t: t[-1]), "that of the last entry only"),
    "as many rows": (
        lambda x, w: x * w,
        lambda k: (drawn(20 + k, 4), drawn(30 + k, 2 + k, 3, 4)),
        lambda g, x, w: (g * w).reshape(-1, 4)[: len(w)].sum(0),
        "over as many rows as the first dimension has",
    ),
    "where it is not zero": (
        lambda x, w: torch.relu(w) * x,
        row,
        lambda g, x, w: (g * torch.relu(w)).sum(0) / ((g * torch.relu(w)) != 0).sum(0).clamp(min=1),
        "it counts once, however often it is used",
    ),
    "means before the product": (
        lambda x, w: x.t() @ w,
        lambda k: (drawn(20 + k, 3 + k, 4), drawn(30 + k, 3 + k, 2 + k)),
        lambda g, x, w: w.mean(1, keepdim=True) @ g.sum(1, keepdim=True).t(),
        "the mean is taken before the product",
    ),
    "means before the product, of the second": (
        lambda x, w: w @ x,
        lambda k: (drawn(20 + k, 4, 3 + k), drawn(30 + k, 3 + k, 4)),
        lambda g, x, w: w.mean(0)[:, None] * g.sum(0),
        "the mean is taken before the product",
    ),
    "means before the product with a vector": (
        lambda x, w: w @ x,
        lambda k: (drawn(20 + k, 4), drawn(30 + k, 3 + k, 4)),
        lambda g, x, w: w.mean(0) * g.sum(),
        "the mean is taken before the product",
    ),
    "ones for the other": (
        lambda x, w: x @ w,
        matrices,
        lambda g, x, w: g @ torch.ones_like(w).t(),
        "ones stand for it",
    ),
    "overwritten": (lambda x, w: x[INDEX] * w, table, taken(lambda rows: rows[-1]), "overwritten by the last"),
    "kept from the first": (lambda x, w: x[INDEX] * w, table, taken(lambda rows: rows[0]), "kept from the first"),
    "averaged over repeats": (lambda x, w: x[INDEX] * w, table, taken(lambda rows: rows.mean(0)), "is averaged, not"),
    "another axis": (shared, lambda k: alike(k), over(0), "is added up over axis -2"),
    "every axis": (shared, lambda k: alike(k), over(None), "added up over every axis"),
    "transposed": (lambda x, w: x @ w, square, lambda g, x, w: g @ w, "w is transposed in the derivative of x @ w"),
    "another tensor": (lambda x, w: (x * w).exp() + x, alike, lambda g, x, w: g * (x * w).exp() * x + g, "factor"),
    "the gradient transposed": (
        lambda x, w: x.exp() @ w,
        square,
        lambda g, x, w: (g @ w.t() * x.exp()).t(),
        "is transposed",
    ),
    "multiplied by a tensor": (
        lambda x, w: torch.tanh(x) * w,
        alike,
        lambda g, x, w: g * w * (1 - torch.tanh(x) ** 2) * w,
        "twice",
    ),
    "the input's gradient divided": (
        lambda x, w: torch.sin(x) * w.exp(),
        alike,
        lambda g, x, w: g * w.exp() * torch.cos(x) / w,
        "the gradient of x is divided by w",
    ),
    "the input's gradient multiplied": (
        lambda x, w: torch.sin(x) * w.exp(),
        alike,
        lambda g, x, w: g * w.exp() * torch.cos(x) * w,
        "the gradient of x is multiplied by w",
    ),
    "without a constant": (
        with_constant,
        alike,
        of(lambda x, w: torch.tanh(x + w) * x),
        "a forward without the constant 3",
    ),
    "a constant of the wrong size": (
        scaled,
        matrices,
        of(lambda x, w: torch.tanh(x @ w / math.sqrt(len(x))) + x @ w),
        "a forward with 1/√(x.shape[0]) for the constant in",
    ),
    "another operand of the forward": (
        lambda x, w: torch.tanh(x) * torch.tanh(x + w),
        alike,
        of(lambda x, w: torch.tanh(x) * torch.tanh(x + x)),
        "a forward in which x stands for w",
    ),
    "an input flipped": (
        lambda x, w: torch.tanh(x * w).cumsum(1),
        alike,
        of(lambda x, w: torch.tanh(x * w.flip(1)).cumsum(1)),
        "a forward in which w is flipped along axis 1",
    ),
    "an input flipped both ways": (
        lambda x, w: torch.tanh(x * w).cumsum(1),
        alike,
        of(lambda x, w: torch.tanh(x * w.flip(0, 1)).cumsum(1)),
        "a forward in which w is flipped along axes 0 and 1",
    ),
    "an input with the wrong sign": (
        lambda x, w: torch.exp(x * w) + x,
        alike,
        of(lambda x, w: torch.exp(-x * w) + x),
        "a forward in which w is negative",
    ),
    "an input transposed": (
        lambda x, w: torch.tanh(x @ w) * x,
        square,
        of(lambda x, w: torch.tanh(x @ w.t()) * x),
        "a forward in which w is transposed",
    ),
    "ε outside the root": (
        lambda x, w: w / torch.sqrt(x + 0.3),
        vectors,
        lambda g, x, w: -g * w / (x.sqrt() + 0.3) ** 2 * 0.5 / x.sqrt(),
        "0.3 is added outside the root, not inside",
    ),
    "an updated parameter": (
        lambda x, w: torch.tanh(x @ w),
        matrices,
        lambda g, x, w: (
            (g * (1 - torch.tanh(x @ w) ** 2)) @ (w - 0.05 * x.t() @ (g * (1 - torch.tanh(x @ w) ** 2))).t()
        ),
        "w, already updated, stands for the old one",
    ),
    "two mistakes, the dearer one nearer to the end": (
        lambda x, w: torch.tanh(x) + x @ w,
        square,
        lambda g, x, w: g * torch.tanh(x) + g @ w,
        "w is transposed in the derivative of x @ w",
    ),
    "a bracket": (
        lambda x, w: ((x - w) ** 2).sum() / 2,
        alike,
        lambda g, x, w: x - 2 * w,
        "",
    ),
    "a factor on one path": (
        lambda x, w: x * w + torch.sin(x),
        alike,
        lambda g, x, w: g * w + 3 * g * torch.cos(x),
        "is multiplied by 3",
    ),
    "a factor on one path, with errors of a few billionths": (
        lambda x, w: x * w + torch.sin(x),
        alike,
        lambda g, x, w: (g * w + 3 * g * torch.cos(x)) * (1 + 1.5e-9 * torch.sign(x)),
        "is multiplied by 3",
    ),
    "a size on one path": (
        lambda x, w: x * w + torch.sin(x),
        alike,
        lambda g, x, w: g * w + len(x) * g * torch.cos(x),
        "is multiplied by x.shape[0]",
    ),
    "only on one path": (centred, alike, lambda g, x, w: partly(g, x, w, True), "only in what passes through mean"),
    "on all but one path": (
        centred,
        alike,
        lambda g, x, w: partly(g, x, w, False),
        "but not in what passes through mean",
    ),
    "nothing": (lambda x, w: torch.tanh(x) * w, alike, lambda g, x, w: 0 * x, "it is zero everywhere"),
    "the gradient of another": (
        lambda x, w: torch.tanh(x) * torch.sigmoid(w),
        alike,
        lambda g, x, w: g * torch.tanh(x) * torch.sigmoid(w) * torch.sigmoid(-w),
        "it is the gradient of w",
    ),
    "a factor": (
        lambda x, w: torch.tanh(x @ w),
        matrices,
        lambda g, x, w: 2 * backward(lambda x: torch.tanh(x @ w), g, x),
        "it is 2 times the",
    ),
    "half a power": (
        lambda x, w: torch.tanh(x @ w),
        matrices,
        lambda g, x, w: backward(lambda x: torch.tanh(x @ w), g, x) / len(x) ** 0.5,
        "it is 1/√(x.shape[0]) times the right gradient",
    ),
    "a block": (
        attention,
        lambda k: (drawn(20 + k, 3 + k, 4), drawn(30 + k, 3 + k, 4)),
        lambda g, x, w: g @ w,
        "passed straight through",
    ),
    "the diagonal of a block": (
        lambda x, w: attention(x, w),
        lambda k: (drawn(20 + k, 3 + k, 4), drawn(30 + k, 3 + k, 4)),
        lambda g, x, w: (lambda p: (g * p * (1 - p)) @ w)(torch.softmax(x @ w.t(), 1)),
        "the diagonal",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_backward_is_named(name):
    forward, draw, wrong, told = CASES[name]
    mistake = explained(forward, draw, wrong)
    assert mistake is not None
    assert any(told in says for says in (mistake.says, *mistake.alternatives)), (mistake.says, mistake.alternatives)
