"""The steps that several commands share: train, make the files, write them, print."""

from __future__ import annotations

from bpcompare.cli import options, threads
from bpcompare.cli.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bpcompare.cli.request import Request
    from bpcompare.comparison.linear import Comparison
    from bpcompare.comparison.network import NetworkComparison
    from bpcompare.problem.problem import Problem


def trained(request: Request, problem: Problem, *, quiet: bool) -> Comparison | NetworkComparison:
    """What each method of the request makes of ``problem``."""
    from bpcompare.comparison.linear import compare
    from bpcompare.comparison.network import compare_network

    threads.settle(problem)
    by: Callable[..., Comparison | NetworkComparison] = compare if problem.is_linear else compare_network
    with Progress("training", len(request.methods) * request.epochs, quiet=quiet) as progress:
        return by(problem, request.methods, **request.training, on_epoch=progress.advance)


def written(folder: Path, files: Mapping[str, bytes], *, quiet: bool) -> str:
    """Writes ``files`` (name → content) and says so."""
    from bpcompare.results.write import write_files

    with Progress("writing", quiet=quiet):
        paths = write_files(folder, files)
    return f"wrote {', '.join(map(str, paths))}"


def shown(*renders: Callable[..., str]) -> None:
    """Prints what each of them gives for this terminal's width and colours."""
    look = options.look()
    for render in renders:
        print(render(**look))
