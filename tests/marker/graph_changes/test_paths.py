"""Which paths may not be followed, what each is called and costs, and the gradient without it, by ``detach``."""

import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph, offered

from bpcompare.marker.hypotheses.graph_changes import paths

X, W, G = drawn(1, 3, 4, low=0.2), drawn(2, 3, 4), drawn(3, 3, 4)


def uses(x, w, held=()):
    """A forward with three uses of x, of which some are held constant."""

    def kept(name, value):
        return value.detach() if name in held else value

    total = kept("total", kept("x in total", x).sum(1, keepdim=True))
    product = kept("x * w", kept("x in product", x) * w)
    ratio = kept("ratio", product / total)
    mean = kept("mean", kept("x in mean", x).mean())
    return ratio + mean


def traced_uses(x, w):
    total = x.sum(1, keepdim=True)
    ratio = x * w / total
    return ratio + x.mean()


def gradients(*held):
    leaves = [value.clone().requires_grad_() for value in (X, W)]
    found = torch.autograd.grad(uses(*leaves, held), leaves, G, allow_unused=True, materialize_grads=True)
    return found


def agree(found, expected):
    assert set(found) == set(expected)
    for says, (kind, cost, given) in expected.items():
        assert found[says][:2] == (kind, cost), says
        for mine, other in zip(found[says][2], given, strict=True):
            assert_close(mine, other, rtol=1e-12, atol=1e-12, msg=says)


def test_each_edge_node_and_kind_of_a_forward_may_be_held_constant():
    into = "the path from x0 into {} is not followed"
    held = "{} is held constant: the path through it is missing"
    only = "of the 3 uses of x0 only the one in {} counts"
    agree(
        offered(paths.paths, graph(traced_uses, [X, W], [G])),
        {
            into.format("total"): ("path", 1.0, gradients("x in total")),
            into.format("x * w"): ("path", 1.0, gradients("x in product")),
            into.format("x.mean()"): ("path", 1.0, gradients("x in mean")),
            held.format("total"): ("path", 0.94, gradients("total")),
            held.format("x * w"): ("path", 1.0, gradients("x * w")),
            held.format("ratio"): ("path", 0.96, gradients("ratio")),
            held.format("x.mean()"): ("path", 0.98, gradients("mean")),
            only.format("total"): ("path", 1.2, gradients("x in product", "x in mean")),
            only.format("x * w"): ("path", 1.2, gradients("x in total", "x in mean")),
            only.format("x.mean()"): ("path", 1.2, gradients("x in total", "x in product")),
            "every mean and sum is held constant (total, x.mean())": ("path", 1.1, gradients("total", "mean")),
        },
    )


def test_a_value_that_is_used_twice_may_be_followed_once():
    found = offered(paths.paths, graph(lambda x, w: x * w + x.exp(), [X, W], [G]))
    assert set(found) == {
        "the path from x0 into x * w is not followed",
        "the path from x0 into x.exp() is not followed",
        "of the 2 uses of x0 only the one in x * w counts",
        "of the 2 uses of x0 only the one in x.exp() counts",
        "x * w is held constant: the path through it is missing",
        "x.exp() is held constant: the path through it is missing",
    }
    assert_close(found["of the 2 uses of x0 only the one in x * w counts"][2][0], G * W)
    assert_close(found["the path from x0 into x * w is not followed"][2][0], G * X.exp())


def test_reductions_of_one_kind_and_those_of_one_call_are_held_together():
    def forward(x, w):
        low = x.amin(1, keepdim=True)
        high = x.amax(1, keepdim=True)
        shift = w.mean(1, keepdim=True)
        scale = w.mean()
        return (x - low) / (high - low) * scale + shift

    told = {str(change.says): change for change in paths.paths(graph(forward, [X, W], [G]))}
    kinds = [says for says in told if says.startswith("every")]
    assert kinds == [
        "every mean is held constant (shift, scale)",
        "every mean and sum is held constant (low, high, shift, scale)",
    ]
    assert [str(told[says].through) for says in kinds] == ["every mean", "every mean and sum"]
    assert [told[says].place.split(": ")[1] for says in kinds] == ["w.mean(1, keepdim=True)", "x.amin(1, keepdim=True)"]
    norm = graph(lambda x, w: torch.nn.functional.layer_norm(x * w, (4,)) * x.sum(), [X, W], [G])
    inside = [str(change.through) for change in paths.paths(norm) if str(change.says).startswith("every")]
    assert any("torch.nn.functional.layer_norm(x * w, (4,))" in words for words in inside)


