"""Trains nn.Linear and writes it as equations, with the learned numbers put in, as text and as LaTeX.

python -m bpcompare equations                        five shapes: 1 → 1, 1 → 2, 2 → 1, 2 → 2, 2 → 3
python -m bpcompare equations --shape 3,2            another
python -m bpcompare equations --csv cars.csv --x speed --y dist --standardize
"""

import argparse

from bpcompare.cli import options, values

SHAPES = ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The shapes, or a problem, and how to train."""
    parser.add_argument(
        "--shape", type=shape, action="append", metavar="IN,OUT", help="inputs and outputs; may be given several times"
    )
    parser.add_argument(
        "--digits", type=values.whole_number, default=6, metavar="N", help="significant digits (default 6)"
    )
    options.add_problem_options(parser)
    options.add_training_options(parser)
    parser.set_defaults(methods=("manual",))


def shape(text: str) -> tuple[int, int]:
    """Two whole numbers of at least 1."""
    numbers = values.whole_numbers(text)
    if len(numbers) != 2:
        raise argparse.ArgumentTypeError(f"must be two whole numbers, such as 2,3; got {text!r}")
    return numbers[0], numbers[1]


def run(arguments: argparse.Namespace) -> int:
    """Trains, and prints the equations."""
    from bpcompare.problem import estimates

    own = arguments.csv is not None or arguments.weight is not None
    if own and arguments.shape:
        from bpcompare.errors import InputError

        raise InputError("--shape makes a problem of its own; leave out --csv or --weight")
    if own:
        _show(arguments)
    for inputs, outputs in () if own else arguments.shape or SHAPES:
        estimates.equations(inputs, outputs).check()
        arguments.weight = [[float(j + i + 2) for i in range(inputs)] for j in range(outputs)]
        arguments.bias = [float(j + 1) for j in range(outputs)]
        _show(arguments)
    return 0


def _show(arguments: argparse.Namespace) -> None:
    """Trains one problem by each method and prints what it learned."""
    from bpcompare.comparison.linear import compare
    from bpcompare.lessons.equations import equations

    problem = options.problem_from(arguments)
    comparison = compare(
        problem,
        arguments.methods,
        lr=arguments.lr,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
    )
    inputs, outputs = problem.in_features, problem.out_features
    bias = f", bias ({outputs},)" if problem.has_bias else ""
    print(f"nn.Linear({inputs}, {outputs}): weight ({outputs}, {inputs}){bias}")
    for name, result in comparison.results.items():
        learned = result.bias if problem.has_bias else None
        both = equations(result.weight, learned, problem.x_names, problem.y_names, arguments.digits)
        print(f"  {name}, {result.status} after {arguments.epochs} epochs, loss {result.loss:.6g}")
        for line in (*both.text, *both.latex):
            print(f"    {line}")
    print()
