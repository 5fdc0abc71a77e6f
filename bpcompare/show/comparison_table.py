"""The comparison as tables and sentences for the terminal."""

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from bpcompare.comparison.linear import CONVERGED, Comparison, Result
from bpcompare.comparison.race import FRACTIONS
from bpcompare.problem.parameter_names import entries
from bpcompare.show.terminal import new_table, text
from bpcompare.theory.least_squares import Curvature
from bpcompare.training import processes

MOST_PARAMETERS = 12  # rows per way


def render(comparison: Comparison, *, width: int | None = None, color: bool = False) -> str:
    """The comparison as text.

    Args:
        comparison: What to tell of.
        width: The terminal's width in characters; None for plain text, whose tables are Markdown.
        color: Whether to use the terminal's colours.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.problem import line
        >>> print(render(compare(line())).splitlines()[0])
        line: 100 samples, 1 → 1, float32; lr 0.1, 50 epochs
    """
    parts: list[Table | str] = [
        _headline(comparison),
        _learned(comparison, width),
        _reached(comparison, width),
        "",
        *sentences(comparison),
    ]
    return text(parts, width, color)


def _headline(comparison: Comparison) -> str:
    problem = comparison.problem
    batch = f", batches of {comparison.batch_size}" if comparison.batch_size else ""
    return (
        f"{problem.name}: {problem.samples:,} samples, {problem.in_features} → {problem.out_features}, "
        f"{str(problem.dtype).removeprefix('torch.')}{', standardised' if problem.scaling else ''}; "
        f"lr {comparison.lr:g}, {comparison.epochs:,} epochs{batch}"
    )


def _learned(comparison: Comparison, width: int | None) -> Table:
    """Every learned number beside the truth and the optimum."""
    truth, optimum = comparison.problem.truth, comparison.optimum
    table = new_table(width)
    table.add_column("method")
    table.add_column("parameter", overflow="fold")
    for heading in ("learned", *(("truth", "error") if truth else ()), "optimum", "error"):
        table.add_column(heading, justify="right", no_wrap=True)
    parameters = list(entries(comparison.problem))
    for name, result in comparison.results.items():
        for row, entry in enumerate(parameters[:MOST_PARAMETERS]):
            learned = entry.of(result.weight, result.bias)
            cells = [f"{learned:.9g}"]
            if truth:
                cells += _against(learned, entry.of(truth.weight, truth.bias))
            if optimum.unique:
                cells += _against(learned, entry.of(optimum.weight, optimum.bias))
            else:
                cells += ["not unique", "–"]
            table.add_row("" if row else escape(name), escape(entry.name), *cells)
        if len(parameters) > MOST_PARAMETERS:
            table.add_row("", f"… {len(parameters) - MOST_PARAMETERS} more: comparison.json")
    return table


def _against(learned: float, right: float) -> list[str]:
    return [f"{right:.9g}", f"{learned - right:+.2e}"]


def _reached(comparison: Comparison, width: int | None) -> Table:
    """How far down each way came, and how soon."""
    table = new_table(width)
    table.add_column("method")
    table.add_column("gradient")
    table.add_column("update", overflow="fold")
    table.add_column("loss", justify="right", no_wrap=True)
    table.add_column("predicted", justify="right", no_wrap=True)
    table.add_column("gap to the optimum", justify="right")
    for fraction in FRACTIONS:
        table.add_column(f"epochs to {100 * fraction:g} %", justify="right")
    table.add_column("status")
    for name, result in comparison.results.items():
        method = result.run.method
        table.add_row(
            escape(name),
            escape(method.gradient),
            escape(method.update),
            f"{result.loss:.6g}",
            "–" if (predicted := comparison.predicted(name)) is None else f"{predicted[-1].item():.6g}",
            f"{result.gaps[-1].item():.3g}",
            *[_count(result.epochs_to(fraction)) for fraction in FRACTIONS],
            _status(result),
        )
    table.add_row("optimum", "", "", f"{comparison.optimum.loss:.6g}", "", "0")
    return table


def _count(epochs: int | None) -> str:
    return "–" if epochs is None else f"{epochs:,}"


def _status(result: Result) -> str:
    step = result.run.diverged_at
    return result.status if step is None else f"diverged at step {step}"


def sentences(comparison: Comparison) -> Iterator[str]:
    """What the figures mean: agreement, race, learning rate, rank.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.problem import line
        >>> next(sentences(compare(line(), ["manual", "autograd"])))
        'agreement  manual ~ autograd: bit-equal in every parameter at every epoch.'
    """
    for pair, found in comparison.agreement.items():
        label = f"agreement  {pair.replace('~', ' ~ ')}:"
        if found.bit_equal:
            yield f"{label} bit-equal in every parameter at every epoch."
        else:
            yield (
                f"{label} up to {found.max_ulp:,} units in the last place apart, first at epoch "
                f"{found.first_difference_at}: {found.explanation}."
            )
    for pair, times in comparison.race.items():
        yield f"race       {pair.replace('~', ' ~ ')}: {winner(times)}."
    yield from _learning_rate(comparison)
    yield from workers_told()
    if not comparison.optimum.unique:
        parameters = comparison.problem.in_features + comparison.problem.has_bias
        yield (
            f"optimum    not unique: the inputs have rank {comparison.optimum.rank} for {parameters} parameters per "
            "output; only the loss is determined, not the weights."
        )


