"""The command ``sweep``: many rates and seeds at once."""

from __future__ import annotations

import argparse
import time
from functools import cached_property, partial
from typing import TYPE_CHECKING

from bpcompare.cli import options, values
from bpcompare.language import N_, _
from bpcompare.training.process_environment import place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from bpcompare.cli.progress import Progress
    from bpcompare.cli.request import Request
    from bpcompare.problem.problem import Problem
    from bpcompare.sweeps.summary import Summary

    Maker = Callable[["SweepOutput"], bytes]

DESCRIPTION = N_("Trains at every learning rate × every seed × every method, all at once, and shows which rates work.")

FIGURES = ("sweep", "sweep_map", "sweep_spread")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a sweep."""
    options.add_problem_options(parser)
    group = parser.add_argument_group(_("sweep"))
    group.add_argument(
        "--lr",
        type=values.rates,
        default=values.rates("1e-3:10:log:200"),
        metavar="A:B:log:N",
        help=_(
            "N rates from A to B, evenly spaced in the logarithm (or lin), or a list R,R,… (default 1e-3:10:log:200)"
        ),
    )
    group.add_argument("--seeds", type=values.whole_number, default=50, metavar="N", help=_("how many (default 50)"))
    group.add_argument(
        "--methods",
        type=values.names,
        default=("manual", "adam"),
        metavar="M[,M…]",
        help=_("as in compare, with a rule by hand; gradients come from the data's moments (default manual,adam)"),
    )
    group.add_argument("--epochs", type=values.whole_number, default=50, metavar="N", help=_("passes (default 50)"))
    options.add_device_option(group)
    options.add_output_options(parser)
    options.add_process_options(parser)
    parser.add_argument("--explain", action="store_true", help=_("say below what every column and word means"))


def run(arguments: argparse.Namespace) -> int:
    """Runs them all, writes the files and prints the tables; of several processes, the first one writes and prints."""
    from bpcompare.cli import steps
    from bpcompare.cli.progress import Progress, load_torch

    request, began = options.line_or_table(arguments), time.monotonic()
    place()
    makers = files(request)
    load_torch(quiet=request.quiet)

    from bpcompare.problem.devices import chosen
    from bpcompare.results.write import check_folder
    from bpcompare.show import glossary, sweep_table
    from bpcompare.sweeps.summary import Summary
    from bpcompare.sweeps.sweep import batches, sweep
    from bpcompare.training import processes

    with processes.process_group(request.timeout, since=began) as first:
        quiet = request.quiet or not first
        processes.run_on_all(lambda: check_folder(request.out, makers) if first else None)
        request = steps.on_device(request, float64=True)
        with Progress(_("drawing data"), request.seeds, quiet=quiet) as progress:
            problems = processes.run_on_all(lambda: _problems(request, progress))
        device = request.device or "cpu"
        weights = problems[0].in_features * problems[0].out_features
        at_once = batches(len(problems), len(request.lr), weights, chosen(device))
        with Progress(_("training"), len(request.methods) * request.epochs * at_once, quiet=quiet) as progress:
            result = sweep(
                problems,
                request.lr,
                request.methods,
                epochs=request.epochs,
                on_epoch=progress.advance,
                device=device,
            )
        if first:
            with Progress(_("finding the optimum of each seed's data"), len(problems), quiet=quiet) as progress:
                noise = request.noise if request.csv is None else None
                summary = Summary(result, noise, progress.advance)
            with Progress(_("drawing"), len(makers), quiet=quiet) as progress:
                outcome = SweepOutput(summary, request, progress)
                made = steps.made(makers, outcome, progress)
            wrote = steps.written(request.out, made, quiet=quiet)
            if not quiet:
                steps.shown(partial(sweep_table.render, summary), *[glossary.render] * request.explain)
                print(wrote)
    return 0


def _problems(request: Request, progress: Progress) -> list[Problem]:
    """A problem for each seed: the line drawn anew, or the same table with another start."""
    from bpcompare.problem import estimates

    first = options.problem_from(request)
    estimates.sweep(
        first.samples,
        first.in_features,
        first.out_features,
        seeds=request.seeds,
        rates=len(request.lr),
        methods=len(request.methods),
        epochs=request.epochs,
        drawn=request.csv is None,
    ).check()
    seeds = range(request.seed, request.seed + request.seeds)
    problems = []
    for seed in seeds:
        if request.csv is not None:
            problems.append(first.restarted(seed))
        else:
            problems.append(options.problem_from(request.but(seed=seed)))
        progress.advance()
    return problems


def files(request: Request) -> dict[str, Maker]:
    """Each file of a sweep, in order, and what makes it; the list of them last."""
    pictures: dict[str, Maker] = {
        f"{name}.{format}": partial(SweepOutput.picture, name=name, format=format)
        for name in _drawn(request)
        for format in request.format
    }
    documents = {"sweep.csv": SweepOutput.table, "sweep.json": SweepOutput.document, "sweep.sha256": SweepOutput.sums}
    return pictures | documents


def _drawn(request: Request) -> tuple[str, ...]:
    """The pictures; one seed has no spread."""
    return FIGURES if request.seeds > 1 else FIGURES[:2]


class SweepOutput:
    """A sweep on its way into files.

    Args:
        summary: What it shows.
        request: What the user asked for.
        progress: Counts the pictures that are drawn and the files that are made.
    """

    def __init__(self, summary: Summary, request: Request, progress: Progress) -> None:
        self.summary, self.request, self.progress = summary, request, progress
        self.made: dict[str, bytes] = {}

    @cached_property
    def figures(self) -> Mapping[str, Any]:
        """The figures by their names."""
        from bpcompare.show import sweep_figures

        self.progress.expect(len(_drawn(self.request)))  # to draw one takes as long as to make its file
        return sweep_figures.figures(self.summary, self.progress.advance)

    def picture(self, name: str, format: str) -> bytes:
        """A figure as a file of that format."""
        from bpcompare.show.style import to_bytes

        return to_bytes(self.figures[name], format)

    def table(self) -> bytes:
        """sweep.csv."""
        from bpcompare.results.sweep import sweep_csv

        return sweep_csv(self.summary.sweep, self.request.seed)

    def document(self) -> bytes:
        """sweep.json."""
        from bpcompare.results.sweep import sweep_json

        return sweep_json(self.summary, self.request.settings)

    def sums(self) -> bytes:
        """sweep.sha256."""
        from bpcompare.results.sums import to_sums

        return to_sums(self.made)
