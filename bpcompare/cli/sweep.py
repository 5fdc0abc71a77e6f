"""The command ``sweep``: many rates and seeds at once."""

from __future__ import annotations

import argparse
import time
from functools import partial

from bpcompare.cli import options, problem_options, values
from bpcompare.cli.request import Request, others_given
from bpcompare.cli.sweep_files import PartOutput, SweepOutput, files
from bpcompare.errors import InputError
from bpcompare.language import N_, _
from bpcompare.training.process_environment import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bpcompare.problem.problem import Problem
    from bpcompare.sweeps.sweep import Sweep

DESCRIPTION = N_("Trains at every learning rate × every seed × every method, all at once, and shows which rates work.")

DEFAULTS: dict[str, Any] = {
    "lr": values.rates("1e-3:10:log:200"),
    "seeds": 50,
    "methods": ("manual", "adam"),
    "epochs": 50,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a sweep."""
    problem_options.add_problem_options(parser)
    group = parser.add_argument_group(_("sweep"))
    group.add_argument(
        "--lr",
        type=values.rates,
        metavar="A:B:log:N",
        help=_(
            "N rates from A to B, evenly spaced in the logarithm (or lin), or a list R,R,… (default 1e-3:10:log:200)"
        ),
    )
    group.add_argument("--seeds", type=values.whole_number, metavar="N", help=_("how many (default 50)"))
    group.add_argument(
        "--methods",
        type=values.names,
        metavar="M[,M…]",
        help=_("as in compare, with a rule by hand; gradients come from the data's moments (default manual,adam)"),
    )
    group.add_argument("--epochs", type=values.whole_number, metavar="N", help=_("passes (default 50)"))
    options.add_device_option(group)
    group = parser.add_argument_group(_("a sweep in parts, on several machines"))
    group.add_argument(
        "--part",
        type=values.part,
        metavar="A:B",
        help=_("only these of the seeds, counted from 0, without B; writes sweep.npz, to be merged"),
    )
    group.add_argument(
        "--merge",
        type=values.folder,
        nargs="+",
        metavar="DIR",
        help=_("train nothing: put the parts in these folders together, all of a sweep or nothing"),
    )
    options.add_output_options(parser)
    options.add_process_options(parser)
    parser.add_argument("--explain", action="store_true", help=_("say below what every column and word means"))


def run(arguments: argparse.Namespace) -> int:
    """Runs them all, writes the files and prints the tables; of several processes, the first one writes and prints."""
    if arguments.merge is not None:
        return _merge(arguments)
    from bpcompare.cli import steps
    from bpcompare.cli.progress import Progress, load_torch

    request, began = _request(arguments), time.monotonic()
    place()
    makers = files(request)
    load_torch(quiet=request.quiet)

    from bpcompare.problem.devices import chosen
    from bpcompare.results.write import check_folder
    from bpcompare.sweeps.sweep import batches, sweep
    from bpcompare.training import processes

    with processes.process_group(request.timeout, since=began) as first:
        quiet = request.quiet or not first
        processes.run_on_all(lambda: check_folder(request.out, makers) if first else None)
        request = steps.on_device(request, float64=True)
        problems = processes.run_on_all(lambda: _problems(request, quiet=quiet))
        device = request.device or "cpu"
        weights = problems[0].in_features * problems[0].out_features
        at_once = batches(len(problems), len(request.lr), weights, chosen(device))
        with Progress(_("training"), len(request.methods) * request.epochs * at_once, quiet=quiet) as progress:
            result = sweep(
                problems, request.lr, request.methods, epochs=request.epochs, on_epoch=progress.advance, device=device
            )
        if first:
            (_keep if request.part else _show)(result, request, quiet=quiet)
    return 0


def _request(arguments: argparse.Namespace) -> Request:
    given = {name: DEFAULTS.get(name) if value is None else value for name, value in vars(arguments).items()}
    request = problem_options.line_or_table(argparse.Namespace(**given))
    if request.part and request.part[1] > request.seeds:
        raise InputError(
            _(
                "--part {first}:{last} goes beyond the {seeds} seeds of the whole sweep; --seeds says how many it has",
                first=request.part[0],
                last=request.part[1],
                seeds=request.seeds,
            )
        )
    return request


def _merge(arguments: argparse.Namespace) -> int:
    """Puts the parts of a sweep together: the same files as of the whole sweep, or none."""
    for option in others_given(vars(arguments)):
        raise InputError(_("--merge takes the settings from the parts; leave {option} out", option=option))
    from bpcompare.cli.progress import load_torch

    load_torch(quiet=arguments.quiet)

    from bpcompare.results.parts import merged, read_parts
    from bpcompare.results.write import check_folder

    parts = read_parts(arguments.merge)
    if any(part.folder.samefile(arguments.out) for part in parts if arguments.out.exists()):
        raise InputError(
            _("--out {folder} is one of the parts, which would be lost; choose another --out", folder=arguments.out)
        )
    request = Request({**vars(arguments), **parts[0].settings})
    check_folder(request.out, files(request))
    result = merged(parts, _problems(request, quiet=request.quiet))
    _show(result, request, quiet=request.quiet)
    return 0


def _keep(result: Sweep, request: Request, *, quiet: bool) -> None:
    """Writes the numbers of a part."""
    from bpcompare.cli import steps
    from bpcompare.cli.progress import Progress

    with Progress(_("writing"), quiet=quiet) as progress:
        made = steps.made(files(request), PartOutput(result, request), progress)
    wrote = steps.written(request.out, made, quiet=quiet)
    if not quiet:
        print(wrote)


def _show(result: Sweep, request: Request, *, quiet: bool) -> None:
    """Writes the files of a whole sweep and prints its tables."""
    from bpcompare.cli import steps
    from bpcompare.cli.progress import Progress
    from bpcompare.show import glossary, sweep_table
    from bpcompare.sweeps.summary import Summary

    with Progress(_("finding the optimum of each seed's data"), request.seeds, quiet=quiet) as progress:
        noise = request.noise if request.csv is None else None
        summary = Summary(result, noise, progress.advance)
    makers = files(request)
    with Progress(_("drawing"), len(makers), quiet=quiet) as progress:
        made = steps.made(makers, SweepOutput(summary, request, progress), progress)
    wrote = steps.written(request.out, made, quiet=quiet)
    if not quiet:
        steps.shown(partial(sweep_table.render, summary), *[glossary.render] * request.explain)
        print(wrote)


def _problems(request: Request, *, quiet: bool) -> list[Problem]:
    """A problem for each seed, of a part for its own: the line drawn anew, or the same table with another start."""
    from bpcompare.cli.progress import Progress
    from bpcompare.problem import estimates

    seeds = range(request.seed, request.seed + request.seeds)[slice(*request.part or (None,))]
    first = problem_options.problem_from(request)
    estimates.sweep(
        first.samples,
        first.in_features,
        first.out_features,
        seeds=len(seeds),
        rates=len(request.lr),
        methods=len(request.methods),
        epochs=request.epochs,
        drawn=request.csv is None,
    ).check()
    problems = []
    with Progress(_("drawing data"), len(seeds), quiet=quiet) as progress:
        for seed in seeds:
            if request.csv is not None:
                problems.append(first.restarted(seed))
            else:
                problems.append(problem_options.problem_from(request.but(seed=seed)))
            progress.advance()
    return problems
