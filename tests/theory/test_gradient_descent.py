import math

import pytest
import torch
from certified import nist

from bpcompare.comparison.linear import compare
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.theory.gradient_descent import Modes, modes
from bpcompare.theory.least_squares import curvature
from bpcompare.training.train import train

ROUNDING = 1e-10  # of the loss, over 100 epochs: 2k·ε·(1/|1 − ηλ|) stays below it up to 0.999 of the limit
PATH_ROUNDING = 1e-9  # of numbers of about 1, in eigenvectors in which the distance grows or is 1e3 long


def drawn(seed):
    """in 1–4, out 1–3, with noise; every fifth one with a column twice, where there are two."""
    generator = torch.Generator().manual_seed(seed)
    in_features, out_features = (int(torch.randint(1, most + 1, (), generator=generator)) for most in (4, 3))
    samples = int(torch.randint(6, 60, (), generator=generator))
    x, weight, noise = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((samples, in_features), (in_features, out_features), (samples, out_features))
    )
    if seed % 5 == 0 and in_features > 1:
        x[:, -1] = x[:, 0]
    return from_data(x, x @ weight + 0.1 * noise, seed=seed, bias=seed % 7 > 0)


@pytest.mark.parametrize("seed", range(10))  # of which 0 and 5 have a column twice, 0 and 7 no bias
def test_the_predicted_loss_and_path_are_those_of_training_at_every_epoch(seed):
    problem = drawn(seed)
    limit = curvature(problem.x, problem.out_features, bias=problem.has_bias).largest_stable_lr
    theory = modes(problem)
    for part in (1e-3, 0.1, 0.5, 0.9, 0.999, 1.001):
        run = train(problem, "manual", lr=part * limit, epochs=100)
        epochs = torch.arange(101)
        predicted = theory.losses(part * limit, epochs)
        assert ((run.losses - predicted).abs() / predicted).max() < ROUNDING
        weights, biases = theory.path(part * limit, epochs)
        assert torch.allclose(weights, run.parameters["weight"], rtol=0, atol=PATH_ROUNDING)
        if problem.has_bias:
            assert torch.allclose(biases, run.parameters["bias"], rtol=0, atol=PATH_ROUNDING)


def test_just_above_the_limit_the_gap_grows_by_the_predicted_factor():
    problem = line(dtype=torch.float64)
    limit = curvature(problem.x).largest_stable_lr
    run = train(problem, "manual", lr=1.001 * limit, epochs=1_000)
    gaps = run.losses - modes(problem).minimum_loss.mean()
    # 1 − ηλ = 1 − 2·1.001 = −1.002
    assert gaps[-1] / gaps[-2] == pytest.approx(1.002**2, rel=1e-9)
    assert gaps[-1] > gaps[500] > gaps[250]


def test_a_wrong_rate_is_not_taken_for_the_right_one():
    problem = line(dtype=torch.float64)
    run = train(problem, "manual", lr=0.1, epochs=50)
    predicted = modes(problem).losses(0.1000001, torch.arange(51))
    assert ((run.losses - predicted).abs() / predicted).max() > 100 * ROUNDING


def test_where_the_rank_is_short_the_start_decides_where_the_run_ends():
    x = torch.tensor([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]], dtype=torch.float64)
    problem = from_data(x, x.sum(1, keepdim=True) + 1)
    theory = modes(problem)
    run = train(problem, "manual", lr=0.05, epochs=1200)
    weight, bias = theory.limit
    assert torch.allclose(run.parameters["weight"][-1], weight, atol=1e-9)
    assert torch.allclose(run.parameters["bias"][-1], bias, atol=1e-9)
    difference = problem.start.weight[0, 0] - problem.start.weight[0, 1]  # the direction in which nothing moves
    assert weight[0, 0] - weight[0, 1] == pytest.approx(difference.item(), abs=1e-12)


def test_fewer_rows_than_parameters_are_predicted_too():
    x = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    problem = from_data(x, torch.tensor([[3.0, 1.0]], dtype=torch.float64))
    run = train(problem, "manual", lr=0.05, epochs=30)
    assert torch.allclose(run.losses, modes(problem).losses(0.05, torch.arange(31)), rtol=1e-10, atol=1e-25)


