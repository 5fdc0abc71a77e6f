"""On a GPU itself, where there is one; `test_foreign_device` runs the same paths anywhere."""

import pytest
import torch

from bpcompare.comparison.linear import compare
from bpcompare.marker.check_gradients import check_gradients
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.sweeps.sweep import sweep
from bpcompare.training.gradients import SOURCES
from bpcompare.training.train import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
ROUNDING = {torch.float32: 1e-5, torch.float64: 1e-12}  # 50 epochs, added in another order


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("source", [*SOURCES])
def test_every_source_learns_there_what_it_learns_here(source, dtype):
    problem = line(dtype=dtype, weight=[[1.0, 2.0], [0.0, -1.0]], bias=[1.0, 2.0])
    there, here = (train(problem, source, device=device) for device in ("cuda", "cpu"))
    for name, values in here.parameters.items():
        assert torch.allclose(there.parameters[name], values, rtol=ROUNDING[dtype], atol=ROUNDING[dtype])


def test_a_run_gives_the_same_bits_each_time():
    first, second = (train(line(100_000), "autograd", device="cuda") for _ in range(2))
    assert torch.equal(first.parameters["weight"], second.parameters["weight"])


def test_the_distance_from_the_cpu_is_small_and_told():
    found = compare(line(), device="cuda").against_cpu
    assert all(one.parameters < ROUNDING[torch.float32] for one in found.values())
    assert compare(quadratic(layers=(2, 5, 1)), lr=0.01, epochs=3, device="cuda").against_cpu


def test_a_sweep_there_is_the_sweep_here_within_rounding():
    problems = [line(seed=seed) for seed in range(20)]
    there, here = (sweep(problems, [0.01, 0.5], device=device) for device in ("cuda", "cpu"))
    assert torch.allclose(there.weights, here.weights, rtol=1e-5, atol=1e-5)
    assert torch.equal(there.diverged_at > 0, here.diverged_at > 0)


def test_gradients_are_marked_there():
    def sample(k):
        return (
            torch.randn(3 + 2 * k, dtype=torch.float64, generator=torch.Generator().manual_seed(k)).requires_grad_(),
        )

    assert check_gradients(lambda x: (x**2).mean(), lambda x: 2 * x / len(x), sample, device="cuda").right
    assert not check_gradients(lambda x: (x**2).mean(), lambda x: x / len(x), sample, device="cuda").right
