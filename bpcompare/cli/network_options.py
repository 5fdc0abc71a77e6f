"""The options of networks, and what they change about the defaults of the others."""

from __future__ import annotations

import argparse

from bpcompare.cli import options, values
from bpcompare.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bpcompare.problem.problem import Problem

USUAL = {"seed": 0, "dtype": "float32", "lr": 0.1, "epochs": 50, "methods": ("manual", "autograd", "adam")}
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
    group = parser.add_argument_group("problem: a network")
    group.add_argument(
        "--problem",
        choices=("line", "quadratic"),
        help="quadratic: 30 noisy points of x², features x and x², learned as published by a network 2,100,400,1 with "
        "standard normal initial weights, float64, seed 333, lr 0.002, 200 epochs, one sample per step in the given "
        "order, by manual, autograd, adam and graph; every option overrides its part (default line)",
    )
    group.add_argument(
        "--layers", type=widths, metavar="N,N[,N…]", help="the widths of a network, from the inputs to the outputs"
    )
    group.add_argument(
        "--activation", choices=("sigmoid", "tanh", "relu"), help="of its hidden layers (default sigmoid)"
    )
    group.add_argument(
        "--init",
        choices=("normal", "pytorch"),
        help="its initial weights: the standard normal, or PyTorch's own (default pytorch)",
    )
    group.add_argument(
        "--order",
        choices=("given", "shuffled"),
        help="of the samples in batches: as in the data, or new at every epoch (default shuffled)",
    )
    parser.set_defaults(**dict.fromkeys(USUAL))  # None: not given


def widths(text: str) -> list[int]:
    """At least two whole numbers of at least 1, separated by commas."""
    numbers = values.whole_numbers(text)
    if len(numbers) < 2:
        raise argparse.ArgumentTypeError(f"must be at least two widths, such as 2,10,1; got {text!r}")
    return numbers


def settle(arguments: argparse.Namespace) -> None:
    """Puts in the defaults, which depend on the problem.

    Raises:
        InputError: Options contradict each other.
    """
    quadratic = arguments.problem == "quadratic"
    if arguments.problem is not None and arguments.csv is not None:
        hint = "; add --layers to learn the table by a network" if quadratic else ""
        raise InputError(f"--problem makes data, and --csv reads them; leave one of the two out{hint}")
    if quadratic:
        for name in (*options.LINE, "x", "y"):
            if getattr(arguments, name) is not None:
                raise InputError(f"--{name} does not belong to --problem quadratic; leave one of the two out")
    elif arguments.layers is None:
        for name in NETWORK:
            if getattr(arguments, name) is not None:
                raise InputError(f"--{name} belongs to a network; add --layers")
    defaults = PUBLISHED if quadratic else USUAL | (NETWORK if arguments.layers else {})
    for name, default in defaults.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)


def problem_from(arguments: argparse.Namespace, on_progress: Callable[[float], object] | None = None) -> Problem:
    """The problem that the options ask for, once they are settled."""
    if arguments.problem == "quadratic":
        import torch

        from bpcompare.problem.networks import quadratic

        return quadratic(
            arguments.seed,
            getattr(torch, arguments.dtype),
            layers=arguments.layers,
            activation=arguments.activation,
            init=arguments.init,
            bias=not arguments.no_bias,
            standardize=arguments.standardize,
        )
    problem = options.problem_from(arguments, on_progress)
    return problem if arguments.layers is None else started(problem, arguments, arguments.init)


def started(problem: Problem, arguments: argparse.Namespace, init: str) -> Problem:
    """The same data with a network that starts from initial weights of that kind."""
    from bpcompare.problem.networks import with_network

    return with_network(problem, arguments.layers, arguments.activation, init, seed=arguments.seed)
