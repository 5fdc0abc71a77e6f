"""How many threads a run works with."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpcompare.problem.problem import Problem

WORTH = 2**17  # numbers in one operation: with fewer, a second thread has less to do than to wait for


def settle(problem: "Problem") -> None:
    """One thread for PyTorch where the problem is small.

    With more, every operation ends by waiting for the slowest thread: on an idle machine nothing is gained by it, and
    on a busy one the published network took up to forty times as long.
    """
    import torch

    shapes = [p.shape for p in problem.start.parameters()]
    widest = max(max(shape) for shape in shapes)
    if max(problem.samples * widest, *(shape.numel() for shape in shapes)) < WORTH:
        torch.set_num_threads(1)
