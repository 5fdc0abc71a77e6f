"""Wrong derivatives of whole tensors: each is what its words say, worked out here entry by entry or by a Jacobian."""

import itertools
import math

import numpy as np
import pytest
import torch
from marker.graph_changes.one_step import at_step, drawn, explained, true_gradient
from torch.nn import functional as F

from bpcompare.marker.hypotheses.graph_changes.wrong_operations import GATHERS, MASKS, REDUCTIONS, WHOLE, of_operation

ROUNDING = {"rtol": 1e-11, "atol": 1e-12}
X, POSITIVE = drawn(1, 2, 3, 4), drawn(2, 2, 3, 4, low=0.2)


def says(rules):
    """The rules by the message, with what stands in it."""
    return {str(words): rule for words, rule in rules.items()}


def sigma(x):
    return 1 / (1 + np.exp(-x))


erf = np.vectorize(math.erf)


def phi(x):
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def cdf(x):
    return 0.5 * (1 + erf(x / math.sqrt(2)))


def slope(function, x, h=1e-5):
    """The derivative of a function of NumPy, to about 1e-10."""
    return (8 * (function(x + h) - function(x - h)) - (function(x + 2 * h) - function(x - 2 * h))) / (12 * h)


# Reductions: from the gradient G and the result Z, both spread over the operand X, and the number n of terms.
OVER = {
    "sum": {
        "the gradient is divided by the number of terms: a mean for a sum": lambda g, z, x, n: g / n,
        "the gradient is multiplied by the number of terms: added up twice": lambda g, z, x, n: g * n,
    },
    "mean": {
        "the gradient is not divided by the number of terms: a sum for a mean": lambda g, z, x, n: g,
        "the gradient is divided by the number of terms twice": lambda g, z, x, n: g / (n * n),
    },
    "amax": {"every term gets the gradient, not the largest only": lambda g, z, x, n: g},
    "amin": {"every term gets the gradient, not the smallest only": lambda g, z, x, n: g},
    "prod": {
        "it is product ÷ x: where x is 0, its gradient is lost": lambda g, z, x, n: np.divide(
            g * z, x, out=np.zeros_like(x), where=x != 0
        ),
        "it is the product itself, not divided by x": lambda g, z, x, n: g * z,
        "it is left out: passed straight through": lambda g, z, x, n: g,
    },
}
AXES = [(), (1,), (-1,), (0,), (1, True), (-1, True)]


@pytest.mark.parametrize(("op", "axes"), list(itertools.product(OVER, AXES)))
def test_the_wrong_derivatives_of_a_reduction_are_what_they_say(op, axes):
    x = X.clone()
    x[1, 2, 3] = 0.0
    at = at_step(lambda x: getattr(torch, op)(x, *axes), [x], op)
    axis = axes[0] if axes else (0, 1, 2)
    kept = np.asarray(at.gradient).reshape(np.sum(x.numpy(), axis=axis, keepdims=True).shape)
    gradient = np.broadcast_to(kept, x.shape)
    reduced = {"sum": np.sum, "mean": np.mean, "amax": np.max, "amin": np.min, "prod": np.prod}[op]
    result = np.broadcast_to(reduced(x.numpy(), axis=axis, keepdims=True), x.shape)
    rules = says(of_operation(at))
    assert set(rules) == set(OVER[op])
    for words, formula in OVER[op].items():
        expected = formula(gradient, result, x.numpy(), x.numel() / kept.size)
        np.testing.assert_allclose(rules[words](at).numpy(), expected, **ROUNDING, err_msg=words)
        assert rules[words](at).shape == x.shape
        assert not np.allclose(rules[words](at), true_gradient(at))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_a_running_sum_that_is_wrong_on_the_way_back(axis):
    at = at_step(lambda x: x.cumsum(axis), [X], "cumsum")
    own, front = says(of_operation(at)).items()
    assert own[0] == "each entry gets its own share only, not those of the later sums"
    assert torch.equal(own[1](at), at.gradient)
    assert front[0] == "it is summed from the front, not from the end"
    np.testing.assert_allclose(front[1](at).numpy(), np.cumsum(at.gradient.numpy(), axis), **ROUNDING)