def winner(times: dict[float, dict[str, int | None]]) -> str:
    """Who came first to the smallest gap that anyone reached."""
    for fraction in sorted(times):
        reached = {name: epochs for name, epochs in times[fraction].items() if epochs is not None}
        if reached:
            told = " and ".join(f"{name} {epochs or 'never'}" for name, epochs in times[fraction].items())
            return f"the same gradient, another step; epochs to {100 * fraction:g} % of the starting gap: {told}"
    return "the same gradient, another step; neither came down to a tenth of the starting gap"


def workers_told() -> Iterator[str]:
    """Of several processes, why together they take the steps of one."""
    if processes.count() > 1:
        yield (
            f"workers    {processes.count()} processes, each with its share of the rows: the gradient of a mean is the "
            "mean of the gradients, so that together they take the steps of one process, but for rounding."
        )


def _learning_rate(comparison: Comparison) -> Iterator[str]:
    curvature = comparison.curvature
    yield (
        f"rate       gradient descent on all samples is stable up to lr 2/λmax = {curvature.largest_stable_lr:.6g}; "
        f"this is lr {comparison.lr:g}."
    )
    yield f"curvature  {_curvature(curvature)}."
    errors = {name: comparison.prediction_error(name) for name in comparison.results}
    measured = ", ".join(f"{name} within {error:.1e}" for name, error in errors.items() if error is not None)
    if measured:
        yield f"predicted  {_predicted(comparison)}; at every epoch the loss is as predicted, {measured} of it."
    for name, result in comparison.results.items():
        if result.status != "diverged" and result.ran_away:
            yield f"runs away  {name}: its loss has grown to {result.loss:.3g}; {remedy(comparison)}."
        if result.status == "diverged":
            yield (
                f"diverged   {name} at step {result.run.diverged_at}, its figures are of the last finite state; "
                f"{remedy(comparison)}."
            )


def _curvature(curvature: Curvature) -> str:
    largest, smallest = curvature.eigenvalues[0].item(), curvature.eigenvalues[max(curvature.rank, 1) - 1].item()
    if curvature.rank == 0:
        return "λ = 0 in every direction: the inputs are all 0, and nothing ever moves"
    if largest - smallest < 1e-6 * largest:
        spread = f"λ = {largest:.4g} in every direction, condition number {curvature.condition_number:.6g}"
    elif curvature.rank < len(curvature.eigenvalues):
        spread = f"λ from {largest:.4g} to 0 (rank {curvature.rank}): along λ = 0 nothing ever moves"
    else:
        spread = f"λ from {largest:.4g} to {smallest:.4g}, condition number {curvature.condition_number:,.6g}"
    best = curvature.best_lr
    return f"{spread}; lr 2/(λmin + λmax) = {best:.6g} is best: each step leaves at most {_left(curvature, best)}"


def _left(curvature: Curvature, lr: float) -> str:
    return f"{curvature.contraction(lr):.6g} of the distance"


def _predicted(comparison: Comparison) -> str:
    """What theory says of this rate: when it arrives, or why it does not."""
    curvature, lr = comparison.curvature, comparison.lr
    steps = comparison.modes.steps_to(CONVERGED, lr)
    if steps is None and lr < curvature.largest_stable_lr:
        return "at this rate gradient descent would not arrive in any number of steps that could be taken"
    if steps is None:
        return f"at this rate each step multiplies the distance by up to {curvature.contraction(lr):.6g}"
    if steps == 1:
        values = " and ".join(dict.fromkeys(f"{value:.4g}" for value in comparison.modes.eigenvalues.tolist()))
        return f"one step lands on the optimum, for 1 − lr·λ = 0 where λ = {values}"
    soon = ", ".join(f"{100 * f:g} % after {_steps(comparison.modes.steps_to(f, lr))}" for f in FRACTIONS)
    return f"without training, of the starting gap {soon}"


def _steps(steps: int | None) -> str:
    return "no number of steps" if steps is None else f"{steps:,}"


def remedy(comparison: Comparison) -> str:
    """What to try after a run diverged, with the largest stable learning rate."""
    curvature = comparison.curvature
    if comparison.batch_size is not None:
        limit, what = curvature.safe_sample_lr, "the largest rate that is safe for every batch"
    else:
        limit, what = curvature.largest_stable_lr, "the largest stable rate"
    other = "" if comparison.problem.scaling else ", or --standardize, which trains on standardised columns"
    return f"{what} is {limit:.6g}: try --lr {0.5 * limit:.2g}{other}"
