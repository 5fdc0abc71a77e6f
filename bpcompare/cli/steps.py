"""The steps that several commands share: train, make the files, write them, print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpcompare.cli import options, signals, threads
from bpcompare.cli.progress import Progress
from bpcompare.language import _, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from bpcompare.cli.request import Request
    from bpcompare.comparison.linear import Comparison
    from bpcompare.problem.problem import Problem


def check_size(request: Request, problem: Problem) -> None:
    """Refuses a job whose training, files and ledgers would not fit into memory or a day.

    Raises:
        LimitError: It would not.
    """
    from bpcompare.training.methods import Method
    from bpcompare.training.train import expected

    methods = [Method.named(name) for name in request.methods]
    expected(problem, methods, request.training, files=True, ledgers=len(getattr(request, "ledger", ()))).check()


def on_device(request: Request, *, float64: bool) -> Request:
    """The request with the device that is here for the one that it asks for; with none where that is the CPU.

    Raises:
        InputError: It is not here, or does not have float64; in every process the same.
    """
    if request.device is None:
        return request
    from bpcompare.problem.devices import chosen
    from bpcompare.training.processes import run_on_all

    device = str(run_on_all(lambda: chosen(request.device, float64=float64)))
    return request.but(device=None if device == "cpu" else device)


def trained(request: Request, problem: Problem, *, quiet: bool) -> Comparison:
    """What each method of the request makes of ``problem``."""
    from bpcompare.comparison.linear import compare

    threads.settle(problem)
    with Progress(_("training"), len(request.methods) * request.epochs, quiet=quiet) as progress:
        found = compare(problem, request.methods, **vars(request.training), on_epoch=progress.advance)
    with Progress(_("training on the CPU, to compare"), quiet=quiet or found.settings.device == "cpu"):
        _measured = found.against_cpu  # in every process: all of them train
    return found


def made(makers: Mapping[str, Callable[[Any], bytes]], output: Any, progress: Progress) -> dict[str, bytes]:
    """The content of each file, in order; in ``output.made`` each maker finds those before its own."""
    for name, maker in makers.items():
        output.made[name] = maker(output)
        progress.advance()
    return dict(output.made)


def written(folder: Path, files: Mapping[str, bytes], *, quiet: bool) -> str:
    """Writes ``files`` (name → content) and says so."""
    from bpcompare.results.write import write_files

    with Progress(_("writing"), quiet=quiet):
        paths = write_files(folder, files, signals.after_this)
    return list_of_files(paths)


def list_of_files(paths: Iterable[Path]) -> str:
    """Which files were written, in lines that this terminal holds."""
    from bpcompare.show.visible import visible

    sentence, width = visible(_("wrote {files}", files=listed(paths))), options.look()["width"]
    if not width:
        return sentence
    from bpcompare.show.terminal import wrapped

    return wrapped(sentence, width)


def shown(*renders: Callable[..., str]) -> None:
    """Prints what each of them gives for this terminal's width and colours."""
    look = options.look()
    for render in renders:
        print(render(**look))
