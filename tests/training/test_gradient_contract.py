"""What a gradient source must leave behind, and what is said if it does not."""

import pytest
import torch
from torch import nn

from bpcompare.errors import MethodError
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.training.gradients import autograd
from bpcompare.training.methods import Method
from bpcompare.training.train import train
from bpcompare.training.updates import GradientDescent

MANY = line(40, weight=[[float(i + j) for i in range(9)] for j in range(8)], bias=[0.0] * 8)  # numbers to record


def unset(model, x, y):
    return nn.functional.mse_loss(model(x), y)


def unset_in_the_fourth_call():
    calls = []

    def source(model, x, y):
        loss = autograd(model, x, y)
        calls.append(loss)
        if len(calls) == 4:
            next(iter(model.parameters())).grad = None
        return loss

    return source


def flat(model, x, y):
    loss = autograd(model, x, y)
    for p in model.parameters():
        p.grad = p.grad.flatten()[:1].repeat(7)
    return loss


def doubles(model, x, y):
    loss = autograd(model, x, y)
    for p in model.parameters():
        p.grad = p.grad.to(torch.float16)
    return loss


def elsewhere(model, x, y):
    loss = autograd(model, x, y)
    for p in model.parameters():
        p.grad = p.grad.to("meta")
    return loss


def resized(model, x, y):
    loss = autograd(model, x, y)
    for p in model.parameters():
        p.grad.data = p.grad.data.new_zeros(7)  # which PyTorch itself lets pass
    return loss


@pytest.mark.parametrize("problem", [line(), MANY, quadratic(layers=[2, 3, 1])], ids=["small", "large", "network"])
@pytest.mark.parametrize(
    ("source", "found", "epoch"),
    [
        (unset, "nothing", 0),
        (unset_in_the_fourth_call, "nothing", 3),
        (flat, "(7,)", 0),
        (resized, "(7,)", 0),
        (doubles, "torch.float16", 0),
        (elsewhere, "meta", 0),
        (lambda model, x, y: autograd(model, x, y).item(), "float", 0),
        (lambda model, x, y: autograd(model, x, y).repeat(2), "(2,)", 0),
    ],
)
def test_a_source_that_breaks_its_contract_is_told_so_with_method_epoch_and_shape(problem, source, found, epoch):
    source = source() if source is unset_in_the_fourth_call else source
    with pytest.raises(MethodError) as told:
        train(problem, Method("mine", "mine", "GradientDescent", source, GradientDescent), lr=1e-3)
    name, p = next(iter(problem.start.named_parameters()))
    message = str(told.value)
    assert "'mine'" in message
    assert found in message
    assert f"at epoch {epoch}" in message
    if "returned" not in message:  # of a gradient, not of the loss itself
        assert name in message
        assert str(tuple(p.shape)) in message


def test_any_other_error_of_a_source_passes_as_it_is():
    def broken(model, x, y):
        return x @ y

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        train(line(), Method("mine", "mine", "GradientDescent", broken, GradientDescent))


def test_a_source_that_fails_otherwise_when_asked_again_is_still_told_of_its_gradient():
    """The name of the parameter comes from a second call, which may do what it likes."""
    calls = []

    def fickle(model, x, y):
        if calls:
            raise KeyError("no more")
        calls.append(1)
        return flat(model, x, y)

    with pytest.raises(MethodError, match=r"'fickle'.*epoch 0") as told:
        train(line(), Method("fickle", "fickle", "GradientDescent", fickle, GradientDescent))
    assert isinstance(told.value.__cause__, RuntimeError)
    assert str(told.value.__cause__).split(". ")[0] in str(told.value)