def test_eigenvectors_have_their_largest_entry_positive_and_are_orthogonal():
    for seed in range(20):
        eigenvectors = modes(drawn(seed)).eigenvectors
        largest = eigenvectors.abs().argmax(0)
        assert (eigenvectors.gather(0, largest[None]) > 0).all()
        assert torch.allclose(
            eigenvectors.T @ eigenvectors, torch.eye(eigenvectors.shape[1], dtype=torch.float64), atol=1e-12
        )


@pytest.mark.parametrize("fraction", [0.5, 0.1, 1e-3, 1e-6])
def test_steps_to_a_gap_are_those_that_training_takes(fraction):
    problem = line(dtype=torch.float64)
    theory = modes(problem)
    run = train(problem, "manual", lr=0.3, epochs=500)
    gaps = run.losses - theory.minimum_loss.mean()
    first = int((gaps <= fraction * gaps[0]).nonzero()[0])
    assert theory.steps_to(fraction, 0.3) == first
    assert first <= curvature(problem.x).most_steps_to(fraction, 0.3)


def test_beyond_the_limit_the_gap_is_never_reached_and_at_the_optimum_at_once():
    problem = line(dtype=torch.float64)
    assert modes(problem).steps_to(0.01, 0.9) is None
    assert modes(problem).steps_to(1.0, 0.1) == 0
    zero = from_data(torch.zeros(3, 1, dtype=torch.float64), torch.ones(3, 1, dtype=torch.float64), bias=False)
    assert modes(zero).steps_to(0.01, 0.1) == 0
    assert modes(problem).steps_to(1e-9, 1e-18) is None


def test_a_mode_without_excess_neither_counts_nor_spoils_the_count():
    column = torch.ones(2, 1, dtype=torch.float64)
    theory = Modes(
        eigenvalues=torch.tensor([100.0, 1.0], dtype=torch.float64),
        eigenvectors=torch.eye(2, dtype=torch.float64),
        start=column,
        initial_offset=column,
        initial_excess=torch.tensor([[0.0], [1.0]], dtype=torch.float64),
        minimum_loss=torch.zeros(1, dtype=torch.float64),
        has_bias=True,
    )
    # at lr 0.5 the first mode would grow 49 times a step, beyond all numbers; the other is halved: 4^-499 < 1e-300
    assert theory.steps_to(1e-300, 0.5) == math.ceil(300 * math.log(10) / math.log(4)) == 499


def test_the_best_rate_brings_every_start_down_soonest():
    problem = line(dtype=torch.float64)
    known = curvature(problem.x)
    kappa = known.condition_number
    assert known.contraction(known.best_lr) == pytest.approx((kappa - 1) / (kappa + 1), rel=1e-12)
    others = [known.contraction(part * known.best_lr) for part in (0.9, 0.99, 1.01, 1.05)]
    assert min(others) > known.contraction(known.best_lr)
    assert known.most_steps_to(0.01, known.best_lr) == math.ceil(
        math.log(0.01) / (2 * math.log((kappa - 1) / (kappa + 1)))
    )


def test_norris_has_the_condition_number_and_the_limit_that_are_known_for_it():
    x, y, _, _ = nist("Norris")
    known = curvature(x)
    assert known.condition_number == pytest.approx(731_407, abs=0.5)
    assert known.largest_stable_lr == pytest.approx(3.41e-6, abs=0.005e-6)
    standardised = compare(from_data(x, y, standardize=True), ["manual"], lr=0.5, epochs=3)
    assert standardised.curvature.condition_number == pytest.approx(1)
    assert standardised.modes.steps_to(1e-6, 0.5) == 1
    assert standardised.results["manual"].gaps[1] < 1e-20 * standardised.results["manual"].gaps[0]
    assert standardised.results["manual"].weight.item() == pytest.approx(1.00211681802045, rel=1e-10)


