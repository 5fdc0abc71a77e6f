import dataclasses
from types import SimpleNamespace

import pytest
import torch

from bpcompare.comparison.agreement import agree, agree_on_network, one_rule
from bpcompare.comparison.linear import compare
from bpcompare.problem.line import line
from bpcompare.training.gradients import autograd
from bpcompare.training.methods import Method
from bpcompare.training.train import train
from bpcompare.training.updates import GradientDescent


def test_manual_and_autograd_agree_to_the_bit_for_three_thousand_epochs():
    comparison = compare(line(), ["manual", "autograd"], epochs=3000)
    found = comparison.agreement["manual~autograd"]
    assert found.bit_equal
    assert found.max_ulp == 0
    assert found.first_difference_at is None


def test_adam_by_hand_agrees_with_torchs_to_the_bit():
    assert compare(line(), ["adam", "autograd+Adam"]).agreement["adam~autograd+Adam"].bit_equal


def test_a_reordered_sum_is_located_and_explained():
    found = compare(line(), ["manual", "moments+GradientDescent"]).agreement["manual~moments+GradientDescent"]
    assert not found.bit_equal
    assert found.first_difference_at == 1
    assert 0 < found.max_ulp < 1000
    assert "∂L/∂weight at epoch 0" in found.explanation
    assert "moments" in found.explanation


def nudged(size):
    def source(model, x, y):
        loss = autograd(model, x, y)
        model.bias.grad += size
        return loss

    return Method("nudged", "nudged", "GradientDescent", source, GradientDescent)


def test_a_wrong_gradient_does_not_agree():
    found = agree(train(line(), "autograd"), train(line(), nudged(1e-3)))
    assert not found.bit_equal
    assert found.first_difference_at == 1
    assert found.max_ulp > 100
    assert "∂L/∂bias at epoch 0" in found.explanation
    assert "nudged" in found.explanation


def test_a_fused_step_is_told_from_another_gradient():
    found = compare(line(), ["autograd", "autograd+SGD"]).agreement["autograd~autograd+SGD"]
    assert not found.bit_equal
    assert "rounds p − lr·∂L/∂p once" in found.explanation


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_units_in_the_last_place_count_neighbouring_numbers(dtype):
    def run_of(values):
        weights = torch.tensor(values, dtype=dtype).view(-1, 1, 1)
        template = train(line(dtype=dtype), "manual", epochs=1)
        return type(template)(
            template.method,
            template.settings,
            weights[:, 0, 0].double(),
            {"weight": weights},
            {"weight": weights},
            None,
        )

    one = torch.tensor(1.0, dtype=dtype)
    above = torch.nextafter(one, 2 * one)
    below_zero = torch.nextafter(torch.zeros((), dtype=dtype), -one)
    a = run_of([0.0, 1.0, -1.0, 0.0])
    assert agree(a, run_of([-0.0, 1.0, -1.0, 0.0])).bit_equal
    found = agree(a, run_of([0.0, above.item(), -1.0, 0.0]))
    assert (found.max_ulp, found.first_difference_at) == (1, 1)
    found = agree(a, run_of([0.0, 1.0, -torch.nextafter(above, 2 * one).item(), below_zero.item()]))
    assert (found.max_ulp, found.first_difference_at) == (2, 2)


def test_runs_that_part_only_in_where_they_diverge_do_not_agree():
    problem = line()
    whole, cut = train(problem, "manual", epochs=5), train(problem, "manual", epochs=5).first(3)
    cut = type(cut)(cut.method, cut.settings, cut.losses, cut.parameters, cut.gradients, diverged_at=3)
    found = agree(whole, cut)
    assert not found.bit_equal
    assert found.first_difference_at == 3


def ran(weights, gradients, source="formula", update="GradientDescent", diverged_at=None, biases=None):
    """A run made by hand, with one number in each parameter."""

    def states(numbers):
        return torch.tensor(numbers, dtype=torch.float64).view(-1, 1)

    parameters, grads = {"weight": states(weights)}, {"weight": states(gradients)}
    if biases is not None:
        parameters["bias"], grads["bias"] = states(weights), states(biases)
    method = SimpleNamespace(gradient=source, update=update, canonical_update=update, name=f"{source}+{update}")
    return SimpleNamespace(
        method=method, losses=states(weights)[:, 0], parameters=parameters, gradients=grads, diverged_at=diverged_at
    )


def test_the_gradient_that_is_named_is_the_one_before_the_first_difference():
    a = ran([1.0, 2.0, 3.0, 4.0], [9.0, 8.0, 7.0, 6.0], biases=[1.0, 1.0, 1.0, 1.0])
    b = ran([1.0, 2.0, 3.5, 4.0], [9.5, 8.0, 7.0, 6.0], "moments", biases=[1.0, 1.5, 1.0, 1.0])
    found = agree(a, b)
    assert found.first_difference_at == 2
    assert found.explanation.startswith("∂L/∂bias at epoch 1 is rounded differently: formula adds")
    assert "; moments adds" in found.explanation
    same_source = agree(a, ran([1.0, 2.5, 3.0, 4.0], [9.5, 8.0, 7.0, 6.0], biases=[1.0, 1.0, 1.0, 1.0]))
    assert same_source.first_difference_at == 1
    assert same_source.explanation.startswith("∂L/∂weight at epoch 0")
    assert ";" not in same_source.explanation
    assert "at epoch 0" in agree(a, ran([1.5, 2.0, 3.0, 4.0], [9.5] * 4, biases=[1.0] * 4)).explanation


