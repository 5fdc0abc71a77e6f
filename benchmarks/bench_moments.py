"""The moments are summed once; after that an epoch costs the same for ten million rows as for a thousand."""

from functools import partial

import torch
from ratio import paired

from bpcompare.problem.from_data import from_data
from bpcompare.problem.problem import Problem
from bpcompare.training.gradients import moments

EPOCHS = 2000


def epochs(problem: Problem) -> None:
    """So many epochs of loss, gradient and step, the sums having been taken."""
    model = problem.model()
    for _ in range(EPOCHS):
        moments(model, problem.x, problem.y)
        for p in model.parameters():
            p.data -= 0.1 * p.grad


def problem_of(n: int) -> Problem:
    """A line of n samples."""
    x = torch.rand(n, 1)
    return from_data(x, 2 * x + 1 + 0.1 * torch.randn_like(x))


if __name__ == "__main__":
    large, small = problem_of(10**7), problem_of(10**3)
    paired("epoch by moments, N = 10⁷", "the same, N = 10³", partial(epochs, large), partial(epochs, small), goal=1.2)
