"""The command ``equations``: what was learned, written as equations."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from bpcompare.cli import options, problem_options, values
from bpcompare.cli.progress import Progress, load_torch
from bpcompare.errors import InputError
from bpcompare.language import N_, _

if TYPE_CHECKING:
    from bpcompare.cli.request import Request

DESCRIPTION = N_("""\
Trains nn.Linear and writes it as equations, with the learned numbers put in, as text and as LaTeX.

  python -m bpcompare equations               five shapes, from 1 → 1 to 2 → 3
  python -m bpcompare equations --shape 3,2   another shape
  python -m bpcompare equations --csv cars --x speed --y dist --standardize
""")

METHODS = ("manual",)
SHAPES = ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The shapes, or a problem, and how to train."""
    parser.add_argument(
        "--shape",
        type=shape,
        action="append",
        metavar="IN,OUT",
        help=_("inputs and outputs; may be given several times"),
    )
    parser.add_argument(
        "--digits", type=values.digits, default=6, metavar="N", help=_("significant digits (default 6)")
    )
    problem_options.add_problem_options(parser)
    options.add_training_options(parser, METHODS)
    parser.set_defaults(methods=METHODS)


def shape(text: str) -> tuple[int, int]:
    """Two whole numbers of at least 1."""
    numbers = values.whole_numbers(text)
    if len(numbers) != 2:
        raise argparse.ArgumentTypeError(_("must be two whole numbers, such as 2,3; got {text!r}", text=text))
    return numbers[0], numbers[1]


def run(arguments: argparse.Namespace) -> int:
    """Trains, and prints the equations."""
    from bpcompare.problem import estimates

    request = problem_options.line_or_table(arguments)
    own = any(option is not None for option in (arguments.csv, arguments.weight, arguments.bias))
    if own and request.shape:
        raise InputError(_("--shape makes a problem of its own; leave out --csv, --weight and --bias"))
    load_torch()
    for shape in () if own else request.shape or SHAPES:
        estimates.equations(*shape).check()
    for one in [request] if own else [_of_shape(request, *shape) for shape in request.shape or SHAPES]:
        _show(one)
    return 0


def _of_shape(request: Request, inputs: int, outputs: int) -> Request:
    """The same request for a line with drawn noise, weights 2, 3, … and biases 1, 2, and so on."""
    weight = [[float(j + i + 2) for i in range(inputs)] for j in range(outputs)]
    return request.but(weight=weight, bias=[float(j + 1) for j in range(outputs)])


def _show(request: Request) -> None:
    """Trains one problem by each method and prints what it learned."""
    from bpcompare.cli import steps
    from bpcompare.lessons.equations import equations

    with Progress(_("reading"), 1.0) as progress:
        problem = problem_options.problem_from(request, progress.reach)
    comparison: Any = steps.trained(request, problem, quiet=False)
    inputs, outputs = problem.in_features, problem.out_features
    bias = f", bias ({outputs},)" if problem.has_bias else ""
    print(f"nn.Linear({inputs}, {outputs}): weight ({outputs}, {inputs}){bias}")
    for name, result in comparison.results.items():
        learned = result.bias if problem.has_bias else None
        both = equations(result.weight, learned, problem.x_names, problem.y_names, request.digits)
        print(
            _(
                "  {name}, {status} after {epochs} epochs, loss {loss:.6g}",
                name=name,
                status=_(result.status),
                epochs=request.epochs,
                loss=result.loss,
            )
        )
        for line in (*both.text, *both.latex):
            print(f"    {line}")
    print()