@pytest.mark.parametrize(
    ("op", "forward", "slot"),
    [
        ("where", lambda x, y: torch.where(x > y, x, y), 1),
        ("where", lambda x, y: torch.where(x > y, x, y), 2),
        ("clamp", lambda x: x.clamp(-0.5, 0.7), 0),
        ("clamp_min", lambda x: torch.clamp_min(x, -0.5), 0),
        ("clamp_max", lambda x: torch.clamp_max(x, 0.5), 0),
        ("maximum", torch.maximum, 0),
        ("maximum", torch.maximum, 1),
        ("minimum", torch.minimum, 0),
        ("minimum", torch.minimum, 1),
    ],
)
def test_an_inverted_mask_lets_through_what_the_right_one_stops(op, forward, slot):
    arguments = [X, drawn(3, *X.shape)][: 1 if op.startswith("clamp") else 2]
    at = at_step(forward, arguments, op, slot)
    ((words, rule),) = says(of_operation(at)).items()
    assert words == "the mask is inverted"
    right = true_gradient(at)
    assert 0 < (right == 0).sum() < right.numel()
    assert torch.equal(rule(at), torch.where(right == 0, at.gradient, 0.0))


def test_every_table_is_tried():
    assert set(REDUCTIONS) == {*OVER, "cumsum"}
    assert set(MASKS) == {"where", "clamp", "clamp_min", "clamp_max", "maximum", "minimum"}
    assert set(GATHERS) == {"scatter_add", "scatter", "max_pool2d_with_indices"}
    assert set(WHOLE) == {*GATES, *VECTORS, "elu", "softplus", "mish"}
    assert of_operation(at_step(F.mish, [X], "mish", whole=WHOLE)) == {}


INDEX = torch.tensor([[0, 2, 1], [3, 0, 2]])


@pytest.mark.parametrize("op", ["scatter", "scatter_add"])
def test_a_scatter_that_writes_where_it_adds_or_adds_where_it_writes(op):
    base, more = drawn(4, 2, 4), drawn(5, 2, 3)
    forward = lambda base, more: getattr(base, op)(1, INDEX, more)  # noqa: E731
    at, of_more = (at_step(forward, [base, more], op, slot) for slot in (0, 2))
    other = {"scatter": torch.scatter_add, "scatter_add": torch.scatter}[op]
    leaf = base.clone().requires_grad_()
    (expected,) = torch.autograd.grad(other(leaf, 1, INDEX, more), leaf, at.gradient)
    ((_, rule),) = of_operation(at).items()
    assert torch.equal(rule(at), expected)
    assert torch.equal(rule(of_more), true_gradient(of_more))  # what is written or added has the right one


@pytest.mark.parametrize("shape", [(1, 1, 5, 6), (2, 3, 4, 5), (3, 5, 4)])
def test_where_windows_overlap_the_last_one_that_an_entry_wins_keeps_its_gradient(shape):
    x = drawn(6, *shape)
    at = at_step(lambda x: F.max_pool2d(x, 3, 1), [x], "max_pool2d_with_indices")
    gradient, chosen = at.gradient[0], at.out[1]
    expected = np.zeros(shape)
    for place in itertools.product(*map(range, gradient.shape)):
        row, column = divmod(int(chosen[place]), shape[-1])
        expected[(*place[:-2], row, column)] = gradient[place]
    ((_, rule),) = of_operation(at).items()
    assert np.array_equal(rule(at).numpy(), expected)
    assert not np.allclose(expected, true_gradient(at))


