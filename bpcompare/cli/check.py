"""Marks a gradient that you derived by hand, and says what is wrong with it.

Your file defines gradients(x, y, w, b) and returns grad_w, grad_b, for the mean squared error of x wᵀ + b with w of
shape (out, in), as nn.Linear has it; or it solves another exercise (--exercise). It runs in a process of its own.
Exit code 0: right; 1: wrong; 2: it cannot be marked.
"""

import argparse
from pathlib import Path

from bpcompare.cli import values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and what to do with it."""
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE.py", help="the file to mark, or to begin")
    parser.add_argument(
        "--exercise",
        metavar="NAME",
        help="write a file to start from: linear-regression, adam-step, sigmoid-neuron or delta-recursion",
    )
    answer = parser.add_mutually_exclusive_group()
    answer.add_argument("--hint", action="store_true", help="a nudge instead of the answer")
    answer.add_argument("--json", action="store_true", help="the marking as JSON, for a teacher's program")
    parser.add_argument("--seed", type=values.seed, help="repeat a marking on the same numbers (default: fresh ones)")
    parser.add_argument(
        "--time-limit",
        type=values.seconds,
        default=5.0,
        metavar="SECONDS",
        help="how long the file may take (default 5)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Marks the file, or writes the one to start from."""
    from bpcompare.errors import InputError

    if arguments.exercise is not None:
        return _begin(arguments.exercise, arguments.file)
    if arguments.file is None:
        raise InputError("check needs a file to mark: check FILE.py, or check --exercise NAME to begin one")
    return _mark(arguments)


def _mark(arguments: argparse.Namespace) -> int:
    import json

    from bpcompare.cli.progress import Progress, load_torch

    load_torch(quiet=arguments.json)

    from bpcompare.marker.check import check_file
    from bpcompare.show import marker_report as show

    with Progress("marking", quiet=arguments.json):
        marking = check_file(arguments.file, arguments.seed, arguments.time_limit)
    if arguments.json:
        print(json.dumps(show.as_data(marking, arguments.file), indent=2, ensure_ascii=False, allow_nan=False))
    elif arguments.hint:
        print(show.nudge(marking))
    else:
        print(show.report(marking, arguments.file))
    return 0 if marking.right else 1


def _begin(name: str, file: Path | None) -> int:
    from bpcompare.errors import OutputError
    from bpcompare.marker.exercises import starter
    from bpcompare.results.write import check_folder, write_files

    source = starter(name)
    file = Path(name.replace("-", "_") + ".py") if file is None else file
    if file.exists():
        raise OutputError(f"{file} exists already and is left as it is; name another: check --exercise {name} FILE.py")
    check_folder(file.parent)
    write_files(file.parent, {file.name: source.replace("FILE", str(file)).encode()})
    print(f"wrote {file}; fill it in, then: python -m bpcompare check {file}")
    return 0
