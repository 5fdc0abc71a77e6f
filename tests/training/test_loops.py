import inspect

import pytest
import torch

from bpcompare.problem.line import line
from bpcompare.training import loops
from bpcompare.training.train import train

PUBLISHED = {
    # 「深度学习之前向传播和反向传播」, after 50 epochs at lr 0.1; gradient descent to the last digit
    "manual": (1.3135614395141602, 1.3715894222259521, 0.0),
    "autograd": (1.3135614395141602, 1.3715894222259521, 0.0),
    # printed by another version of torch: two units in the last place away in w
    "adam": (1.378663420677185, 1.2160416841506958, 3e-7),
}


@pytest.mark.parametrize("name", loops.LOOPS)
def test_the_published_figures_come_out(name):
    problem = line()
    model = problem.model()
    loops.LOOPS[name](problem.x, problem.y, model)
    weight, bias, tolerance = PUBLISHED[name]
    assert model.weight.item() == pytest.approx(weight, abs=tolerance, rel=0)
    assert model.bias.item() == pytest.approx(bias, abs=tolerance, rel=0)


@pytest.mark.parametrize("name", loops.LOOPS)
@pytest.mark.parametrize("shape", [{}, {"weight": [[1.0, -2.0], [0.5, 3.0], [1.0, 1.0]], "samples": 37}])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_flat_loop_is_the_composed_method_bit_for_bit(name, shape, dtype):
    problem = line(**shape, dtype=dtype)
    model = problem.model()
    losses = loops.LOOPS[name](problem.x, problem.y, model, epochs=50)
    run = train(problem, name, epochs=50)
    assert losses == run.losses[:-1].tolist()
    assert torch.equal(model.weight, run.parameters["weight"][-1])
    assert torch.equal(model.bias, run.parameters["bias"][-1])


@pytest.mark.parametrize("name", loops.LOOPS)
def test_a_loop_is_at_most_fifteen_lines(name):
    source = inspect.getsource(loops.LOOPS[name])
    body = source.split('"""')[2].strip().splitlines()
    assert len(body) + 1 <= 15


def test_the_autograd_loop_shows_data_and_zero_grad():
    source = inspect.getsource(loops.autograd)
    assert ".data" in source
    assert "zero_grad()" in source
