"""The command ``check``: mark gradients that were derived by hand."""

import argparse
from pathlib import Path
from typing import Any

from bpcompare.cli import options, values
from bpcompare.cli.sentences import program
from bpcompare.language import N_, _, english

DESCRIPTION = N_("""\
Marks a gradient that you derived by hand, and says what is wrong with it.

Your file defines gradients(x, y, w, b) and returns grad_w, grad_b, for the mean squared error of x wᵀ + b with w of
shape (out, in), as nn.Linear has it; or it solves another exercise (--exercise). It runs in a process of its own.
Several files and folders can be marked at once; their marks go into a table (--csv) or to Gradescope.
Exit code 0: right; 1: wrong, or one of several files cannot be marked; 2: it cannot be marked.
""")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The files, and what to do with them."""
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE.py", help=_("the file to mark, or to begin; several, or folders")
    )
    parser.add_argument(
        "--exercise",
        metavar="NAME",
        help=_("write a file to start from: linear-regression, adam-step, sigmoid-neuron or delta-recursion"),
    )
    answer = parser.add_mutually_exclusive_group()
    answer.add_argument("--hint", action="store_true", help=_("a nudge instead of the answer"))
    answer.add_argument("--json", action="store_true", help=_("the marking as JSON, for a teacher's program"))
    parser.add_argument(
        "--seed", type=values.seed, help=_("repeat a marking on the same numbers (default: fresh ones)")
    )
    parser.add_argument(
        "--time-limit",
        type=values.seconds,
        default=5.0,
        metavar="SECONDS",
        help=_("processor time of a file's calls, imports not counted (default 5)"),
    )
    options.add_device_option(
        parser,
        _(
            "where to call the functions: cpu, cuda, cuda:N or auto (default cpu); on a GPU the file runs without the "
            "limits of a sandbox, so mark only one that you trust"
        ),
    )
    teacher = parser.add_argument_group(_("many files"))
    teacher.add_argument("--csv", type=Path, metavar="MARKS.csv", help=_("write the marks as a table"))
    teacher.add_argument("--gradescope", type=Path, metavar="RESULTS.json", help=_("write Gradescope's results.json"))
    teacher.add_argument(
        "--jobs", type=values.whole_number, metavar="N", help=_("files at a time (default: the cores)")
    )


def run(arguments: argparse.Namespace) -> int:
    """Marks the files, or writes the one to start from."""
    from bpcompare.errors import BpcompareError, InputError

    files: list[Path] = arguments.files
    if arguments.exercise is not None:
        if len(files) > 1:
            raise InputError(_("check --exercise writes one file; got {count} names", count=len(files)))
        return _begin(arguments.exercise, files[0] if files else None)
    if not files:
        raise InputError(_("check needs a file to mark: check FILE.py, or check --exercise NAME to begin one"))
    many = len(files) > 1 or files[0].is_dir() or arguments.csv or arguments.gradescope
    try:
        return _mark_many(arguments) if many else _mark(files[0], arguments)
    except BpcompareError as error:
        if arguments.json:
            from bpcompare.show import marker_data

            _print_json(english(marker_data.as_error(files[0], str(error))))
        raise


def _mark(file: Path, arguments: argparse.Namespace) -> int:
    from bpcompare.cli.progress import Progress, load_torch

    load_torch(quiet=arguments.json)

    from bpcompare.marker.check import check_file
    from bpcompare.show import marker_data
    from bpcompare.show import marker_report as show

    with Progress(_("marking"), quiet=arguments.json):
        marking = check_file(file, arguments.seed, arguments.time_limit, device=arguments.device or "cpu")
    if arguments.json:
        _print_json(marker_data.as_data(marking, file))
    elif arguments.hint:
        print(show.nudge(marking))
    else:
        print(show.report(marking, file))
    return 0 if marking.right else 1


def _mark_many(arguments: argparse.Namespace) -> int:
    from bpcompare.cli import check_many
    from bpcompare.results.write import check_folder, write_files
    from bpcompare.workers import cores

    for option in ("hint", "device"):
        if getattr(arguments, option):
            from bpcompare.errors import InputError

            raise InputError(_("--{option} is for one file; mark that file alone", option=option))
    made = {arguments.csv: check_many.as_csv, arguments.gradescope: check_many.as_gradescope}
    made.pop(None, None)
    for target in made:
        check_folder(target.parent, [target.name])
    files = check_many.files_in(arguments.files)
    marked = check_many.mark_all(files, arguments.seed, arguments.time_limit, arguments.jobs or cores())
    for target, content in made.items():
        write_files(target.parent, {target.name: content(marked)})
    if arguments.json:
        _print_json(english(marked))
    else:
        from bpcompare.show.marker_table import table

        print(table(marked))
        for target in made:
            print(_("wrote {file}", file=target))
    return 0 if all(data["right"] for data in marked) else 1


def _print_json(data: Any) -> None:
    import json

    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def _begin(name: str, file: Path | None) -> int:
    from bpcompare.errors import OutputError
    from bpcompare.marker.exercises import starter
    from bpcompare.results.write import check_folder, write_files

    source = starter(name)
    file = Path(name.replace("-", "_") + ".py") if file is None else file
    if file.exists():
        exists = N_("{file} exists already and is left as it is; name another: check --exercise {name} FILE.py")
        raise OutputError(_(exists, file=file, name=name))
    check_folder(file.parent)
    write_files(file.parent, {file.name: source.replace("FILE", str(file)).encode()})
    print(_("wrote {file}; fill it in, then: {program} check {file}", file=file, program=program()))
    return 0
