"""The comparison as tables and sentences for the terminal."""

from collections.abc import Iterator

from bpcompare.comparison.linear import Comparison
from bpcompare.comparison.race import FRACTIONS
from bpcompare.language import N_, _, listed, ngettext
from bpcompare.problem.parameter_names import entries
from bpcompare.show import advice, first_step, verdicts
from bpcompare.show.terminal import Columns, percent, text
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
        >>> from bpcompare.problem.line import line
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
    kind = str(problem.dtype).removeprefix("torch.")
    return _(
        "{name}: {samples:,} samples, {inputs} → {outputs}, {kind}; lr {lr:g}, {epochs}",
        name=problem.name,
        samples=problem.samples,
        inputs=problem.in_features,
        outputs=problem.out_features,
        kind=_("{kind}, standardised", kind=kind) if problem.scaling else kind,
        lr=comparison.lr,
        epochs=verdicts.epochs_and_batches(comparison),
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
                cells += [_("not unique"), "–"]
            rows.append(["" if row else name, entry.name, *cells])
    against = (_("truth"), _("error")) if truth else ()
    headings = (_("method"), _("parameter"), _("learned"), *against, _("optimum"), _("error"))
    return Columns(headings, rows, keys=2, glued=(_("error"),))


def _more(comparison: Comparison) -> Iterator[str]:
    more = sum(1 for _ in entries(comparison.problem)) - MOST_PARAMETERS
    if more > 0:
        yield ngettext(
            "\n{n:,} more parameters per method: comparison.json",
            "\n{n:,} more parameters per method: comparison.json",
            more,
        )


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
    rows.append([_("optimum"), "", "", f"{comparison.optimum.loss:.6g}", "", "0", *[""] * (len(FRACTIONS) + 1)])
    counts_of = verdicts.fraction_headings(FRACTIONS)
    gradient, update, status = words = _("gradient"), _("update"), _("status")
    headings = (_("method"), gradient, update, _("loss"), _("predicted"), _("gap"), *counts_of, status)
    return Columns(headings, rows, words=words, glued=counts_of[1:])


def sentences(comparison: Comparison) -> Iterator[str]:
    """What the figures mean: agreement, race, learning rate, rank.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> next(sentences(compare(line(), ["manual", "autograd"])))
        'agreement  manual ~ autograd: bit-equal in every parameter at every epoch.'
    """
    yield from verdicts.agreements(comparison.agreement)
    yield from verdicts.races(comparison.race)
    yield from _learning_rate(comparison)
    yield from _not_arrived(comparison)
    yield from advice.sentences(comparison)
    yield from verdicts.against_cpu(comparison)
    yield from verdicts.workers()
    if not comparison.optimum.unique:
        parameters = comparison.problem.in_features + comparison.problem.has_bias
        yield _(
            "optimum    not unique: the inputs have rank {rank} for {parameters} parameters per output; only the loss "
            "is determined, not the weights.",
            rank=comparison.optimum.rank,
            parameters=parameters,
        )


def _learning_rate(comparison: Comparison) -> Iterator[str]:
    curvature = comparison.curvature
    yield _(
        "rate       gradient descent on all samples is stable up to lr 2/λmax = {limit:.6g}; this is lr {lr:g}.",
        limit=curvature.largest_stable_lr,
        lr=comparison.lr,
    )
    yield _("curvature  {said}.", said=_curvature(curvature))
    errors = {name: comparison.prediction_error(name) for name in comparison.results}
    measured = listed(f"{name} {error:.1e}" for name, error in errors.items() if error is not None)
    if measured:
        yield _("predicted  {said}.", said=_predicted(comparison))
        yield _("measured   largest relative difference from the predicted loss: {differences}.", differences=measured)


def _curvature(curvature: Curvature) -> str:
    largest, smallest = curvature.eigenvalues[0].item(), curvature.eigenvalues[max(curvature.rank, 1) - 1].item()
    if curvature.rank == 0:
        return _("λ = 0 in every direction: the inputs are all 0, and nothing ever moves")
    if curvature.rank < len(curvature.eigenvalues):
        spread = _(
            "λ from {largest:.4g} to 0 (rank {rank}): along λ = 0 nothing ever moves",
            largest=largest,
            rank=curvature.rank,
        )
    elif largest - smallest < 1e-6 * largest:
        spread = _("λ = {largest:.4g} in every direction, condition number 1", largest=largest)
    else:
        spread = _(
            "λ from {largest:.4g} to {smallest:.4g}, condition number {number:,.6g}",
            largest=largest,
            smallest=smallest,
            number=curvature.condition_number,
        )
    gone = advice.rounded_down(100 * (1 - curvature.contraction(curvature.best_lr)), 2)
    if gone > 99.9:
        step = _("one step lands on the optimum")
    else:
        step = _("each step shrinks the distance to the optimum by at least {part}", part=percent(gone))
    return _(
        "{spread}; at lr 2/(λmin+λmax) = {lr:.6g}, the best, {step}", spread=spread, lr=curvature.best_lr, step=step
    )


def _predicted(comparison: Comparison) -> str:
    """What theory says of this rate: when the loss has fallen, or why it does not."""
    if not bool((comparison.modes.initial_excess > 0).any()):
        return _("the start has the lowest loss already: gradient descent stays where it is")
    curvature, lr = comparison.curvature, comparison.lr
    modes = advice.in_user_units(comparison.problem, comparison.modes)
    steps = {fraction: modes.steps_to(fraction, lr) for fraction in FRACTIONS}
    if all(count is None for count in steps.values()):
        if lr < curvature.largest_stable_lr:
            return _("at this lr the loss would not fall in any number of steps that could be taken")
        return _(
            "at this lr each step multiplies the distance to the optimum by up to {factor:.6g}",
            factor=curvature.contraction(lr),
        )
    if steps[FRACTIONS[-1]] == 1:
        values = listed(dict.fromkeys(f"{value:.4g}" for value in comparison.modes.eigenvalues.tolist()), N_(" and "))
        return _("one step lands on the optimum, for 1 − lr·λ = 0 where λ = {values}", values=values)
    (first, epochs), *others = steps.items()
    said = _falls(100 * first, epochs)
    for part, count in others:
        said = _("{first}, {others}", first=said, others=_falls_on(100 * part, count))
    return said


def _falls(hundredths: float, epochs: int | None) -> str:
    if epochs is None:
        return _("the loss falls to {part} of its initial excess never", part=percent(hundredths))
    return ngettext(
        "the loss falls to {part} of its initial excess after {n:,} epoch",
        "the loss falls to {part} of its initial excess after {n:,} epochs",
        epochs,
        part=percent(hundredths),
    )


def _falls_on(hundredths: float, epochs: int | None) -> str:
    """The same of a further fraction; the sentence has already said what falls."""
    if epochs is None:
        return _("to {part} never", part=percent(hundredths))
    return ngettext("to {part} after {n:,} epoch", "to {part} after {n:,}", epochs, part=percent(hundredths))


def _not_arrived(comparison: Comparison) -> Iterator[str]:
    """Which runs stopped early or diverged, and what would help each."""
    results, lr = comparison.results, comparison.lr
    early = [name for name, result in results.items() if result.status == "stopped" and not result.ran_away]
    if early:
        yield _(
            "stopped    {methods}: not converged yet; stopped early, after {epochs:,} epochs.",
            methods=listed(early),
            epochs=comparison.epochs,
        )
    for name, result in results.items():
        if not result.ran_away:
            continue
        descends = result.run.method.canonical_update == "GradientDescent"
        if descends:
            remedy = _("lr {lr:g} is too large for it", lr=lr)
        else:
            remedy = _("try a smaller lr, such as --lr {lr:g}", lr=lr / 10)
        if result.run.diverged_at is None:
            yield _(
                "runs away  {method}: its loss has grown to {loss:.3g}; {remedy}.",
                method=name,
                loss=result.loss,
                remedy=remedy,
            )
        else:
            yield _(
                "diverged   {method} at step {step}, its numbers are of the last finite state; {remedy}.",
                method=name,
                step=result.run.diverged_at,
                remedy=remedy,
            )
