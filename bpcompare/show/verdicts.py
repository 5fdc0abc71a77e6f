"""Sentences that the comparison of a line and that of a network share: agreement, race, processes."""

from collections.abc import Iterator, Mapping
from typing import Any

from bpcompare.comparison.agreement import Agreement
from bpcompare.comparison.base import BaseComparison
from bpcompare.training import processes

Times = Mapping[float, Mapping[str, int | None]]  # per fraction of the starting gap, the epochs of each method


def agreements(found: Mapping[str, Agreement], *, in_ulp: bool = True) -> Iterator[str]:
    """For each pair of methods under one rule, whether they are the same calculation.

    Args:
        found: Per pair "a~b" what was found.
        in_ulp: Whether to say how far apart they are; states of a network may be any number of units apart.
    """
    for pair, one in found.items():
        label = f"agreement  {pair.replace('~', ' ~ ')}:"
        if one.bit_equal:
            yield f"{label} bit-equal in every parameter at every epoch."
        elif in_ulp:
            yield (
                f"{label} up to {one.max_ulp:,} units in the last place apart, first at epoch "
                f"{one.first_difference_at}: {one.explanation}."
            )
        else:
            yield f"{label} differ from epoch {one.first_difference_at} on: {one.explanation}."


def races(times: Mapping[str, Times]) -> Iterator[str]:
    """For each pair of methods on one gradient, which came sooner to the smallest gap that either reached."""
    for pair, epochs in times.items():
        yield f"race       {pair.replace('~', ' ~ ')}: the same gradient, another step; {winner(epochs)}."


def winner(times: Times) -> str:
    """How many epochs each took to the smallest fraction of the starting gap that either reached.

    Example:
        >>> winner({0.1: {"manual": 0, "adam": None}, 0.01: {"manual": None, "adam": None}})
        'epochs to 10 % of the starting gap: manual 0, adam never'
    """
    for fraction in sorted(times):
        epochs = times[fraction]
        if any(count is not None for count in epochs.values()):
            counts = ", ".join(f"{name} {'never' if count is None else f'{count:,}'}" for name, count in epochs.items())
            return f"epochs to {100 * fraction:g} % of the starting gap: {counts}"
    return "neither came down to a tenth of the starting gap"


def workers() -> Iterator[str]:
    """Of several processes, why together they take the steps of one."""
    if processes.count() > 1:
        yield (
            f"workers    {processes.count()} processes, each with its share of the rows: the gradient of a mean is the "
            "mean of the gradients, so together they take the steps of one process, apart from rounding."
        )


def epochs_cell(epochs: int | None) -> str:
    """A number of epochs in a table; 0 is a number."""
    return "–" if epochs is None else f"{epochs:,}"


def status_cell(status: str, diverged_at: int | None) -> str:
    """How a run ended."""
    return status if diverged_at is None else f"diverged at step {diverged_at}"


def fraction_headings(fractions: tuple[float, ...]) -> tuple[str, ...]:
    """The headings of the columns that hold the epochs to each fraction of the starting gap.

    Example:
        >>> fraction_headings((0.1, 0.001))
        ('epochs to 10 %', 'to 0.1 %')
    """
    first, *others = [f"to {100 * fraction:g} %" for fraction in fractions]
    return f"epochs {first}", *others


def epochs_and_batches(comparison: BaseComparison[Any]) -> str:
    """How many epochs, and of which batches.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.problem import line
        >>> epochs_and_batches(compare(line(), "manual", batch_size=10, shuffle=False))
        '50 epochs, batches of 10 in their order'
    """
    epochs = f"{comparison.epochs:,} epoch{'s' * (comparison.epochs != 1)}"
    if comparison.batch_size is None:
        return epochs
    order = "a new order in every epoch" if comparison.shuffle else "their order"
    return f"{epochs}, batches of {comparison.batch_size:,} in {order}"
