"""An epoch of each method with loss, parameters and gradients recorded, against the plain loop that keeps the loss."""

import copy
from functools import partial

import plain
import torch
from ratio import paired

from bpcompare.problem.line import line
from bpcompare.training.train import train

EPOCHS = 1000
GOALS = (0.55, 0.85, 0.9)

if __name__ == "__main__":
    problem = line()
    x, y, start = plain.data()
    torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])  # the first one imports a second's worth of modules
    for (name, method), goal in zip(plain.METHODS.items(), GOALS, strict=True):

        def theirs(method: plain.Loop = method) -> None:
            method(x, y, copy.deepcopy(start), EPOCHS)

        ours = partial(train, problem, name, epochs=EPOCHS)
        paired(f"epoch, everything recorded: {name}", "plain loop", ours, theirs, pairs=41, goal=goal)
