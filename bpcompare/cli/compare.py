"""The command ``compare``: train, compare, write, print."""

from __future__ import annotations

import argparse
import time
from functools import cached_property, partial

from bpcompare.cli import network_options, options, problem_options, report, values, verification
from bpcompare.cli.request import others_given
from bpcompare.errors import InputError
from bpcompare.language import N_, _, listed
from bpcompare.training.process_environment import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from bpcompare.cli.progress import Progress
    from bpcompare.cli.request import Request
    from bpcompare.comparison.adam_ledger import Ledger

    Maker = Callable[["ComparisonOutput"], bytes]

DESCRIPTION = N_(
    "Trains one linear regression, or a network, by several methods from the same start, and compares them."
)

LINE_FIGURES = ("loss", "parameters", "fit")
NETWORK_FIGURES = ("loss", "fit", "delta")
OF_A_LINE = ("landscape", "animate", "ledger")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the main job."""
    problem_options.add_problem_options(parser)
    options.add_training_options(parser)
    network_options.add_network_options(parser)
    options.add_device_option(parser)
    group = parser.add_argument_group(
        _("more to see"), _("a landscape, an animation and a ledger are of one nn.Linear, not of a network")
    )
    group.add_argument("--explain", action="store_true", help=_("say below what every column and word means"))
    group.add_argument("--report", action="store_true", help=_("write report.html: everything on one page to move"))
    group.add_argument("--landscape", action="store_true", help=_("draw the loss from above, with every method's path"))
    group.add_argument(
        "--animate", action="store_true", help=_("write animation.gif: fit, landscape and curves growing")
    )
    group.add_argument(
        "--ledger",
        type=values.names,
        default=(),
        metavar="M[,M…]",
        help=_(
            "every m, v, m̂ and v̂ of these Adam methods, next to torch.optim.Adam: a table, ledger.csv, "
            "and columns in history.csv"
        ),
    )
    options.add_output_options(parser)
    parser.add_argument(
        "--verify",
        type=values.folder,
        metavar="DIR",
        help=_("train nothing: say whether the files in DIR are whole and of one run (exit code 0), or not (1)"),
    )
    options.add_process_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains, compares, writes the files and prints the table; of several processes, the first writes and prints."""
    if arguments.verify is not None:
        for option in others_given(vars(arguments)):
            raise InputError(_("--verify trains nothing; leave {option} out", option=option))
        return verification.run(arguments.verify)
    request = network_options.request(arguments)
    _check(request)

    from bpcompare.cli import steps
    from bpcompare.cli.progress import Progress, load_torch

    makers, began = files(request), time.monotonic()
    if request.report:
        report.check_libraries()
    place()
    load_torch(quiet=request.quiet)

    from bpcompare.results.write import check_folder
    from bpcompare.training.processes import process_group, run_on_all

    _check_ledger(request)
    with process_group(request.timeout, since=began) as first:
        quiet = request.quiet or not first
        run_on_all(lambda: check_folder(request.out, makers) if first else None)
        request = steps.on_device(request, float64=request.dtype == "float64")
        with Progress(_("reading"), 1.0, quiet=quiet) as progress:
            problem = run_on_all(lambda: network_options.problem_from(request, progress.reach))
        request = problem_options.with_columns(request, problem)
        steps.check_size(request, problem)
        comparison = steps.trained(request, problem, quiet=quiet)
        if first:
            with Progress(_("drawing"), len(makers), quiet=quiet) as progress:
                outcome = ComparisonOutput(comparison, request, progress)
                made = steps.made(makers, outcome, progress)
            wrote = steps.written(request.out, made, quiet=quiet)
            if not quiet:
                steps.shown(*outcome.texts)
                print(wrote)
    return 0


def _check(request: Request) -> None:
    """Refuses what this problem or these methods cannot show."""
    for option in OF_A_LINE if request.layers else ():
        if getattr(request, option):
            raise InputError(
                _("--{option} shows the numbers of one nn.Linear, too many in a network; leave it out", option=option)
            )
    if unknown := [name for name in request.ledger if name not in request.methods]:
        raise InputError(
            _(
                "--ledger {name} is not among the methods {methods}; add it there",
                name=unknown[0],
                methods=listed(request.methods),
            )
        )
    if request.ledger and request.batch_size is not None:
        raise InputError(_("--ledger shows steps on all samples, and --batch-size takes fewer; leave one of them out"))


