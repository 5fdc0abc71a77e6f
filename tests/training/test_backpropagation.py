import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bpcompare.errors import MethodError
from bpcompare.problem.networks import quadratic
from bpcompare.training import backpropagation
from bpcompare.training.gradients import finite_difference, formula, graph, moments
from bpcompare.training.train import train

# Of the largest entry of each gradient: products of up to five matrices of 50 columns, in float64.
RELATIVE = 1e-12
# Saturated networks have entries that only rounding keeps from zero, so that a relative bound means nothing there: of
# the largest entry of all gradients together.
SATURATED = 1e-12

ACTIVATIONS = [nn.Sigmoid, nn.Tanh, nn.ReLU]


def drawn(seed, hidden, batch, scale=1.0, bias=True):
    """A network with drawn weights (times scale/√in), one activation per hidden layer, and data."""
    draw = torch.Generator().manual_seed(seed)
    inputs, outputs = torch.randint(1, 51, (2,), generator=draw).tolist()
    widths = [inputs, *[width for width, _ in hidden], outputs]
    parts = []
    for before, after, kind in zip(widths[:-1], widths[1:], [*[kind for _, kind in hidden], None], strict=True):
        layer = nn.Linear(before, after, bias=bias, dtype=torch.float64)
        with torch.no_grad():
            for p in layer.parameters():
                p.copy_(torch.randn(p.shape, generator=draw, dtype=torch.float64) * scale / before**0.5)
        parts += [layer] if kind is None else [layer, kind()]
    x = torch.randn(batch, inputs, generator=draw, dtype=torch.float64)
    y = torch.randn(batch, outputs, generator=draw, dtype=torch.float64)
    return nn.Sequential(*parts), x, y


def by_torch(model, x, y):
    """Torch's own autograd and MSELoss."""
    loss = nn.MSELoss()(model(x), y)
    return [loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))]


def by(source, model, x, y):
    for p in model.parameters():
        p.grad = torch.full_like(p, 7.0)  # what stood there before must not matter
    loss = source(model, x, y)
    return [loss.detach(), *[p.grad for p in model.parameters()]]


def relative(ours, theirs):
    return max(
        ((a - b).abs().max() / b.abs().max().clamp(min=1e-300)).item() for a, b in zip(ours, theirs, strict=True)
    )


networks = {
    "seed": st.integers(0, 10**9),
    "hidden": st.lists(st.tuples(st.integers(1, 50), st.sampled_from(ACTIVATIONS)), min_size=1, max_size=4),
    "batch": st.integers(1, 30),
    "bias": st.booleans(),
}


@given(**networks)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_recursion_is_autograd_on_300_networks(seed, hidden, batch, bias):
    model, x, y = drawn(seed, hidden, batch, bias=bias)
    assert relative(by(formula, model, x, y), by_torch(model, x, y)) < RELATIVE


@given(**networks)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_graph_engine_is_autograd_on_networks(seed, hidden, batch, bias):
    model, x, y = drawn(seed, hidden, batch, bias=bias)
    assert relative(by(graph, model, x, y), by_torch(model, x, y)) < RELATIVE


@given(**networks)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_saturated_networks_stay_finite_and_within_the_absolute_bound(seed, hidden, batch, bias):
    model, x, y = drawn(seed, hidden, batch, scale=1000.0, bias=bias)
    ours, theirs = by(formula, model, x, y), by_torch(model, x, y)
    assert all(got.isfinite().all() for got in ours)
    largest = max(b.abs().max().item() for b in theirs)
    assert max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True)) <= SATURATED * largest


@pytest.mark.parametrize("kind", [nn.Sigmoid, nn.Tanh])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("z", [1000.0, -1000.0])
def test_at_z_of_a_thousand_nothing_overflows_and_no_gradient_passes(kind, dtype, z):
    model = nn.Sequential(nn.Linear(1, 1, dtype=dtype), kind(), nn.Linear(1, 1, dtype=dtype))
    with torch.no_grad():
        for p, value in zip(model.parameters(), (z, 0.0, 1.0, 0.0), strict=True):
            p.fill_(value)
    loss, *grads = by(formula, model, torch.ones(1, 1, dtype=dtype), torch.full((1, 1), 3.0, dtype=dtype))
    outside = {nn.Sigmoid: (z > 0) * 1.0, nn.Tanh: (z > 0) * 2.0 - 1}[kind]  # σ(±∞)
    assert loss.item() == (outside - 3) ** 2
    assert [g.item() for g in grads] == [0.0, 0.0, 2 * (outside - 3) * outside, 2 * (outside - 3)]


