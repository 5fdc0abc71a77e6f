"""The comparison as tables and sentences for the terminal."""

from collections.abc import Iterator

from bpcompare.comparison.linear import Comparison
from bpcompare.comparison.race import FRACTIONS
from bpcompare.problem.parameter_names import entries
from bpcompare.show import advice, first_step, verdicts
from bpcompare.show.terminal import Columns, text
from bpcompare.theory.least_squares import Curvature

MOST_PARAMETERS = 12  # rows per method


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
    parts: list[Columns | str] = [
        _headline(comparison),
        _learned(comparison),
        *_more(comparison),
        _reached(comparison),
        "",
        *sentences(comparison),
        "",
        *first_step.sentences(comparison),
    ]
    return text(parts, width, color)


def _headline(comparison: Comparison) -> str:
    problem = comparison.problem
    return (
        f"{problem.name}: {problem.samples:,} samples, {problem.in_features} → {problem.out_features}, "
        f"{str(problem.dtype).removeprefix('torch.')}{', standardised' if problem.scaling else ''}; "
        f"lr {comparison.lr:g}, {verdicts.epochs_and_batches(comparison)}"
    )


def _learned(comparison: Comparison) -> Columns:
    """Every learned number next to the truth and the optimum."""
    truth, optimum = comparison.problem.truth, comparison.optimum
    parameters = list(entries(comparison.problem))
    rows = []
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
            rows.append(["" if row else name, entry.name, *cells])
    headings = ("method", "parameter", "learned", *(("truth", "error") if truth else ()), "optimum", "error")
    return Columns(headings, rows, keys=2, glued=("error",))


def _more(comparison: Comparison) -> Iterator[str]:
    more = sum(1 for _ in entries(comparison.problem)) - MOST_PARAMETERS
    if more > 0:
        yield f"\n{more:,} more parameters per method: comparison.json"


def _against(learned: float, right: float) -> list[str]:
    return [f"{right:.9g}", f"{learned - right:+.3g}"]


def _reached(comparison: Comparison) -> Columns:
    """How far down each method came, and how soon."""
    rows = []
    for name, result in comparison.results.items():
        method, predicted = result.run.method, comparison.predicted(name)
        losses = [f"{result.loss:.6g}", "–" if predicted is None else f"{predicted[-1].item():.6g}"]
        counts = [verdicts.epochs_cell(result.epochs_to(fraction)) for fraction in FRACTIONS]
        status = verdicts.status_cell(result.status, result.run.diverged_at)
        rows.append([name, method.gradient, method.update, *losses, f"{result.gaps[-1].item():.3g}", *counts, status])
    rows.append(["optimum", "", "", f"{comparison.optimum.loss:.6g}", "", "0", *[""] * (len(FRACTIONS) + 1)])
    counts_of = verdicts.fraction_headings(FRACTIONS)
    headings = ("method", "gradient", "update", "loss", "predicted", "gap", *counts_of, "status")
    return Columns(headings, rows, words=("gradient", "update", "status"), glued=counts_of[1:])


def sentences(comparison: Comparison) -> Iterator[str]:
    """What the figures mean: agreement, race, learning rate, rank.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.problem import line
        >>> next(sentences(compare(line(), ["manual", "autograd"])))
        'agreement  manual ~ autograd: bit-equal in every parameter at every epoch.'
    """
    yield from verdicts.agreements(comparison.agreement)
    yield from verdicts.races(comparison.race)
    yield from _learning_rate(comparison)
    yield from _not_arrived(comparison)
    yield from advice.sentences(comparison)
    yield from verdicts.workers()
    if not comparison.optimum.unique:
        parameters = comparison.problem.in_features + comparison.problem.has_bias
        yield (
            f"optimum    not unique: the inputs have rank {comparison.optimum.rank} for {parameters} parameters per "
            "output; only the loss is determined, not the weights."
        )


