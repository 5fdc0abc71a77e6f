"""A sweep against what a good engineer writes with torch.func, against a plain loop, and on a wide, tall table.

A sweep takes its gradients from the moments of the data, so that a run-epoch costs the same for a hundred rows as for
a million; the others go through the rows at every epoch.
"""

import copy
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import plain
import torch
from ratio import alone, paired, peak, python
from torch import Tensor
from torch.func import grad_and_value, vmap

from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.problem.problem import Problem
from bpcompare.sweeps.summary import Summary
from bpcompare.sweeps.sweep import sweep

EPOCHS = 50
SEEDS, RATES = 500, 200  # 10⁵ runs
AT_ONCE = 50  # seeds of the vmap version: more are not faster, fewer take more calls
ROWS, COLUMNS = 200_000, 12
PLAIN_EPOCHS = 500


def rates(count: int = RATES) -> Tensor:
    """So many learning rates from 10⁻³ to 10."""
    return torch.logspace(-3, 1, count, dtype=torch.float64)


def by_vmap(problems: list[Problem], method: str) -> Tensor:
    """The losses of all runs, (seeds, rates, epochs + 1): stacked parameters, and a map over seeds and rates."""

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return (x @ parameters["weight"].T + parameters["bias"] - y).square().mean()

    over_rates = vmap(grad_and_value(loss), in_dims=(0, None, None))
    gradient = vmap(over_rates, in_dims=(0, 0, 0))
    lr = rates().float()
    losses = []
    for first in range(0, len(problems), AT_ONCE):
        some = problems[first : first + AT_ONCE]
        x, y = (torch.stack(values) for values in zip(*((p.x, p.y) for p in some), strict=True))
        names = ("weight", "bias")
        starts = {name: torch.stack([p.start.get_parameter(name).detach() for p in some]) for name in names}
        parameters = {name: p.unsqueeze(1).repeat(1, RATES, *[1] * (p.ndim - 1)) for name, p in starts.items()}
        losses.append(_trained(gradient, parameters, x, y, lr, method))
    return torch.cat(losses)


def _trained(gradient: object, parameters: dict[str, Tensor], x: Tensor, y: Tensor, lr: Tensor, method: str) -> Tensor:
    """The losses of some runs, every epoch's; the parameters are moved in place."""
    assert callable(gradient)
    rate = {name: lr.view(-1, *[1] * (p.ndim - 2)) for name, p in parameters.items()}
    m, v = ({name: torch.zeros_like(p) for name, p in parameters.items()} for _ in range(2))
    losses = []
    for step in range(1, EPOCHS + 2):
        grads, loss = gradient(parameters, x, y)
        losses.append(loss)
        for name, p in parameters.items() if step <= EPOCHS else ():
            grad = grads[name]
            if method == "manual":
                p -= rate[name] * grad
            else:
                m[name].lerp_(grad, 1 - 0.9)
                v[name].mul_(0.999).addcmul_(grad, grad, value=1 - 0.999)
                p -= rate[name] / (1 - 0.9**step) * m[name] / ((v[name] / (1 - 0.999**step)).sqrt() + 1e-8)
    return torch.stack(losses, -1)


def of_seeds(problems: list[Problem], method: str) -> Tensor:
    """The same by the product."""
    return sweep(problems, rates(), [method], epochs=EPOCHS).losses


def agree(problems: list[Problem], method: str) -> None:
    """Both do the same work: where a run converges their losses agree to float32."""
    ours = of_seeds(problems, method)[0].movedim(0, -1)[:, :100]
    theirs = by_vmap(problems, method)[:, :100].double()
    assert ours.shape == theirs.shape
    assert torch.allclose(ours, theirs, rtol=1e-3), method


def many_loops(method: str) -> None:
    """The same runs as `PLAIN_EPOCHS` epochs would be of the plain loop, scaled up by whoever reads the ratio."""
    plain.METHODS[method](X, Y, copy.deepcopy(START), PLAIN_EPOCHS)


def tall() -> tuple[Tensor, Tensor]:
    """Columns x (200,000, 12) and y (200,000, 1)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(ROWS, COLUMNS, generator=generator, dtype=torch.float64)
    weight = torch.arange(1.0, COLUMNS + 1, dtype=torch.float64)[:, None]
    return x, x @ weight + 0.1 * torch.randn(ROWS, 1, generator=generator, dtype=torch.float64)


def of_tall(x: Tensor, y: Tensor) -> Summary:
    """50 seeds × 200 rates × 2 methods on a table not seen before, and what they show."""
    table = from_data(x, y, standardize=True)
    summary = Summary(sweep([table.restarted(seed) for seed in range(50)], rates(), epochs=EPOCHS))
    assert summary.best
    assert summary.spread
    return summary


if __name__ == "__main__":
    torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])  # the first one imports a second's worth of modules
    X, Y, START = plain.data()
    setup = "from bpcompare import line, sweep; import torch; "
    command = (
        f"sweep([line(seed=s) for s in range({SEEDS})], torch.logspace(-3, 1, {RATES}), ['adam'], epochs={EPOCHS})"
    )
    peak("sweep, 10⁵ runs × 50: memory", python("-c", setup + command), goal=2)
    problems = [line(seed=seed) for seed in range(SEEDS)]
    for method in ("manual", "adam"):
        agree(problems[:AT_ONCE], method)
        what, theirs = f"sweep, 10⁵ runs × 50, float32: {method}", "torch.func: vmap of grad_and_value"
        paired(what, theirs, partial(of_seeds, problems, method), partial(by_vmap, problems, method), pairs=3, goal=0.5)
    for method in plain.METHODS:
        what, theirs = f"sweep, 10⁴ runs × 50: {method}", f"{PLAIN_EPOCHS} epochs of one plain loop"
        ours = partial(of_seeds, problems[:50], method)
        paired(what, theirs, ours, partial(many_loops, method), pairs=7, goal=10_000 * EPOCHS / PLAIN_EPOCHS / 1000)
    x, y = tall()
    alone("sweep on a table of 12 × 200,000, and its summary", partial(of_tall, x, y), goal=4)
    with tempfile.TemporaryDirectory() as folder:
        head = ",".join([*(f"x{i + 1}" for i in range(COLUMNS)), "y"])
        path = Path(folder, "tall.csv")
        np.savetxt(path, torch.cat([x, y], 1).numpy(), "%.6f", ",", header=head, comments="")
        words = ("sweep", "--csv", str(path), "--x", "all", "--y", "y", "--standardize", "--quiet", "--out", folder)
        what = "the same by the command, with reading, files and pictures"
        alone(what, python("-m", "bpcompare", *words), goal=4, runs=3)