# Gates: what the gradient is multiplied by, at x.
GATES = {
    "silu": (
        F.silu,
        {
            "only σ(x) is kept of σ(x) + x σ′(x)": sigma,
            "x is forgotten in the second term of σ(x) + x σ′(x)": lambda x: sigma(x) + slope(sigma, x),
            "only x σ′(x) is kept of σ(x) + x σ′(x)": lambda x: x * slope(sigma, x),
            "only σ′(x) is kept": lambda x: slope(sigma, x),
            "1 − σ is forgotten: σ(1 + x), not σ(1 + x(1 − σ))": lambda x: sigma(x) * (1 + x),
            "σ is forgotten in the second term: σ + x(1 − σ)": lambda x: sigma(x) + x * (1 - sigma(x)),
            "the second term has the wrong sign": lambda x: sigma(x) - x * slope(sigma, x),
        },
    ),
    "gelu": (
        F.gelu,
        {
            "only Φ(x) is kept of Φ(x) + x φ(x)": cdf,
            "x is forgotten in the second term of Φ(x) + x φ(x)": lambda x: cdf(x) + slope(cdf, x),
            "only x φ(x) is kept of Φ(x) + x φ(x)": lambda x: x * slope(cdf, x),
            "1/√(2π) is missing from the density in Φ(x) + x φ(x)": lambda x: cdf(x) + x * math.e ** (-(x**2) / 2),
            "the second term has the wrong sign: Φ(x) − x φ(x)": lambda x: cdf(x) - x * slope(cdf, x),
            "e^(−x²) stands for e^(−x²/2) in the density": lambda x: (
                cdf(x) + x * math.e ** (-(x**2)) * (2 * math.pi) ** -0.5
            ),
            "it is the derivative of x σ(1.702 x)": lambda x: slope(lambda x: x * sigma(1.702 * x), x),
            "it is the derivative of the tanh approximation": lambda x: slope(tanh_gelu, x),
        },
    ),
}


def tanh_gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def check(rules, formulas, at, differs=True):
    """Each rule by its formula of the gradient, the operand and the output; none is the right one, nor another."""
    assert set(rules) == set(formulas)
    found = [true_gradient(at).numpy()]
    for words, formula in formulas.items():
        mine = rules[words](at).numpy()
        np.testing.assert_allclose(
            mine, formula(at.gradient.numpy(), at.operand.numpy(), at.out.numpy()), rtol=1e-8, atol=1e-9, err_msg=words
        )
        assert not any(np.allclose(mine, other) for other in found), words
        found += [mine] * differs


@pytest.mark.parametrize("op", GATES)
def test_the_wrong_derivative_of_a_gate_is_what_it_says(op):
    forward, slopes = GATES[op]
    at = at_step(forward, [X], op, whole=WHOLE)
    check(says(of_operation(at)), {words: lambda g, x, y, f=f: g * f(x) for words, f in slopes.items()}, at)


def test_the_tanh_approximation_is_told_from_the_exact_gelu():
    at = at_step(lambda x: F.gelu(x, approximate="tanh"), [X], "gelu", whole=WHOLE)
    exact = {"it is the derivative of the exact GELU": lambda g, x, y: g * (cdf(x) + x * phi(x))}
    check(says(of_operation(at)), exact, at)


@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_the_negative_side_of_elu_is_what_it_says(alpha):
    side = {
        "y + 1, which is right for α = 1 only": lambda x, y: y + 1,
        "y: α is not added": lambda x, y: y,
        "α is left out: eˣ": lambda x, y: np.exp(x),
        "eˣ is left out": lambda x, y: alpha,
        "0, the derivative of relu": lambda x, y: 0.0,
        "x + α, not y + α": lambda x, y: x + alpha,
        "α is there twice": lambda x, y: alpha**2 * np.exp(x),
    }
    at = at_step(lambda x: F.elu(x, alpha), [X], "elu", whole=WHOLE)
    rules = {
        words.removeprefix("on the negative side ").removeprefix("it is "): r
        for words, r in says(of_operation(at)).items()
    }
    assert set(rules) == set(side)
    for words, formula in side.items():
        x, y, g = X.numpy(), at.out.numpy(), at.gradient.numpy()
        np.testing.assert_allclose(rules[words](at).numpy(), g * np.where(x > 0, 1.0, formula(x, y)), **ROUNDING)
        right = np.allclose(rules[words](at), true_gradient(at))
        assert right == (
            alpha == 1 and words in ("y + 1, which is right for α = 1 only", "α is left out: eˣ", "α is there twice")
        )


