"""A gradient spread over several processes, each of which takes its share of the rows."""

import functools

import torch
from torch import Tensor, nn

from bpcompare.training import processes
from bpcompare.training.gradient_source import Gradient


def all_reduce(gradient: Gradient, model: nn.Module) -> Gradient:
    """The same gradient spread over the worker processes: each takes its rows, and the sum goes to all.

        ∂L/∂θ = ∂/∂θ (1/N) Σᵢ Lᵢ = Σ_w (N_w/N)·∂L_w/∂θ   – the gradient of a mean is the mean of the gradients

    L_w is the mean over the N_w rows of worker w; shares may differ by one row, a worker with none adds nothing. The
    numbers are those of one process but for rounding, for they are added in another order; every worker gets the
    same bits, and so takes the same step. With one process it is ``gradient`` itself.

    Args:
        gradient: What each worker does with its own rows, as `bound` gives it.
        model: The model it is bound to; all workers hold the same one, and all rows.

    Raises:
        WorkerError: (from what is returned) Another worker is lost.

    Example:
        >>> from bpcompare.training.gradient_source import bound
        >>> from bpcompare.training.gradients import formula
        >>> gradient = bound(formula, model := nn.Linear(1, 1))
        >>> all_reduce(gradient, model) is gradient
        True

    Source: Goyal et al. (2017), Accurate, Large Minibatch SGD, §2.3 and §4: the sum over workers of mean gradients.
    """
    if processes.count() == 1:
        return gradient

    @functools.lru_cache(maxsize=1)
    def share(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        mine = processes.local_rows(len(x))
        return x[mine], y[mine]

    parameters = list(model.parameters())
    sizes = [1, len(parameters), *[p.numel() for p in parameters]]

    def summed(x: Tensor, y: Tensor) -> Tensor:
        x_own, y_own = share(x, y)
        numbers = torch.zeros(sum(sizes), dtype=torch.float64)
        if len(x_own):
            loss = gradient(x_own, y_own).detach()
            missing = torch.tensor([float(p.grad is None) for p in parameters]).to(x.device)
            grads = [torch.zeros_like(p).view(-1) if p.grad is None else p.grad.view(-1) for p in parameters]
            numbers = torch.cat([loss.view(1), missing, *grads]).cpu().double() * (len(x_own) / len(x))
        loss, missing, *parts = torch.split(processes.sum_over_processes(numbers).to(x.dtype).to(x.device), sizes)
        for p, values, is_missing in zip(parameters, parts, missing.tolist(), strict=True):
            p.grad = None if is_missing else values.view_as(p)  # the recording says which, in every process
        return loss.view(())

    return summed
