"""Sentences that the comparison of a line and that of a network share: agreement, race, processes."""

from collections.abc import Iterator, Mapping
from typing import Any

from bpcompare.comparison.agreement import Agreement
from bpcompare.comparison.base import BaseComparison
from bpcompare.language import N_, _, listed, ngettext
from bpcompare.show.terminal import percent
from bpcompare.training import processes

Times = Mapping[float, Mapping[str, int | None]]  # per fraction of the starting gap, the epochs of each method

STATUSES = {"converged": N_("converged"), "stopped": N_("stopped"), "diverged": N_("diverged")}


def agreements(found: Mapping[str, Agreement], *, in_ulp: bool = True) -> Iterator[str]:
    """For each pair of methods under one rule, whether they are the same calculation.

    Args:
        found: Per pair "a~b" what was found.
        in_ulp: Whether to say how far apart they are; states of a network may be any number of units apart.
    """
    for pair, one in found.items():
        both = pair.replace("~", " ~ ")
        if one.bit_equal:
            yield _("agreement  {pair}: bit-equal in every parameter at every epoch.", pair=both)
        elif in_ulp:
            yield _(
                "agreement  {pair}: up to {ulp:,} units in the last place apart, first at epoch {epoch}: {reason}.",
                pair=both,
                ulp=one.max_ulp,
                epoch=one.first_difference_at,
                reason=one.explanation,
            )
        else:
            yield _(
                "agreement  {pair}: differ from epoch {epoch} on: {reason}.",
                pair=both,
                epoch=one.first_difference_at,
                reason=one.explanation,
            )


def races(times: Mapping[str, Times]) -> Iterator[str]:
    """For each pair of methods on one gradient, which came sooner to the smallest gap that either reached."""
    for pair, epochs in times.items():
        yield _(
            "race       {pair}: the same gradient, another step; {times}.",
            pair=pair.replace("~", " ~ "),
            times=winner(epochs),
        )


def winner(times: Times) -> str:
    """How many epochs each took to the smallest fraction of the starting gap that either reached.

    Example:
        >>> winner({0.1: {"manual": 0, "adam": None}, 0.01: {"manual": None, "adam": None}})
        'epochs to 10 % of the starting gap: manual 0, adam never'
    """
    for fraction in sorted(times):
        epochs = times[fraction]
        if any(count is not None for count in epochs.values()):
            never = _("never")
            counts = listed(f"{n} {never if count is None else f'{count:,}'}" for n, count in epochs.items())
            return _("epochs to {part} of the starting gap: {counts}", part=percent(100 * fraction), counts=counts)
    return _("neither came down to a tenth of the starting gap")


def workers() -> Iterator[str]:
    """Of several processes, why together they take the steps of one."""
    if processes.count() > 1:
        yield _(
            "workers    {count} processes, each with its share of the rows: the gradient of a mean is the "
            "mean of the gradients, so together they take the steps of one process, apart from rounding.",
            count=processes.count(),
        )


def against_cpu(comparison: BaseComparison[Any]) -> Iterator[str]:
    """Of runs on another device, how far each is from the CPU's."""
    found = comparison.against_cpu
    if found is None:
        yield _(
            "device     not compared with the CPU, where the same runs would take more than a minute; GPUs add in "
            "another order, so that the last digits differ."
        )
        return
    for name, one in found.items():
        if one.bit_equal:
            yield _("device     {method}: the same bits as on the CPU, in every state.", method=name)
        else:
            yield _(
                "device     {method}: next to the CPU, what it learned is up to {ulp:,} units in the last place away "
                "({difference:.2g}), a loss up to {loss_ulp:,} ({loss:.2g}), first at epoch {epoch}.",
                method=name,
                ulp=one.parameters_ulp,
                difference=one.parameters,
                loss_ulp=one.losses_ulp,
                loss=one.losses,
                epoch=one.first_difference_at,
            )
    if any(not one.bit_equal for one in found.values()):
        yield _(
            "device     where they differ, the device added in another order or rounded a product and a sum at once "
            "(TF32 is off); on the CPU the same bits come each time."
        )


def on_device(text: str, device: str, name: str) -> str:
    """``text`` with the device after it, where that is not the CPU.

    Example:
        >>> on_device("50 epochs", "cpu", "")
        '50 epochs'
    """
    return _("{text}, on {device} ({name})", text=text, device=device, name=name) if name else text


def epochs_cell(epochs: int | None) -> str:
    """A number of epochs in a table; 0 is a number."""
    return "–" if epochs is None else f"{epochs:,}"


def status_cell(status: str, diverged_at: int | None) -> str:
    """How a run ended."""
    return _(STATUSES[status]) if diverged_at is None else _("diverged at step {step}", step=diverged_at)


def fraction_headings(fractions: tuple[float, ...]) -> tuple[str, ...]:
    """The headings of the columns that hold the epochs to each fraction of the starting gap.

    Example:
        >>> fraction_headings((0.1, 0.001))
        ('epochs to 10 %', 'to 0.1 %')
    """
    first, *others = fractions
    return (
        _("epochs to {part}", part=percent(100 * first)),
        *(_("to {part}", part=percent(100 * fraction)) for fraction in others),
    )


def epochs_and_batches(comparison: BaseComparison[Any]) -> str:
    """How many epochs, and of which batches.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> epochs_and_batches(compare(line(), "manual", batch_size=10, shuffle=False))
        '50 epochs, batches of 10 in their order'
    """
    return on_device(_epochs_and_batches(comparison), comparison.settings.device, comparison.device_name)


def _epochs_and_batches(comparison: BaseComparison[Any]) -> str:
    epochs = ngettext("{n:,} epoch", "{n:,} epochs", comparison.epochs)
    if comparison.batch_size is None:
        return epochs
    if comparison.shuffle:
        return _(
            "{epochs}, batches of {size:,} in a new order in every epoch", epochs=epochs, size=comparison.batch_size
        )
    return _("{epochs}, batches of {size:,} in their order", epochs=epochs, size=comparison.batch_size)