def test_elu_s_alpha_is_1_where_none_is_given():
    at = at_step(F.elu, [X], "elu", whole=WHOLE)
    rules = says(of_operation(at))
    left = rules["on the negative side eˣ is left out"](at)
    assert torch.equal(left, at.gradient)


@pytest.mark.parametrize("beta", [1.0, 2.5, 0.4])
def test_the_wrong_derivative_of_softplus_is_what_it_says(beta):
    formulas = {
        "it is 1 − σ(βx), not σ(βx)": lambda g, x, y: g * (1 - sigma(beta * x)),
        "it is σ′(βx), not σ(βx)": lambda g, x, y: g * sigma(beta * x) * (1 - sigma(beta * x)),
        "it is σ(y), of the output, not σ(βx)": lambda g, x, y: g * sigma(y),
    }
    if beta != 1:
        formulas |= {
            "β is left out: σ(x), not σ(βx)": lambda g, x, y: g * sigma(x),
            "1/β in front is forgotten: β σ(βx), not σ(βx)": lambda g, x, y: g * beta * sigma(beta * x),
            "1/β is not cancelled by β: σ(βx)/β, not σ(βx)": lambda g, x, y: g * sigma(beta * x) / beta,
        }
    at = at_step((lambda x: F.softplus(x, beta)) if beta != 1 else F.softplus, [X], "softplus", whole=WHOLE)
    check(says(of_operation(at)), formulas, at)


def jacobian_free(axis):
    """The wrong derivatives of softmax, log softmax and logsumexp along an axis of three; Σ is over that axis."""

    def total(a, along=axis):
        return a.sum(along, keepdims=True)

    def at_axes(rule, what, name):
        found = {}
        for other in (-3, -2, -1):
            if other != (axis if axis < 0 else axis - 3):
                found[f"{what} runs over axis {other}, not over axis {name}"] = lambda *a, o=other: rule(*a, o)
        found[f"{what} runs over every axis, not over axis {name} only"] = lambda *a: rule(*a, (0, 1, 2))
        return found

    n = X.shape[axis]
    softmax = {
        "Σ g y is left out of y(g − Σ g y): each entry gets its own share only": lambda g, x, y: y * g,
        "only the diagonal y(1 − y) of the Jacobian is kept": lambda g, x, y: g * (y - y**2),
        "the sum is Σ g, not Σ g y": lambda g, x, y: y * g - y * total(g),
        "y in front of (g − Σ g y) is left out": lambda g, x, y: g - total(g * y),
        "Σ g y is added, not subtracted": lambda g, x, y: y * g + y * total(g * y),
        "a mean of g y is taken, not the sum": lambda g, x, y: y * g - y * total(g * y) / n,
        "x stands for y in y(g − Σ g y)": lambda g, x, y: x * g - x * total(g * x),
        **at_axes(lambda g, x, y, along: y * g - y * total(g * y, along), "Σ g y", axis),
    }
    log_softmax = {
        "the log-probabilities stand for the probabilities in g − p Σ g: exp is forgotten": (
            lambda g, x, z: g - z * total(g)
        ),
        "Σ is left out of g − p Σ g: each entry subtracts its own share only": lambda g, x, z: g - g * np.exp(z),
        "p is left out of g − p Σ g": lambda g, x, z: g - total(g),
        "x stands for p in g − p Σ g": lambda g, x, z: g - x * total(g),
        "p Σ g is added, not subtracted": lambda g, x, z: g + np.exp(z) * total(g),
        "p Σ g is left out: passed straight through": lambda g, x, z: g,
        "a mean of g is taken, not the sum": lambda g, x, z: g - np.exp(z) * total(g) / n,
        **at_axes(lambda g, x, z, along: g - np.exp(z) * total(g, along), "Σ g", axis),
    }
    logsumexp = {
        "exp(x − max x) is not divided by its sum": lambda g, x, z: g * np.exp(x) / np.exp(x).max(axis, keepdims=True),
        "exp x is not divided by its sum": lambda g, x, z: g * np.exp(x),
        "it is log softmax, not softmax": lambda g, x, z: g * (x - np.log(total(np.exp(x)))),
        "every entry gets the whole gradient": lambda g, x, z: g + 0 * x,
        "softmax stands for itself times the result": lambda g, x, z: (
            g * np.log(total(np.exp(x))) * np.exp(x) / total(np.exp(x))
        ),
    }
    return {"_softmax": softmax, "_log_softmax": log_softmax, "logsumexp": logsumexp}