@pytest.mark.parametrize(
    ("updates", "fused"),
    [
        (("GradientDescent", "torch.optim.SGD"), True),
        (("torch.optim.SGD", "GradientDescent"), True),
        (("GradientDescent", "Adam"), False),
        (("GradientDescent", "GradientDescent"), False),
        (("Adam", "torch.optim.Adam"), False),
    ],
)
def test_a_fused_step_is_named_for_torchs_sgd_alone(updates, fused):
    a, b = (ran([1.0, 2.0 + i, 3.0], [4.0, 5.0, 6.0], update=update) for i, update in enumerate(updates))
    explanation = agree(a, b).explanation
    assert explanation.startswith("from equal gradients at epoch 0 ")
    assert ("multiply-add" in explanation) == fused


def test_runs_of_different_length_agree_as_far_as_both_went():
    long, short = ran([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), ran([1.0, 2.0], [4.0, 5.0])
    assert agree(long, short).bit_equal
    ended = agree(long, ran([1.0, 2.0], [4.0, 5.0], diverged_at=2))
    assert (ended.bit_equal, ended.first_difference_at, ended.max_ulp) == (False, 2, 0)


def test_pairs_are_those_under_one_rule_each_once():
    runs = [ran([1.0], [1.0], source, update) for source, update in (("a", "X"), ("b", "X"), ("a", "Y"), ("c", "X"))]
    assert one_rule(runs) == {
        "a+X~b+X": (runs[0], runs[1]),
        "a+X~c+X": (runs[0], runs[3]),
        "b+X~c+X": (runs[1], runs[3]),
    }


def network_run(values, norms, marks, dtype=torch.float64, diverged_at=None):
    return SimpleNamespace(
        method=SimpleNamespace(gradient="formula"),
        parameters={name: torch.tensor([[value]], dtype=dtype) for name, value in zip("wb", values, strict=True)},
        track=SimpleNamespace(
            gradient_norms={
                name: torch.tensor(norm, dtype=torch.float64) for name, norm in zip("wb", norms, strict=True)
            },
            fingerprints=marks,
        ),
        diverged_at=diverged_at,
    )


@pytest.mark.parametrize(
    ("relative", "dtype", "told"),
    [
        (1.4e-8, torch.float64, "rounding"),  # √ε is 1.49e-8
        (1.6e-8, torch.float64, "2e-08"),
        (3.4e-4, torch.float32, "rounding"),  # and 3.45e-4
        (3.6e-4, torch.float32, "0.0004"),
        (0.5, torch.float64, "0.5"),
    ],
)
def test_what_is_rounding_in_a_network_ends_at_the_root_of_epsilon(relative, dtype, told):
    a = network_run([1.0, 4.0], [[7.0, 4.0, 7.0], [0.0, 0.0, 5.0]], [b"0", b"1", b"2"], dtype)
    norms = [[9.0, 4.0 * (1 + relative), 9.0], [0.0, 0.0, 9.0]]
    b = network_run([1.25, 4.5], norms, [b"0", b"1", b"x"], dtype)
    found = agree_on_network(a, b)
    assert found.first_difference_at == 2
    assert f" differ by {told} at epoch 1," in found.explanation
    assert "0.5 apart" in found.explanation
    assert found.max_ulp == (2**52 // 4 if dtype == torch.float64 else 2**23 // 4)  # 0.25 from 1; 0.5 from 4 is ⅛


def test_networks_whose_states_are_marked_alike_are_the_same_run():
    a = network_run([1.0, 4.0], [[1.0, 1.0], [1.0, 1.0]], [b"0", b"1"])
    assert agree_on_network(a, a).bit_equal
    assert agree_on_network(a, a).max_ulp == 0
    other = network_run([1.0, 4.0], [[1.0, 1.0], [1.0, 1.0]], [b"0", b"1"], diverged_at=2)
    assert agree_on_network(a, other).first_difference_at == 2
    first = network_run([2.0, 4.0], [[2.0, 1.0], [1.0, 1.0]], [b"x", b"1"])
    assert agree_on_network(a, first).first_difference_at == agree_on_network(first, a).first_difference_at == 0
    assert "differ by 1 at epoch 0" in agree_on_network(a, first).explanation


def test_gradients_of_zero_differ_by_rounding_alone():
    a = network_run([1.0, 4.0], [[0.0, 0.0], [0.0, 0.0]], [b"0", b"1"])
    b = network_run([1.0, 4.5], [[0.0, 0.0], [0.0, 0.0]], [b"0", b"2"])
    assert " differ by rounding at epoch 0," in agree_on_network(a, b).explanation


def test_both_orders_of_adding_are_told_whichever_run_comes_first():
    runs = [train(line(), method, epochs=5) for method in ("manual", "moments+GradientDescent")]
    orders = [set(agree(*pair).explanation.partition("differently: ")[2].split("; ")) for pair in (runs, runs[::-1])]
    assert orders[0] == orders[1]
    assert len(orders[0]) == 2


def test_an_agreement_is_not_changed_afterwards():
    found = compare(line(), ["manual", "autograd"], epochs=2).agreement["manual~autograd"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.bit_equal = False
