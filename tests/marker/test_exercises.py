import pytest
import torch
from kept_draws import DRAWS

from bpcompare.errors import InputError
from bpcompare.marker.check import check_function
from bpcompare.marker.exercises import EXERCISES, find, starter
from bpcompare.marker.mistakes import MISTAKES


def adam_step(p, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """One step of torch.optim.Adam itself, with the state put into it."""
    parameter = torch.nn.Parameter(p.clone())
    optimizer = torch.optim.Adam([parameter], lr=lr, betas=(beta1, beta2), eps=eps)
    state = {"step": torch.tensor(float(step - 1)), "exp_avg": exp_avg.clone(), "exp_avg_sq": exp_avg_sq.clone()}
    optimizer.state[parameter] = state
    parameter.grad = grad.clone()
    optimizer.step()
    return parameter.detach(), state["exp_avg"], state["exp_avg_sq"]


def sigmoid_neuron(x, y, w, b):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    ((torch.sigmoid(w @ x + b) - y) ** 2).backward()
    return w.grad, b.grad


def deltas(x, y, w1, b1, w2, b2, w3, b3):
    z1 = (w1 @ x + b1).requires_grad_()
    z2 = w2 @ torch.sigmoid(z1) + b2
    z3 = w3 @ torch.sigmoid(z2) + b3
    return torch.autograd.grad(((z3 - y) ** 2).sum(), (z1, z2, z3))


@pytest.mark.parametrize(
    ("name", "function"),
    [("adam-step", adam_step), ("sigmoid-neuron", sigmoid_neuron), ("delta-recursion", deltas)],
)
def test_torchs_own_answer_passes(name, function):
    for seed in range(3):
        assert check_function(function, name, seed, draws=DRAWS).right


def by_hand(p, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, *, change=""):
    square = {"v of g": grad, "v of |g|": grad.abs()}.get(change, grad**2)
    if change == "same beta":
        beta2 = beta1
    m = beta1 * exp_avg + (1 - beta1) * grad
    v = beta2 * exp_avg_sq + (1 - beta2) * square
    if change == "sums":
        m, v = beta1 * exp_avg + grad, beta2 * exp_avg_sq + grad**2
    t = {"late": step + 1}.get(change, step)
    first = m if change in ("none", "only v") else m / (1 - beta1**t)
    second = v if change in ("none", "only m") else v / (1 - beta2**t)
    root = torch.sqrt(second + eps) if change == "inside" else torch.sqrt(second) + eps
    move = lr * first / ((second + eps) if change == "no root" else root)
    new = p + move if change == "up" else p - move
    return (move if change == "move" else new), m, v


@pytest.mark.parametrize(
    ("change", "name", "answer"),
    [
        ("none", "bias-correction-missing", "p"),
        ("only v", "first-bias-correction-missing", "p"),
        ("only m", "second-bias-correction-missing", "p"),
        ("late", "bias-correction-one-step-late", "p"),
        ("inside", "eps-inside-root", "p"),
        ("no root", "root-missing", "p"),
        ("up", "ascent", "p"),
        ("move", "move-for-parameter", "p"),
        ("v of g", "gradient-not-squared", "exp_avg_sq"),
        ("v of |g|", "gradient-absolute", "exp_avg_sq"),
        ("same beta", "same-beta-twice", "exp_avg_sq"),
        ("sums", "one-minus-beta-missing", "exp_avg"),
    ],
)
def test_a_wrong_adam_step_is_named(change, name, answer):
    marking = check_function(lambda *arguments: by_hand(*arguments, change=change), "adam-step", 5, draws=DRAWS)
    assert not marking.right
    assert marking.mistakes[answer] == (name,)


def neuron(x, y, w, b, *, slope, factor=2.0):
    z = w @ x + b
    delta = factor * (torch.sigmoid(z) - y) * slope(z, torch.sigmoid(z))
    return delta * x, delta


@pytest.mark.parametrize(
    ("slope", "name"),
    [
        (lambda z, a: torch.ones_like(z), "sigmoid-derivative-missing"),
        (lambda z, a: torch.sigmoid(a) * (1 - torch.sigmoid(a)), "sigmoid-derivative-of-a"),
        (lambda z, a: a, "sigmoid-for-its-derivative"),
        (lambda z, a: 1 - a**2, "tanh-derivative"),
        (lambda z, a: a * (1 + a), "sigmoid-derivative-plus"),
    ],
)
def test_a_wrong_derivative_of_the_sigmoid_is_named(slope, name):
    marking = check_function(lambda *a: neuron(*a, slope=slope), "sigmoid-neuron", 5, draws=DRAWS)
    assert marking.mistakes == {"grad_w": ("consequence",), "grad_b": (name,)}


def test_a_missing_2_is_named_in_the_neuron_too():
    marking = check_function(
        lambda *a: neuron(*a, slope=lambda z, a: a * (1 - a), factor=1.0), "sigmoid-neuron", 5, draws=DRAWS
    )
    assert marking.mistakes == {"grad_w": ("consequence",), "grad_b": ("factor-2-missing",)}


@pytest.mark.parametrize(
    ("activate", "name"),
    [
        (lambda z: torch.sigmoid(-z), "sigmoid-of-minus-z"),
        (torch.tanh, "tanh-for-sigmoid"),
        (torch.relu, "relu-for-sigmoid"),
    ],
)
def test_another_activation_than_the_sigmoid_is_named(activate, name):
    def gradients(x, y, w, b):
        z = (w @ x + b).requires_grad_()
        a = activate(z)
        slope = a * (1 - a) if name == "sigmoid-of-minus-z" else torch.autograd.grad(a, z)[0]
        delta = (2 * (a - y) * slope).detach()
        return delta * x, delta

    assert check_function(gradients, "sigmoid-neuron", 5, draws=DRAWS).mistakes == {
        "grad_w": ("consequence",),
        "grad_b": (name,),
    }


def test_a_sigmoid_applied_twice_in_one_layer_is_found_on_the_graph_and_not_called_half_precision():
    def slope(z):
        return torch.sigmoid(z) * (1 - torch.sigmoid(z))

    def recursion(x, y, w1, b1, w2, b2, w3, b3):
        delta1, delta2, delta3 = deltas(x, y, w1, b1, w2, b2, w3, b3)
        z1 = w1 @ x + b1
        return delta1 / slope(z1) * slope(torch.sigmoid(z1)), delta2, delta3

    for seed in range(4):
        assert check_function(recursion, "delta-recursion", seed, draws=DRAWS).mistakes["delta1"] == (
            "operation-replaced",
        )


def slope_of(activate, z):
    z = z.detach().requires_grad_()
    return torch.autograd.grad(activate(z).sum(), z)[0]


def network(x, y, w1, b1, w2, b2, w3, b3, *, hidden=True, turn=True, output=False, activate=torch.sigmoid, biases=True):
    z1 = w1 @ x + b1 * biases
    z2 = w2 @ activate(z1) + b2 * biases
    z3 = w3 @ activate(z2) + b3
    third = 2 * (z3 - y)
    if output:
        a3 = torch.sigmoid(z3)
        third = 2 * (a3 - y) * a3 * (1 - a3)
    slopes = [slope_of(activate, z) if hidden else torch.ones_like(z) for z in (z1, z2)]
    second = (w3.T if turn else w3) @ third * slopes[1]
    return (w2.T if turn else w2) @ second * slopes[0], second, third


@pytest.mark.parametrize(
    ("change", "name", "answer"),
    [
        ({"hidden": False}, "sigmoid-derivative-missing", "delta2"),
        ({"hidden": False}, "sigmoid-derivative-missing", "delta1"),
        ({"output": True}, "sigmoid-at-the-output", "delta3"),
        ({"turn": False}, "weight-not-transposed", "delta2"),
        ({"activate": torch.tanh}, "tanh-for-sigmoid", "delta1"),
        ({"activate": torch.relu}, "relu-for-sigmoid", "delta3"),
        ({"biases": False}, "hidden-biases-forgotten", "delta2"),
    ],
)
def test_a_wrong_recursion_is_named(change, name, answer):
    marking = check_function(lambda *a: network(*a, **change), "delta-recursion", 5, draws=DRAWS)
    assert not marking.right
    assert marking.mistakes[answer] == (name,)


def test_every_starter_runs_and_is_wrong():
    for name, exercise in EXERCISES.items():
        space = {}
        exec(starter(name), space)
        marking = check_function(space[exercise.function], name, 1, draws=DRAWS)
        assert not marking.right
        assert set(marking.mistakes) == set(exercise.known.answers)


def test_every_line_of_a_mistake_is_a_line_of_its_derivation():
    for exercise in EXERCISES.values():
        for name in (*exercise.mistakes, *MISTAKES):
            for answer in exercise.known.answers:
                assert 0 <= exercise.line(name, answer) <= len(exercise.derivation)
        assert set(exercise.known.variants) <= set(exercise.mistakes) | set(MISTAKES)


def test_an_unknown_exercise_is_named():
    with pytest.raises(InputError, match="there is no exercise 'adam'; choose from linear-regression"):
        find("adam")
