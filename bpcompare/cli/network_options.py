"""The options of networks, and what they change about the defaults of the others."""

from __future__ import annotations

import argparse

from bpcompare.cli import problem_options, values
from bpcompare.cli.request import Request, request_from
from bpcompare.errors import InputError
from bpcompare.language import _

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bpcompare.problem.problem import Problem

PUBLISHED = {
    "seed": 333,
    "dtype": "float64",
    "lr": 0.002,
    "epochs": 200,
    "batch_size": 1,
    "order": "given",
    "layers": [2, 100, 400, 1],
    "activation": "sigmoid",
    "init": "normal",
    "methods": ("manual", "autograd", "adam", "graph"),
}
NETWORK = {"activation": "sigmoid", "init": "pytorch"}


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """``--problem``, ``--layers``, ``--activation``, ``--init`` and ``--order``; after the other options."""
    group = parser.add_argument_group(_("problem: a network"))
    group.add_argument(
        "--problem",
        choices=("line", "quadratic"),
        help=_(
            "quadratic: 30 noisy points of x², features x and x², learned as published by a network "
            "2,100,400,1 with standard normal initial weights, float64, seed 333, lr 0.002, 200 epochs, "
            "one sample per step in the given order, by manual, autograd, adam and graph; every option "
            "overrides its part (default line)"
        ),
    )
    group.add_argument(
        "--layers", type=widths, metavar="N,N[,N…]", help=_("the widths of a network, from the inputs to the outputs")
    )
    group.add_argument(
        "--activation", choices=("sigmoid", "tanh", "relu"), help=_("of its hidden layers (default sigmoid)")
    )
    group.add_argument(
        "--init",
        choices=("normal", "pytorch"),
        help=_("its initial weights: the standard normal, or PyTorch's own (default pytorch)"),
    )
    group.add_argument(
        "--order",
        choices=("given", "shuffled"),
        help=_("of the samples in batches: as in the data, or new at every epoch (default shuffled)"),
    )


def widths(text: str) -> list[int]:
    """At least two whole numbers of at least 1, separated by commas."""
    numbers = values.whole_numbers(text)
    if len(numbers) < 2:
        raise argparse.ArgumentTypeError(_("must be at least two widths, such as 2,10,1; got {text!r}", text=text))
    return numbers


def request(arguments: argparse.Namespace) -> Request:
    """The request for a line, a table or a network; the defaults depend on which.

    Raises:
        InputError: Options contradict each other.
        TableError: The table cannot be opened.
    """
    quadratic = arguments.problem == "quadratic"
    if arguments.problem is not None and arguments.csv is not None:
        if not quadratic:
            raise InputError(_("--problem makes data, and --csv reads them; leave one of the two out"))
        raise InputError(
            _(
                "--problem makes data, and --csv reads them; leave one of the two out; add --layers to learn the "
                "table by a network"
            )
        )
    if quadratic:
        for name in (*problem_options.LINE, "x", "y"):
            if getattr(arguments, name) is not None:
                raise InputError(
                    _("--{name} does not belong to --problem quadratic; leave one of the two out", name=name)
                )
        return request_from(vars(arguments), PUBLISHED)
    if arguments.layers is None:
        for name in NETWORK:
            if getattr(arguments, name) is not None:
                raise InputError(_("--{name} belongs to a network; add --layers", name=name))
        return problem_options.line_or_table(arguments)
    return request_from(vars(problem_options.line_or_table(arguments)), NETWORK)


def problem_from(request: Request, on_progress: Callable[[float], object] | None = None) -> Problem:
    """The line, the table or the network that the options ask for."""
    if request.problem == "quadratic":
        import torch

        from bpcompare.problem.networks import quadratic

        return quadratic(
            request.seed,
            getattr(torch, request.dtype),
            layers=request.layers,
            activation=request.activation,
            init=request.init,
            bias=not request.no_bias,
            standardize=request.standardize,
        )
    problem = problem_options.problem_from(request, on_progress)
    return problem if request.layers is None else started(problem, request, request.init)


def started(problem: Problem, request: Request, init: str) -> Problem:
    """The same data with a network that starts from initial weights of that kind."""
    from bpcompare.problem.networks import with_network

    return with_network(problem, request.layers, request.activation, init, seed=request.seed)
