"""One wrong line is one finding: what follows from it is a consequence, and the graph names what no table does."""

import torch
from kept_draws import DRAWS, SEED

from bpcompare.marker.check import check_function


def adam(p, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, *, penalty=0.0, largest=False):
    grad = grad + penalty * p
    m, v = beta1 * exp_avg + (1 - beta1) * grad, beta2 * exp_avg_sq + (1 - beta2) * grad**2
    v = torch.maximum(v, exp_avg_sq) if largest else v
    return p - lr * m / (1 - beta1**step) / ((v / (1 - beta2**step)).sqrt() + eps), m, v


def told(marking, place):
    return marking.verdicts[place].findings[0].explanation


def test_an_unknown_penalty_in_both_means_is_solved_for_and_the_parameter_follows():
    marking = check_function(lambda *a: adam(*a, penalty=0.037), "adam-step", 3, draws=DRAWS)
    assert marking.mistakes["p"] == ("consequence",)
    assert told(marking, 0).follows == ("exp_avg", "exp_avg_sq")
    for place in (1, 2):
        assert marking.verdicts[place].mistakes == ("value-changed",)
        assert {"g", "0.037", "p"} <= set(told(marking, place).told[0].says.split())


def test_the_larger_of_two_running_means_is_one_finding():
    marking = check_function(lambda *a: adam(*a, largest=True), "adam-step", 3, draws=DRAWS)
    assert marking.mistakes == {"p": ("consequence",), "exp_avg": (), "exp_avg_sq": ("value-changed",)}


def test_what_no_change_explains_has_properties_that_are_true():
    def gradients(x, y, w, b):
        residual = x @ w.T + b - y
        return (residual**2 * torch.cos(residual)).T @ x.exp(), 2 * residual.sum(0) / y.numel()

    (verdict, right) = check_function(gradients, seed=SEED, draws=DRAWS).verdicts
    assert verdict.mistakes == ("unknown",)
    assert right.properties == ()
    assert {"linear": False}.items() <= {one.name: one.value for one in verdict.properties}.items()


def test_a_last_step_that_multiplies_a_number_and_a_vector_is_searched_too():
    def gradients(x, y, w, b):
        return torch.sin(1000 * x + w), torch.cos(1000 * w.sum() + b)

    marking = check_function(gradients, "sigmoid-neuron", seed=8, draws=DRAWS)
    assert all(verdict.mistakes == ("unknown",) for verdict in marking.verdicts)


def test_a_change_of_ones_own_right_answer_where_the_next_step_uses_it_is_named():
    def gradients(x, y, w, b):
        a = torch.sigmoid(w @ x + b)
        delta = 2 * (a - y) * a * (1 - a)
        return torch.tanh(delta) * x, delta

    of_w, of_b = check_function(gradients, "sigmoid-neuron", seed=8, draws=DRAWS).verdicts
    assert of_w.mistakes == ("value-changed",)
    assert {"∂L/∂z", "tanh"} <= set(of_w.findings[0].explanation.told[0].says.split())
    assert of_b.mistakes == ()
