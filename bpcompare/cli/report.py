"""The command ``report``: one HTML page."""

from __future__ import annotations

import argparse

from bpcompare.cli import network_options, options, problem_options, values
from bpcompare.cli.progress import Progress, load_torch
from bpcompare.errors import InputError
from bpcompare.language import N_, _, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bpcompare.comparison.base import BaseComparison

DESCRIPTION = N_("""\
Trains, and writes the report: one HTML page with everything in it, which works offline.

  python -m bpcompare report                        the tutorial's line
  python -m bpcompare report --csv cars --x speed --y dist --standardize --lr 0.5
  python -m bpcompare report --problem quadratic    a network, by the delta recursion
""")

FILE = "report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the problem and of training, and where to write."""
    problem_options.add_problem_options(parser)
    options.add_training_options(parser)
    network_options.add_network_options(parser)
    group = parser.add_argument_group(_("output"))
    group.add_argument(
        "--out",
        type=values.folder,
        default="outputs",
        metavar="DIR",
        help=_("folder of {file} (default outputs)", file=FILE),
    )
    group.add_argument("--quiet", action="store_true", help=_("print nothing but errors"))


def run(arguments: argparse.Namespace) -> int:
    """Trains at many rates, runs the pitfalls and writes the page."""
    from bpcompare.cli import steps

    request = network_options.request(arguments)
    check_libraries()
    load_torch(quiet=request.quiet)

    from bpcompare.results.write import check_folder

    check_folder(request.out, [FILE])
    with Progress(_("reading"), 1.0, quiet=request.quiet) as progress:
        problem = network_options.problem_from(request, progress.reach)
    request = problem_options.with_columns(request, problem)
    steps.check_size(request, problem)
    comparison = steps.trained(request, problem, quiet=request.quiet)
    wrote = steps.written(request.out, {FILE: made(comparison, quiet=request.quiet)}, quiet=request.quiet)
    if not request.quiet:
        print(wrote)
    return 0


def made(comparison: BaseComparison[Any], *, quiet: bool) -> bytes:
    """report.html, drawn while a progress line counts its parts."""
    from bpcompare.show.report.page import page, steps_of

    with Progress(_("making the report"), steps_of(comparison), quiet=quiet) as progress:
        return page(comparison, on_step=progress.advance)


def check_libraries() -> None:
    """Refuses before anything is trained where the libraries of the page are not installed.

    Raises:
        InputError: They are not.
    """
    from importlib.util import find_spec

    missing = [name for name in ("plotly", "latex2mathml", "jinja2") if find_spec(name) is None]
    if missing:
        names = listed(missing, N_(" and "))
        raise InputError(_("the report needs {names}; install them with: pip install 'bpcompare[report]'", names=names))
