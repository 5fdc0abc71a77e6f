"""What every word of the tables and sentences means, for ``--explain``."""

from rich.cells import cell_len, set_cell_size

from bpcompare.show.terminal import text

TERMS = {
    "method": "how it is trained: a gradient source and an update rule",
    "gradient": "where ∂L/∂θ comes from: formula (derived by hand), autograd (loss.backward()), graph (our engine), "
    "finite_difference, moments (for speed, gradients come from XᵀX and Xᵀy)",
    "update": "what the step does with the gradient: gradient descent, θ ← θ − lr·g, or another rule",
    "parameter": "θ: one number that is learned, a weight or a bias",
    "learned": "the value after the last epoch, in your own units",
    "truth": "the value that made the data; measured data have none",
    "optimum": "the value with the lowest possible loss, by least squares; with noisy data it is not the truth",
    "error": "learned minus the value in the column before",
    "epoch": "one pass over all samples; epoch 0 is the start, before any step",
    "lr": "η, the learning rate: the factor of every step",
    "loss": "L, the mean squared error: the mean of (ŷ − y)² over all samples and outputs",
    "predicted": "the loss that theory gives for gradient descent without training; – where there is no such formula",
    "gap": "loss minus the loss of the optimum: what training can still remove. Of a network: loss minus the lowest "
    "loss that any method reached",
    "epochs to 10 %": "the first epoch whose gap is at most 10 % of the gap at the start; – means not reached",
    "converged": "the gap is at most a millionth of the gap at the start, or as small as rounding allows",
    "stopped": "not converged yet; stopped early: the epochs ran out first",
    "diverged": "a number became infinite or nan; what is shown is the last finite state",
    "runs away": "the gap is a million times that of the start: it is about to diverge",
    "agreement": "two gradient sources under one rule: the same calculation, so the same numbers",
    "bit-equal": "the same to the last bit, at every epoch",
    "ulp": "unit in the last place: the distance between two neighbouring floating-point numbers",
    "race": "two rules on one gradient: which comes nearer to the optimum in fewer epochs",
    "rate": "gradient descent shrinks the distance to the optimum if lr < 2/λmax, and diverges above",
    "curvature": "how the slope of the loss changes: the eigenvalues λ of H = (2/(N·out))·AᵀA, A = [x, 1]",
    "λ": "the curvature along one direction (eigenvector); each step multiplies the distance there by 1 − lr·λ",
    "condition number": "λmax/λmin: how much slower the flattest direction is than the steepest; 1 is best",
    "rank": "how many directions the inputs tell apart; less than the parameters means many optima",
    "standardised": "trained on columns of mean 0 and deviation 1; results are in your own units",
    "g, m, v": "the gradient, its running mean, and the running mean of its square (Adam)",
    "m̂, v̂": "m and v, corrected for starting at 0",
    "δ": "∂L/∂z of a layer: what reaches it in the backward pass; the size is the root mean square",
    "‖W‖": "the length of a layer's weight: the root of the sum of its squares",
    "saturated": "units where |σ′(z)| < 0.01: they pass on less than a hundredth of the δ that reaches them",
    "best lr": "of a sweep: among the rates that come as near to the optimum as any, the fastest",
    "gap left": "the part of the starting gap that is left at the end, the median over the seeds",
    "stable up to": "up to this rate no run of any seed ended worse than it began",
    "ended worse": "runs whose loss at the end is above that at the start, the diverged ones included",
    "spread": "the standard deviation of a learned number over the seeds",
    "vanishing": "δ of a layer is more than ten times smaller than that of the layer above it",
}


def render(*, width: int | None = None, color: bool = False) -> str:
    """The glossary as text.

    Args:
        width: The terminal's width in characters; None for plain text, a Markdown list.
        color: Whether to use the terminal's colours.

    Example:
        >>> print(render(width=80).splitlines()[2])
          method            how it is trained: a gradient source and an update rule
    """
    size = max(map(cell_len, TERMS))
    rows = [
        f"- {term}: {meaning}" if width is None else f"  {set_cell_size(term, size)}  {meaning}"
        for term, meaning in TERMS.items()
    ]
    return text(["", "what the words mean", *rows], width, color)
