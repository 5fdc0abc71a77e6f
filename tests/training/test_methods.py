import pytest
import torch

from bpcompare.errors import MethodError
from bpcompare.problem.line import line
from bpcompare.training.gradients import SOURCES
from bpcompare.training.methods import Method
from bpcompare.training.train import train

OPTIMIZERS = [
    "SGD",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Adamax",
    "NAdam",
    "RAdam",
    "AdamW",
    "ASGD",
    "Rprop",
    "Adafactor",
]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("rule", ["GradientDescent", "Adam"])
def test_every_source_works_with_every_rule_of_ours(source, rule):
    run = train(line(20), f"{source}+{rule}", epochs=150)
    assert run.parameters["weight"][-1].item() == pytest.approx(2, abs=0.35)
    assert run.loss < 0.02


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_torch_optimizer_that_needs_only_grad_works_by_name(rule):
    if not hasattr(torch.optim, rule):
        pytest.skip(f"this torch has no {rule}")
    run = train(line(), f"autograd+{rule}", epochs=20)
    assert run.method.update == f"torch.optim.{rule}"
    assert run.loss < run.losses[0]
    by_hand = train(line(), f"formula+{rule}", epochs=20)  # in inference mode, which the optimizer must not mind
    assert torch.equal(by_hand.losses, run.losses)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("LBFGS", "several times within one step"),
        ("SparseAdam", "sparse gradients only"),
        ("Muon", "2D parameters"),
    ],
)
def test_a_torch_optimizer_that_needs_more_is_refused_with_the_reason(rule, reason):
    if not hasattr(torch.optim, rule):
        pytest.skip(f"this torch has no {rule}")
    with pytest.raises(MethodError, match=reason):
        train(line(), f"autograd+{rule}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("manuel", "there is no method 'manuel'.*did you mean manual?"),
        ("fomula+Adam", "there is no gradient source 'fomula'.*did you mean formula?"),
        ("autograd+rmsprop", "there is no update rule 'rmsprop'.*did you mean RMSprop?"),
        ("autograd+Optimizer", "there is no update rule 'Optimizer'"),
        ("autograd+", "there is no update rule ''"),
    ],
)
def test_a_method_that_does_not_exist_is_refused_with_the_nearest(name, message):
    with pytest.raises(MethodError, match=message):
        Method.named(name)


def test_both_adams_can_be_told_apart():
    assert Method.named("autograd+Adam").update == "Adam"
    assert Method.named("autograd+torch.optim.Adam").update == Method.named("adam").update == "torch.optim.Adam"


def test_a_rate_that_torchs_adam_cannot_represent_is_refused_beforehand():
    with pytest.raises(MethodError, match=r"at lr 1e\+38"):
        train(line(), "adam", lr=1e38)
