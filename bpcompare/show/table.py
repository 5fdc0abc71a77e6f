"""The comparison as tables and sentences for the terminal."""

import io
import re
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bpcompare.comparison import FRACTIONS, Comparison, Result
from bpcompare.show.parameters import entries

MOST_PARAMETERS = 12  # rows per way
PLAIN_WIDTH = 160


def render(comparison: Comparison, *, width: int | None = None, color: bool = False) -> str:
    """The comparison as text.

    Args:
        comparison: What to tell of.
        width: The terminal's width in characters; None for plain text, whose tables are Markdown.
        color: Whether to use the terminal's colours.

    Example:
        >>> from bpcompare.comparison import compare
        >>> from bpcompare.problem import line
        >>> print(render(compare(line())).splitlines()[0])
        line: 100 samples, 1 → 1, float32; lr 0.1, 50 epochs
    """
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width or PLAIN_WIDTH,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
    )
    style = box.MARKDOWN if width is None else box.SIMPLE_HEAD
    console.print(escape(_headline(comparison)), soft_wrap=True)
    for table in (_learned(comparison, style), _reached(comparison, style)):
        console.print(table)
    console.print()
    for sentence in sentences(comparison):
        console.print(escape(sentence), soft_wrap=width is None)
    text = "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
    return re.sub(r"\n{3,}", "\n\n", text) + "\n"


def _headline(comparison: Comparison) -> str:
    problem = comparison.problem
    batch = f", batches of {comparison.batch_size}" if comparison.batch_size else ""
    return (
        f"{problem.name}: {problem.samples:,} samples, {problem.in_features} → {problem.out_features}, "
        f"{str(problem.dtype).removeprefix('torch.')}{', standardised' if problem.scaling else ''}; "
        f"lr {comparison.lr:g}, {comparison.epochs:,} epochs{batch}"
    )


def _learned(comparison: Comparison, style: box.Box) -> Table:
    """Every learned number beside the truth and the optimum."""
    truth, optimum = comparison.problem.truth, comparison.optimum
    table = Table(box=style, show_edge=style is box.MARKDOWN)
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


def _reached(comparison: Comparison, style: box.Box) -> Table:
    """How far down each way came, and how soon."""
    table = Table(box=style, show_edge=style is box.MARKDOWN)
    table.add_column("method")
    table.add_column("gradient")
    table.add_column("update", overflow="fold")
    table.add_column("loss", justify="right", no_wrap=True)
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
            f"{result.gaps[-1].item():.3g}",
            *[_count(result.epochs_to(fraction)) for fraction in FRACTIONS],
            _status(result),
        )
    table.add_row("optimum", "", "", f"{comparison.optimum.loss:.6g}", "0")
    return table


def _count(epochs: int | None) -> str:
    return "–" if epochs is None else f"{epochs:,}"


def _status(result: Result) -> str:
    step = result.run.diverged_at
    return result.status if step is None else f"diverged at step {step}"


def sentences(comparison: Comparison) -> Iterator[str]:
    """What the figures mean: agreement, race, learning rate, rank.

    Example:
        >>> from bpcompare.comparison import compare
        >>> from bpcompare.problem import line
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
        yield f"race       {pair.replace('~', ' ~ ')}: {_winner(times)}."
    yield from _learning_rate(comparison)
    if not comparison.optimum.unique:
        parameters = comparison.problem.in_features + comparison.problem.has_bias
        yield (
            f"optimum    not unique: the inputs have rank {comparison.optimum.rank} for {parameters} parameters per "
            "output; only the loss is determined, not the weights."
        )


def _winner(times: dict[float, dict[str, int | None]]) -> str:
    """Who came first to the smallest gap that anyone reached."""
    for fraction in sorted(times):
        reached = {name: epochs for name, epochs in times[fraction].items() if epochs is not None}
        if reached:
            told = " and ".join(f"{name} {epochs or 'never'}" for name, epochs in times[fraction].items())
            return f"the same gradient, another step; epochs to {100 * fraction:g} % of the starting gap: {told}"
    return "the same gradient, another step; neither came down to a tenth of the starting gap"


def _learning_rate(comparison: Comparison) -> Iterator[str]:
    limit = comparison.curvature.largest_stable_lr
    yield f"rate       gradient descent on all samples is stable up to lr {limit:.6g}; this is lr {comparison.lr:g}."
    for name, result in comparison.results.items():
        if result.status == "diverged":
            yield (
                f"diverged   {name} at step {result.run.diverged_at}, its figures are of the last finite state; "
                f"{remedy(comparison)}."
            )


def remedy(comparison: Comparison) -> str:
    """What to try after a run diverged, with the largest stable learning rate."""
    curvature = comparison.curvature
    if comparison.batch_size is not None:
        limit, what = curvature.safe_sample_lr, "the largest rate that is safe for every batch"
    else:
        limit, what = curvature.largest_stable_lr, "the largest stable rate"
    other = "" if comparison.problem.scaling else ", or --standardize, which trains on standardised columns"
    return f"{what} is {limit:.6g}: try --lr {0.5 * limit:.2g}{other}"