def test_a_prediction_is_made_in_the_users_units_and_only_for_gradient_descent_on_all_samples():
    problem = line(weight=[[2.0], [-300.0]], bias=[1.0, 5.0], noise=3.0, standardize=True, dtype=torch.float64)
    comparison = compare(problem, ["manual", "autograd+SGD", "adam"], epochs=40)
    assert comparison.prediction_error("manual") < ROUNDING
    assert comparison.prediction_error("autograd+SGD") < ROUNDING
    assert comparison.prediction_error("adam") is None
    weights, biases = comparison.predicted_path("manual")
    assert torch.allclose(weights, comparison.results["manual"].weights, rtol=1e-9)
    assert torch.allclose(biases, comparison.results["manual"].biases, rtol=1e-9, atol=1e-9)
    assert comparison.predicted_path("adam") is None
    batches = compare(problem, ["manual"], epochs=4, batch_size=10)
    assert batches.predicted("manual") is None


def alone(eigenvalues, offsets, start=0.0, bias=True):
    """Modes along the axes, with a curvature and a distance each, and no loss at the optimum."""
    eigenvalues, offsets = (torch.tensor(values, dtype=torch.float64) for values in (eigenvalues, offsets))
    size = len(eigenvalues)
    return Modes(
        eigenvalues=eigenvalues,
        eigenvectors=torch.eye(size, dtype=torch.float64),
        start=torch.full((size, 1), start, dtype=torch.float64),
        initial_offset=offsets[:, None],
        initial_excess=(eigenvalues * offsets.square() / 2)[:, None],
        minimum_loss=torch.zeros(1, dtype=torch.float64),
        has_bias=bias,
    )


@pytest.mark.parametrize(("fraction", "steps"), [(0.25, 1), (0.24, 2), (1 / 16, 2), (4.0**-7, 7), (4.0**-64, 64)])
def test_a_distance_that_is_halved_reaches_a_quarter_of_the_gap_in_each_step(fraction, steps):
    for count in (1, 2, 3):
        assert alone([1.0] * count, [3.0] * count).steps_to(fraction, 0.5) == steps


def test_steps_are_counted_up_to_the_largest_number_and_no_further():
    slow = alone([1.0], [1.0])
    steps = slow.steps_to(0.5, 1e-15)  # (1 − 1e-15)^2k = ½, with 1 − 1e-15 rounded
    left = 1 - 1e-15
    assert steps == pytest.approx(math.log(0.5) / (2 * math.log(left)), rel=1e-9)
    assert slow.steps_to(0.5, 1e-17) is None  # 1 − 1e-17 is 1
    assert alone([1.0], [1.0]).steps_to(0.0, 1.0) == 1  # the first step arrives
    assert alone([1.0, 1.0], [0.0, 0.0]).steps_to(0.1, 3.0) == 0
    assert alone([1.0, 1.0], [1.0, 1.0]).steps_to(0.5, 2.0) is None  # thrown from side to side


def test_where_the_path_ends_and_what_it_says_of_itself():
    theory = alone([4.0, 1.0], [1.0, -2.0], start=5.0)
    weight, bias = theory.limit
    assert (weight.tolist(), bias.tolist()) == ([[4.0]], [7.0])  # start − distance
    weights, biases = theory.path(0.5, torch.tensor([0, 1, 2]))  # 1 − ηλ is −1 and ½
    assert weights.flatten().tolist() == [5.0, 3.0, 5.0]
    assert biases.flatten().tolist() == [5.0, 6.0, 6.5]
    assert theory.losses(0.5, torch.tensor([0, 1, 2])).tolist() == [4.0, 2.5, 2.125]  # ½(4·1 + 1·4), …
    assert repr(theory) == "<Modes: 2, λ from largest to smallest: 4, 1>"
    assert repr(alone([], [])) == "<Modes: 0, λ from largest to smallest: >"
    weight, bias = alone([4.0, 1.0], [1.0, -2.0], start=5.0, bias=False).limit
    assert (weight.tolist(), bias.tolist()) == ([[4.0, 7.0]], [0.0])


def test_of_equal_entries_of_an_eigenvector_the_first_is_positive():
    # Columns of one length at right angles to 1: A's singular vectors are (1, −1)/√2 and (1, 1)/√2 in some sign.
    x = torch.tensor([[1.0, 0.2], [-1.0, -0.2], [0.2, 1.0], [-0.2, -1.0]], dtype=torch.float64)
    found = modes(from_data(x, x[:, :1] + 1, bias=False)).eigenvectors
    root = math.sqrt(0.5)
    assert torch.allclose(found, torch.tensor([[root, root], [root, -root]], dtype=torch.float64), atol=1e-12)