def _check_ledger(request: Request) -> None:
    from bpcompare.comparison.adam_ledger import rule_by_hand
    from bpcompare.training.methods import Method

    for name in request.ledger:
        rule_by_hand(Method.named(name))


def files(request: Request) -> dict[str, Maker]:
    """Each file that the request asks for, in order, and what makes it; the list of them last."""
    names = [*(NETWORK_FIGURES if request.layers else LINE_FIGURES), *["landscape"] * request.landscape]
    makers: dict[str, Maker] = {
        f"{name}.{format}": partial(ComparisonOutput.picture, name=name, format=format)
        for name in names
        for format in request.format
    }
    if request.animate:
        makers["animation.gif"] = ComparisonOutput.animation
    if request.ledger:
        makers["ledger.csv"] = ComparisonOutput.ledger
    if request.report:
        makers["report.html"] = ComparisonOutput.report
    makers |= {"history.csv": ComparisonOutput.history, "comparison.json": ComparisonOutput.document}
    return makers | {"comparison.sha256": ComparisonOutput.sums}


class ComparisonOutput:
    """A comparison that goes into files and onto the screen; what several files show is computed once.

    Args:
        comparison: What was trained, of a line or of a network.
        request: What the user asked for.
        progress: Counts the files that are made.
    """

    def __init__(self, comparison: Any, request: Request, progress: Progress) -> None:
        self.comparison, self.request, self.progress = comparison, request, progress
        self.made: dict[str, bytes] = {}

    @cached_property
    def figures(self) -> Mapping[str, Any]:
        """The figures by their names."""
        from bpcompare.show import comparison_figures, network_figures

        if self.request.layers:
            return network_figures.figures(self.comparison)
        drawn = comparison_figures.figures(self.comparison)
        if self.request.landscape:
            from bpcompare.show import landscape

            drawn["landscape"] = landscape.figure(self.comparison)
        return drawn

    def report(self) -> bytes:
        """report.html, the page to move."""
        from bpcompare.show.report.page import page, steps_of

        self.progress.expect(steps_of(self.comparison))
        return page(self.comparison, on_step=self.progress.advance)

    @cached_property
    def ledgers(self) -> dict[str, Ledger]:
        """The ledgers of Adam that were asked for, by the method's name."""
        from bpcompare.comparison.adam_ledger import ledger

        return {name: ledger(self.comparison.results[name].run, self.request.lr) for name in self.request.ledger}

    def picture(self, name: str, format: str) -> bytes:
        """A figure as a file of that format."""
        from bpcompare.show.style import to_bytes

        return to_bytes(self.figures[name], format)

    def animation(self) -> bytes:
        """animation.gif."""
        from bpcompare.show import animation

        self.progress.expect(animation.FRAMES)
        return animation.gif(self.comparison, self.progress.advance)

    def ledger(self) -> bytes:
        """ledger.csv."""
        from bpcompare.results.ledger import ledger_csv

        return ledger_csv(self.ledgers, self.comparison.problem)

    def history(self) -> bytes:
        """history.csv."""
        from bpcompare.results.comparison import history_csv
        from bpcompare.results.ledger import history_columns
        from bpcompare.results.network import network_history

        if self.request.layers:
            return network_history(self.comparison)
        return history_csv(self.comparison, history_columns(self.ledgers, self.comparison.problem))

    def document(self) -> bytes:
        """comparison.json."""
        from bpcompare.results.comparison import comparison_json
        from bpcompare.results.network import network_json

        write = network_json if self.request.layers else comparison_json
        return write(self.comparison, self.request.settings)

    def sums(self) -> bytes:
        """comparison.sha256."""
        from bpcompare.results.sums import to_sums

        return to_sums(self.made)

    @property
    def texts(self) -> list[Callable[..., str]]:
        """What is printed: functions of the terminal's look."""
        from bpcompare.show import comparison_table, glossary, ledger_table, network_table

        words = [glossary.render] * self.request.explain
        problem = self.comparison.problem
        if self.request.layers:
            starts = {init: network_options.started(problem, self.request, init) for init in ("normal", "pytorch")}
            return [partial(network_table.render, self.comparison, starts), *words]
        ledgers = [partial(ledger_table.render, one, problem) for one in self.ledgers.values()]
        return [partial(comparison_table.render, self.comparison), *ledgers, *words]
