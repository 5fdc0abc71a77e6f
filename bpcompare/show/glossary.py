"""What every word of the tables and sentences means, for ``--explain``."""

from rich.cells import cell_len, set_cell_size

from bpcompare.language import N_, _
from bpcompare.show.terminal import percent, text

TERMS = {
    N_("method"): N_("how it is trained: a gradient source and an update rule"),
    N_("gradient"): N_(
        "where ∂L/∂θ comes from: formula (derived by hand), autograd (loss.backward()), graph (our engine), "
        "finite_difference, moments (for speed, gradients come from XᵀX and Xᵀy)"
    ),
    N_("update"): N_("what the step does with the gradient: gradient descent, θ ← θ − lr·g, or another rule"),
    N_("parameter"): N_("θ: one number that is learned, a weight or a bias"),
    N_("learned"): N_("the value after the last epoch, in your own units"),
    N_("truth"): N_("the value that made the data; measured data have none"),
    N_("optimum"): N_("the value with the lowest possible loss, by least squares; with noisy data it is not the truth"),
    N_("error"): N_("learned minus the value in the column before"),
    N_("epoch"): N_("one pass over all samples; epoch 0 is the start, before any step"),
    N_("lr"): N_("η, the learning rate: the factor of every step"),
    N_("loss"): N_("L, the mean squared error: the mean of (ŷ − y)² over all samples and outputs"),
    N_("predicted"): N_(
        "the loss that theory gives for gradient descent without training; – where there is no such formula"
    ),
    N_("gap"): N_(
        "loss minus the loss of the optimum: what training can still remove. Of a network: loss minus the lowest "
        "loss that any method reached"
    ),
    N_("epochs to 10 %"): N_(
        "the first epoch whose gap is at most {part} of the gap at the start; – means not reached"
    ),
    N_("converged"): N_("the gap is at most a millionth of the gap at the start, or as small as rounding allows"),
    N_("stopped"): N_("not converged yet; stopped early: the epochs ran out first"),
    N_("diverged"): N_("a number became infinite or nan; what is shown is the last finite state"),
    N_("runs away"): N_("the gap is a million times that of the start: it is about to diverge"),
    N_("agreement"): N_("two gradient sources under one rule: the same calculation, so the same numbers"),
    N_("bit-equal"): N_("the same to the last bit, at every epoch"),
    N_("ulp"): N_("unit in the last place: the distance between two neighbouring floating-point numbers"),
    N_("race"): N_("two rules on one gradient: which comes nearer to the optimum in fewer epochs"),
    N_("rate"): N_("gradient descent shrinks the distance to the optimum if lr < 2/λmax, and diverges above"),
    N_("curvature"): N_("how the slope of the loss changes: the eigenvalues λ of H = (2/(N·out))·AᵀA, A = [x, 1]"),
    N_("λ"): N_("the curvature along one direction (eigenvector); each step multiplies the distance there by 1 − lr·λ"),
    N_("condition number"): N_("λmax/λmin: how much slower the flattest direction is than the steepest; 1 is best"),
    N_("rank"): N_("how many directions the inputs tell apart; less than the parameters means many optima"),
    N_("standardised"): N_("trained on columns of mean 0 and deviation 1; results are in your own units"),
    N_("g, m, v"): N_("the gradient, its running mean, and the running mean of its square (Adam)"),
    N_("m̂, v̂"): N_("m and v, corrected for starting at 0"),
    N_("δ"): N_("∂L/∂z of a layer: what reaches it in the backward pass; the size is the root mean square"),
    N_("‖W‖"): N_("the length of a layer's weight: the root of the sum of its squares"),
    N_("saturated"): N_("units where |σ′(z)| < 0.01: they pass on less than a hundredth of the δ that reaches them"),
    N_("best lr"): N_("of a sweep: among the rates that come as near to the optimum as any, the fastest"),
    N_("gap left"): N_("the part of the starting gap that is left at the end, the median over the seeds"),
    N_("stable up to"): N_("up to this rate no run of any seed ended worse than it began"),
    N_("ended worse"): N_("runs whose loss at the end is above that at the start, the diverged ones included"),
    N_("spread"): N_("the standard deviation of a learned number over the seeds"),
    N_("vanishing"): N_("δ of a layer is more than ten times smaller than that of the layer above it"),
}


def meanings() -> dict[str, str]:
    """What each term means, in the language in use, by the term in English.

    Example:
        >>> meanings()["bit-equal"]
        'the same to the last bit, at every epoch'
    """
    return {term: _(meaning, part=percent(10)) for term, meaning in TERMS.items()}


def render(*, width: int | None = None, color: bool = False) -> str:
    """The glossary as text.

    Args:
        width: The terminal's width in characters; None for plain text, a Markdown list.
        color: Whether to use the terminal's colours.

    Example:
        >>> print(render(width=80).splitlines()[2])
          method            how it is trained: a gradient source and an update rule
    """
    terms = {_(term): meaning for term, meaning in meanings().items()}
    size = max(map(cell_len, terms))
    rows = [
        _("- {term}: {meaning}", term=term, meaning=meaning)
        if width is None
        else f"  {set_cell_size(term, size)}  {meaning}"
        for term, meaning in terms.items()
    ]
    return text(["", _("what the words mean"), *rows], width, color)