def test_what_is_held_constant_is_told_by_its_name_and_a_path_by_its_ends():
    for change in paths.paths(graph(traced_uses, [X, W], [G])):
        says = str(change.says)
        if says.endswith("is not followed"):
            assert says == f"the {str(change.path).removeprefix('the ')} is not followed"
        elif says.endswith("the path through it is missing"):
            assert says == f"{change.through} is held constant: the path through it is missing"
        elif "uses of x0 only the one in total" in says:
            assert change.place.endswith(": x.sum(1, keepdim=True)")


def loop(x, w):
    state = x
    for _ in range(3):
        state = torch.tanh(state * w)
    return state


def looped(held):
    """The loop with the state or w held constant at some times."""
    leaves = [value.clone().requires_grad_() for value in (X, W)]
    state = leaves[0]
    for k in range(3):
        one = state.detach() if ("state", k) in held else state
        other = leaves[1].detach() if ("w", k) in held else leaves[1]
        product = one * other
        product = product.detach() if ("product", k) in held else product
        state = torch.tanh(product)
    if not state.requires_grad:
        return tuple(torch.zeros_like(leaf) for leaf in leaves)
    return torch.autograd.grad(state, leaves, G, allow_unused=True, materialize_grads=True)


def test_in_a_loop_some_times_may_be_forgotten():
    found = offered(paths.paths, graph(loop, [X, W], [G]))
    expected = {"state * w is held constant: the path through it is missing": (1.0, "product", (0, 1, 2))}
    for name, key, step in (
        ("state", "state", "state * w"),
        ("x1", "w", "state * w"),
        ("state * w", "product", "state"),
    ):
        expected |= {
            f"earlier times are not followed: {name} is held constant in {step}": (0.98, key, (0, 1, 2)),
            f"the last time only counts of {name} in {step}": (1.2, key, (0, 1)),
            f"the first time only counts of {name} in {step}": (1.2, key, (1, 2)),
            f"the last time is left out of {name} in {step}": (1.2, key, (2,)),
        }
    agree(
        found,
        {says: ("path", cost, looped({(key, k) for k in times})) for says, (cost, key, times) in expected.items()},
    )


def test_a_loop_s_earlier_times_are_what_a_factor_or_a_part_may_be_told_of():
    told = {str(c.says): str(c.through) for c in paths.paths(graph(loop, [X, W], [G])) if c.through}
    says = "earlier times are not followed: state is held constant in state * w"
    assert told[says] == "earlier times are not followed: state"


def test_the_chain_may_stop_anywhere_or_begin_with_ones():
    def forward(x, w):
        hidden = torch.tanh(x)
        return hidden * w

    found = []
    problem = graph(forward, [X, W], [G])
    for change in paths.upstreams(problem):
        gradient = problem.answers(change.at(problem))
        found.append((str(change.says), change.kind, round(change.cost, 9), gradient))
    slope = 1 - torch.tanh(X) ** 2
    right = (G * W * slope, G * torch.tanh(X))
    ones = torch.ones_like(X)
    stops = "the chain stops at {}: the gradient of what follows it is left out"
    expected = []
    for name, at in (("x0", 0), ("x1", 1), ("hidden", None)):
        for sign in (1, -1):
            if at is None:
                given = (sign * slope, right[1])
            else:
                given = tuple(sign * ones if k == at else one for k, one in enumerate(right))
            expected.append((stops.format(name), "upstream", 2.2, given))
    ignored = "the upstream gradient is ignored: ones stand for it"
    expected.append((ignored, "upstream", 1.6, (W * slope, torch.tanh(X))))
    for mine, other in zip(found, expected, strict=True):
        assert mine[:3] == other[:3]
        for one, another in zip(mine[3], other[3], strict=True):
            assert_close(one, another, rtol=1e-12, atol=1e-12, msg=mine[0])