def _learning_rate(comparison: Comparison) -> Iterator[str]:
    curvature = comparison.curvature
    yield (
        f"rate       gradient descent on all samples is stable up to lr 2/λmax = {curvature.largest_stable_lr:.6g}; "
        f"this is lr {comparison.lr:g}."
    )
    yield f"curvature  {_curvature(curvature)}."
    errors = {name: comparison.prediction_error(name) for name in comparison.results}
    measured = ", ".join(f"{name} {error:.1e}" for name, error in errors.items() if error is not None)
    if measured:
        yield f"predicted  {_predicted(comparison)}."
        yield f"measured   largest relative difference from the predicted loss: {measured}."


def _curvature(curvature: Curvature) -> str:
    largest, smallest = curvature.eigenvalues[0].item(), curvature.eigenvalues[max(curvature.rank, 1) - 1].item()
    if curvature.rank == 0:
        return "λ = 0 in every direction: the inputs are all 0, and nothing ever moves"
    if curvature.rank < len(curvature.eigenvalues):
        spread = f"λ from {largest:.4g} to 0 (rank {curvature.rank}): along λ = 0 nothing ever moves"
    elif largest - smallest < 1e-6 * largest:
        spread = f"λ = {largest:.4g} in every direction, condition number 1"
    else:
        spread = f"λ from {largest:.4g} to {smallest:.4g}, condition number {curvature.condition_number:,.6g}"
    gone = advice.rounded_down(100 * (1 - curvature.contraction(curvature.best_lr)), 2)
    step = (
        "one step lands on the optimum"
        if gone > 99.9
        else (f"each step shrinks the distance to the optimum by at least {gone:g} %")
    )
    return f"{spread}; at lr 2/(λmin+λmax) = {curvature.best_lr:.6g}, the best, {step}"


def _predicted(comparison: Comparison) -> str:
    """What theory says of this rate: when the loss has fallen, or why it does not."""
    curvature, lr = comparison.curvature, comparison.lr
    modes = advice.in_user_units(comparison.problem, comparison.modes)
    steps = {fraction: modes.steps_to(fraction, lr) for fraction in FRACTIONS}
    if all(count is None for count in steps.values()):
        if lr < curvature.largest_stable_lr:
            return "at this lr the loss would not fall in any number of steps that could be taken"
        return f"at this lr each step multiplies the distance to the optimum by up to {curvature.contraction(lr):.6g}"
    if steps[FRACTIONS[-1]] == 1:
        values = " and ".join(dict.fromkeys(f"{value:.4g}" for value in comparison.modes.eigenvalues.tolist()))
        return f"one step lands on the optimum, for 1 − lr·λ = 0 where λ = {values}"
    (first, epochs), *others = steps.items()
    fall = f"the loss falls to {100 * first:g} % of its initial excess {_after(epochs)}"
    return ", ".join(
        [fall, *(f"to {100 * fraction:g} % {_after(count).removesuffix(' epochs')}" for fraction, count in others)]
    )


def _after(epochs: int | None) -> str:
    return "never" if epochs is None else f"after {epochs:,} epoch{'s' * (epochs != 1)}"


def _not_arrived(comparison: Comparison) -> Iterator[str]:
    """Which runs stopped early or diverged, and what would help each."""
    results, lr = comparison.results, comparison.lr
    early = [name for name, result in results.items() if result.status == "stopped" and not result.ran_away]
    if early:
        yield f"stopped    {', '.join(early)}: not converged yet; stopped early, after {comparison.epochs:,} epochs."
    for name, result in results.items():
        if not result.ran_away:
            continue
        descends = result.run.method.canonical_update == "GradientDescent"
        remedy = f"lr {lr:g} is too large for it" if descends else f"try a smaller lr, such as --lr {lr / 10:g}"
        if result.run.diverged_at is None:
            yield f"runs away  {name}: its loss has grown to {result.loss:.3g}; {remedy}."
        else:
            step = f"at step {result.run.diverged_at}, its numbers are of the last finite state"
            yield f"diverged   {name} {step}; {remedy}."
