import pytest
import torch
from torch import nn

from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.training import gradients
from bpcompare.training.gradient_source import bound, reading
from bpcompare.training.gradients import SOURCES, autograd, formula
from bpcompare.training.methods import Method
from bpcompare.training.train import train
from bpcompare.training.updates import GradientDescent

PROBLEMS = {"line": line(), "network": quadratic(layers=[2, 3, 1], standardize=True)}


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for kind in PROBLEMS for name in SOURCES if (name, kind) != ("moments", "network")]
)
def test_bound_to_a_model_a_source_is_what_it_is_without_step_after_step(name, kind):
    source, problem = SOURCES[name], PROBLEMS[kind]
    model = problem.model()
    gradient, rule = bound(source, model), GradientDescent(model.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        loss, found = gradient(problem.x, problem.y), [p.grad for p in model.parameters()]
        assert torch.equal(loss, source(model, problem.x, problem.y))
        assert all(torch.equal(p.grad, grad) for p, grad in zip(model.parameters(), found, strict=True))
        losses.append(loss.item())
        rule.step()
    assert losses == sorted(set(losses), reverse=True)  # the numbers that it reads are those of now


def test_what_a_source_reads_is_read_once_for_a_run_and_passed_on_at_every_step():
    models, passed = [], []

    @reading(size=lambda model: models.append(model) or len(models))
    def source(model, x, y, size=None):
        passed.append(size)
        return formula(model, x, y)

    train(line(), Method("mine", "mine", "GradientDescent", source, GradientDescent), epochs=4)
    assert len(models) == 1
    assert passed == [1] * 5


def test_ours_do_not_walk_through_the_model_again_once_they_are_bound():
    problem = PROBLEMS["network"]
    model = problem.model()
    by_hand, by_autograd = bound(formula, model), bound(autograd, model)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(gradients, "read_layers")
        patch.delattr(nn.Module, "parameters")
        assert by_hand(problem.x, problem.y).item() == by_autograd(problem.x, problem.y).item()


def test_a_source_that_reads_nothing_is_bound_as_it_is():
    model = nn.Linear(1, 1)
    assert bound(lambda *given: given, model)(1, 2) == (model, 1, 2)
