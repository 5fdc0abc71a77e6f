import pytest
import torch

from bpcompare.training.autograd_off import without_autograd
from bpcompare.training.gradients import SOURCES


@without_autograd
def doubled(p):
    """Twice as much."""
    return 2 * p, torch.is_grad_enabled()


@pytest.mark.parametrize("enabled", [True, False])
def test_nothing_is_recorded_within_and_afterwards_it_is_as_before(enabled):
    with torch.set_grad_enabled(enabled):
        found, within = doubled(torch.ones(1, requires_grad=True))
        assert torch.is_grad_enabled() is enabled
    assert not found.requires_grad
    assert within is False


def test_autograd_is_on_again_after_an_error():
    with pytest.raises(TypeError):
        doubled(None)
    assert torch.is_grad_enabled()


def test_the_function_keeps_its_name_and_its_docstring():
    assert doubled.__name__ == "doubled"
    assert doubled.__doc__ == "Twice as much."


@pytest.mark.parametrize("name", ["formula", "finite_difference", "moments"])
def test_no_gradient_of_these_sources_carries_a_graph_even_if_x_does(name):
    model = torch.nn.Linear(2, 1)
    x, y = torch.ones(3, 2, requires_grad=True), torch.ones(3, 1)
    loss = SOURCES[name](model, x, y)
    assert not any(t.requires_grad for t in (loss, model.weight.grad, model.bias.grad))
