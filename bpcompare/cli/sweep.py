"""Trains at every learning rate × every seed × every method, all at once, and shows which rates work."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from bpcompare.cli import options, values
from bpcompare.training.process_environment import place

if TYPE_CHECKING:
    from bpcompare.cli.progress import Progress
    from bpcompare.cli.request import Request
    from bpcompare.problem.problem import Problem
    from bpcompare.sweeps.summary import Summary

FIGURES = ("sweep", "sweep_map", "sweep_spread")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a sweep."""
    options.add_problem_options(parser)
    group = parser.add_argument_group("sweep")
    group.add_argument(
        "--lr",
        type=values.rates,
        default=values.rates("1e-3:10:log:200"),
        metavar="A:B:log:N",
        help="N rates from A to B, evenly spaced in the logarithm (or lin), or a list R,R,… (default 1e-3:10:log:200)",
    )
    group.add_argument("--seeds", type=values.whole_number, default=50, metavar="N", help="how many (default 50)")
    group.add_argument(
        "--methods",
        type=values.names,
        default=("manual", "adam"),
        metavar="M[,M…]",
        help="as in compare, with a rule by hand; gradients come from the data's moments (default manual,adam)",
    )
    group.add_argument("--epochs", type=values.whole_number, default=50, metavar="N", help="passes (default 50)")
    options.add_output_options(parser)
    options.add_process_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs them all, writes the files and prints the tables; of several processes, the first one writes and prints."""
    from bpcompare.cli.progress import Progress, load_torch

    request, began = options.line_or_table(arguments), time.monotonic()
    place()
    load_torch(quiet=request.quiet)

    from bpcompare.results import write
    from bpcompare.sweeps.summary import Summary
    from bpcompare.sweeps.sweep import batches, sweep
    from bpcompare.training import processes

    with processes.process_group(request.timeout, since=began) as first:
        quiet = request.quiet or not first
        processes.run_on_all(lambda: write.check_folder(request.out, _names(request)) if first else None)
        with Progress("drawing data", request.seeds, quiet=quiet) as progress:
            problems = processes.run_on_all(lambda: _problems(request, progress))
        steps = len(request.methods) * request.epochs * batches(len(problems), len(request.lr))
        with Progress("training", steps, quiet=quiet) as progress:
            result = sweep(problems, request.lr, request.methods, epochs=request.epochs, on_epoch=progress.advance)
        if first:
            with Progress("finding the optimum of each seed's data", len(problems), quiet=quiet) as progress:
                noise = request.noise if request.csv is None else None
                summary = Summary(result, noise, progress.advance)
            _write(summary, request)
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


def _names(request: Request) -> list[str]:
    """The files to be written, the one that describes the others last."""
    drawn = FIGURES if request.seeds > 1 else FIGURES[:2]
    return [*[f"{name}.{format}" for name in drawn for format in request.format], "sweep.csv", "sweep.json"]


def _write(summary: Summary, request: Request) -> None:
    from bpcompare.cli.progress import Progress
    from bpcompare.results import write
    from bpcompare.results.sweep import sweep_csv, sweep_json
    from bpcompare.show import style, sweep_figures, sweep_table

    files = {}
    names = _names(request)
    pictures = sum(name in FIGURES for name in {name.partition(".")[0] for name in names})
    with Progress("drawing and writing", pictures + len(names), quiet=request.quiet) as progress:
        for name, figure in sweep_figures.figures(summary, progress.advance).items():
            for format in request.format:
                files[f"{name}.{format}"] = style.to_bytes(figure, format)
                progress.advance()
        files["sweep.csv"] = sweep_csv(summary.sweep, request.seed)
        progress.advance()
    files["sweep.json"] = sweep_json(summary, request.settings)
    paths = write.write_files(request.out, files)
    if not request.quiet:
        print(sweep_table.render(summary, **options.look()))
        print(f"wrote {', '.join(str(path) for path in paths)}")
