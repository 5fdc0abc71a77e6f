"""How long it takes to name a mistake: one change on a forward of 60 steps, and pairs of changes."""

from collections.abc import Callable

import torch
from ratio import alone

from bpcompare.marker.hypotheses.graph_changes.explain import Sample, explain
from bpcompare.marker.hypotheses.graph_changes.walk import traced

LIMITS = {"one change": 1.0, "pairs": 10.0}  # seconds of the processor: the machine may be shared
PROBLEMS = 4


def block(x: torch.Tensor, w: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Two blocks of attention, norm, gate and residual."""
    for _ in range(2):
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        normalised = (x - mean) / torch.sqrt(variance + 1e-5)
        scores = normalised @ normalised.t() / x.shape[-1] ** 0.5
        weights = torch.softmax(scores, -1)
        x = x + torch.nn.functional.gelu(weights @ normalised @ w) @ v
    return x


def samples(spoil: Callable[[torch.Tensor, int], torch.Tensor]) -> list[Sample]:
    """Problems whose answer for w is spoilt."""
    found = []
    for k in range(PROBLEMS):
        generator = torch.Generator().manual_seed(k)
        n, d, m = 5 + k, 4 + k % 3, 6 + k % 2
        x, w, v = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((n, d), (d, m), (m, d)))
        upstream = torch.randn((n, d), generator=generator, dtype=torch.float64)
        leaves = [value.clone().requires_grad_() for value in (x, w, v)]
        gradients = torch.autograd.grad(block(*leaves), leaves, upstream)
        expected = dict(zip(("x", "w", "v"), gradients, strict=True))
        found.append(Sample((x, w, v), [upstream], expected | {"w": spoil(expected["w"], k)}, expected))
    return found


def measure(what: str, spoil: Callable[[torch.Tensor, int], torch.Tensor], pairs: bool) -> None:
    """How long the search for one spoilt gradient takes, after one that does not count."""
    given = samples(spoil)
    explain(block, given, ["x", "w", "v"], pairs=False)
    limit = LIMITS["pairs" if pairs else "one change"]
    alone(what, lambda: explain(block, given, ["x", "w", "v"], pairs=pairs), goal=limit, runs=1, cpu=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    first = samples(lambda gradient, k: gradient)[0]
    steps = traced(block, first.arguments, ["x", "w", "v"], first.upstream, (0, 1, 2), {}).graph.steps
    forward = f"a mistake in a forward of {len(steps)} steps, {PROBLEMS} problems:"
    measure(f"{forward} one change, named", lambda gradient, k: gradient * (5 + k), pairs=False)
    measure(f"{forward} one change, nothing to name", lambda gradient, k: gradient.exp(), pairs=False)
    measure(f"{forward} pairs, nothing to name", lambda gradient, k: gradient.exp(), pairs=True)