VECTORS = {"_softmax": torch.softmax, "_log_softmax": torch.log_softmax, "logsumexp": torch.logsumexp}


@pytest.mark.parametrize(("op", "axis"), list(itertools.product(VECTORS, (0, 1, -1))))
def test_the_wrong_derivative_of_a_softmax_is_what_it_says(op, axis):
    more = [True] if op == "logsumexp" else []
    at = at_step(lambda x: VECTORS[op](x, axis, *more), [X], op, whole=WHOLE)
    check(says(of_operation(at)), jacobian_free(axis)[op], at)


def test_a_softmax_over_the_only_axis_has_no_other_and_logsumexp_may_run_over_several():
    at = at_step(lambda x: x.softmax(0), [X[0, 0]], "_softmax", whole=WHOLE)
    assert len(of_operation(at)) == 7
    at = at_step(lambda x: x.logsumexp((0, 2)), [X], "logsumexp", whole=WHOLE)
    rules = says(of_operation(at))
    g, x = at.gradient.numpy()[None, :, None], X.numpy()
    expected = g * np.exp(x - x.max((0, 2), keepdims=True))
    np.testing.assert_allclose(rules["exp(x − max x) is not divided by its sum"](at).numpy(), expected, **ROUNDING)
    np.testing.assert_allclose(rules["exp x is not divided by its sum"](at).numpy(), g * np.exp(x), **ROUNDING)


# What is said of a wrong backward of one operation, and what that is of the gradient, x and w.
TOLD = [
    (lambda x, w: x.prod(1) * w.sum(1), lambda g, x, w: (g * w.sum(1) * x.prod(1))[:, None].expand_as(x), "product it"),
    (lambda x, w: (torch.clamp_max(x, 0.5) * w).sum(), lambda g, x, w: w * (x > 0.5), "the mask is inverted"),
    (
        lambda x, w: F.softmax(x, 1) * w,
        lambda g, x, w: x * (g * w - (g * w * x).sum(1, keepdim=True)),
        "x stands for y in y(g − Σ g y)",
    ),
    (
        lambda x, w: F.softplus(x, 2.5) * w,
        lambda g, x, w: g * w * torch.sigmoid(x),
        "β is left out: σ(x), not σ(βx)",
    ),
    (
        lambda x, w: F.log_softmax(x, 1) * w,
        lambda g, x, w: g * w - F.log_softmax(x, 1) * (g * w).sum(1, keepdim=True),
        "exp is forgotten",
    ),
    (
        lambda x, w: F.elu(x, 0.6) * w,
        lambda g, x, w: g * w * torch.where(x > 0, 1.0, F.elu(x, 0.6) + 1),
        "which is right for α = 1 only",
    ),
]


@pytest.mark.parametrize(("forward", "wrong", "told"), TOLD, ids=lambda value: value if isinstance(value, str) else "")
def test_who_writes_a_wrong_backward_of_a_whole_operation_is_told_which(forward, wrong, told):
    mistake = explained(forward, lambda k: (drawn(60 + k, 3 + k, 4 + k), drawn(70 + k, 3 + k, 4 + k)), wrong)
    assert told in mistake.says