def test_two_layers_by_hand_are_what_sympy_differentiates():
    x, y, *parameters = symbols = sympy.symbols("x y w1 b1 w2 b2")
    w1, b1, w2, b2 = parameters
    loss = (w2 / (1 + sympy.exp(-(w1 * x + b1))) + b2 - y) ** 2
    numbers = dict(zip(symbols, (0.7, 2.0, 1.5, -0.25, -1.25, 0.5), strict=True))
    model = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid(), nn.Linear(1, 1)).double()
    with torch.no_grad():
        for p, symbol in zip(model.parameters(), parameters, strict=True):
            p.fill_(numbers[symbol])
    found = by(formula, model, torch.tensor([[0.7]]).double(), torch.tensor([[2.0]]).double())
    data = {x: float(torch.tensor(0.7).double()), y: 2.0}
    for got, exact in zip(found, [loss, *(sympy.diff(loss, p) for p in parameters)], strict=True):
        assert got.item() == pytest.approx(float(exact.subs({**numbers, **data}).evalf(30)), rel=1e-12)


def test_a_network_of_one_linear_is_the_linear_to_the_bit():
    layer = nn.Linear(3, 2)
    x, y = torch.randn(20, 3), torch.randn(20, 2)
    alone = [t.clone() for t in by(formula, layer, x, y)]
    assert all(torch.equal(a, b) for a, b in zip(alone, by(formula, nn.Sequential(layer), x, y), strict=True))


@pytest.mark.parametrize(
    "parts",
    [
        [nn.Tanh(), nn.Linear(3, 2)],
        [nn.Linear(3, 4), nn.ReLU(), nn.Tanh(), nn.Linear(4, 2)],
        [nn.Linear(3, 4), nn.Linear(4, 2), nn.Sigmoid()],
        [nn.Linear(3, 2, bias=False), nn.Sigmoid()],
    ],
    ids=["activation first", "two in a row", "activation last", "no bias"],
)
def test_activations_may_stand_anywhere(parts):
    model = nn.Sequential(*parts).double()
    x, y = torch.randn(5, 3).double(), torch.randn(5, 2).double()
    assert relative(by(formula, model, x, y), by_torch(model, x, y)) < RELATIVE


def test_one_activation_may_be_used_twice_and_one_linear_may_not():
    sigmoid, square = nn.Sigmoid(), nn.Linear(2, 2).double()
    x, y = torch.randn(5, 2).double(), torch.randn(5, 2).double()
    shared = nn.Sequential(square, sigmoid, nn.Linear(2, 2).double(), sigmoid)
    assert relative(by(formula, shared, x, y), by_torch(shared, x, y)) < RELATIVE
    with pytest.raises(MethodError, match=r"nn\.Linear.* 2, Linear\(in_features=2"):
        formula(nn.Sequential(square, sigmoid, square), x, y)


@pytest.mark.parametrize("source", [formula, graph])
def test_an_unsupported_layer_is_named(source):
    model = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))
    with pytest.raises(MethodError, match=r" 1, Softmax\(dim=1\).*nn\.Linear.*nn\.Sigmoid.*nn\.Tanh.*nn\.ReLU"):
        source(model, torch.ones(1, 2), torch.ones(1, 2))


def test_moments_refuse_a_network_and_differences_do_not():
    model, x, y = drawn(1, [(3, nn.Tanh)], 4)
    with pytest.raises(MethodError, match=r"moments.*nn\.Linear"):
        moments(model, x, y)
    assert relative(by(finite_difference, model, x, y), by_torch(model, x, y)) < 1e-6  # ε^⅔ of a central difference


@pytest.mark.parametrize("wrong", [lambda delta, a: delta * a, lambda delta, a: delta * (1 - a) * a * (1 + 1e-9)])
def test_the_comparison_with_autograd_refuses_a_wrong_slope(monkeypatch, wrong):
    monkeypatch.setitem(backpropagation.TIMES_SLOPE, nn.Sigmoid, wrong)
    model, x, y = drawn(3, [(5, nn.Sigmoid)], 6)
    assert relative(by(formula, model, x, y), by_torch(model, x, y)) > 100 * RELATIVE


@pytest.mark.parametrize("seed", [333, 111])
def test_the_published_network_by_formula_and_by_autograd_stays_the_same_to_the_bit(seed):
    problem, epochs = quadratic(seed), 11
    ways = {
        name: train(problem, name, lr=0.002, epochs=epochs, batch_size=1, shuffle=False)
        for name in ("manual", "autograd")
    }
    for name, values in ways["manual"].parameters.items():
        assert torch.equal(values, ways["autograd"].parameters[name])
    assert ways["manual"].track.fingerprints == ways["autograd"].track.fingerprints
    assert len(ways["manual"].losses) == epochs + 1
    assert ways["manual"].loss < 0.2 * ways["manual"].losses[0]


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_per_sample_training_is_bit_equal_to_a_flat_torch_loop(activation):
    problem = quadratic(layers=(2, 10, 5, 1), activation=activation, init="pytorch")
    run = train(problem, "manual", lr=0.002, epochs=5, batch_size=1, shuffle=False)
    model = problem.model()
    for _ in range(5):
        for i in range(problem.samples):
            model.zero_grad()
            nn.functional.mse_loss(model(problem.x[i : i + 1]), problem.y[i : i + 1]).backward()
            for p in model.parameters():
                p.data -= 0.002 * p.grad
    assert all(torch.equal(run.parameters[name][-1], p) for name, p in model.named_parameters())
