"""The files of a sweep, or of a part of one: each by its name, and what makes it."""

from __future__ import annotations

from functools import cached_property, partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from bpcompare.cli.progress import Progress
    from bpcompare.cli.request import Request
    from bpcompare.sweeps.summary import Summary
    from bpcompare.sweeps.sweep import Sweep

    Maker = Callable[[Any], bytes]

FIGURES = ("sweep", "sweep_map", "sweep_spread")


def files(request: Request) -> dict[str, Maker]:
    """Each file of a sweep or of a part of one, in order, and what makes it; the list of them last."""
    if request.part:
        return {"sweep.npz": PartOutput.numbers, "sweep.json": PartOutput.document, "sweep.sha256": PartOutput.sums}
    pictures: dict[str, Maker] = {
        f"{name}.{format}": partial(SweepOutput.picture, name=name, format=format)
        for name in _drawn(request)
        for format in request.format
    }
    documents = {"sweep.csv": SweepOutput.table, "sweep.json": SweepOutput.document, "sweep.sha256": SweepOutput.sums}
    return pictures | documents


def _drawn(request: Request) -> tuple[str, ...]:
    """The pictures; one seed has no spread."""
    return FIGURES if request.seeds > 1 else FIGURES[:2]


class PartOutput:
    """A part of a sweep on its way into files.

    Args:
        result: Its runs.
        request: What the user asked for.
    """

    def __init__(self, result: Sweep, request: Request) -> None:
        self.result, self.request = result, request
        self.made: dict[str, bytes] = {}

    def numbers(self) -> bytes:
        """sweep.npz."""
        from bpcompare.results.parts import part_npz

        return part_npz(self.result)

    def document(self) -> bytes:
        """sweep.json."""
        from bpcompare.results.parts import part_json

        return part_json(self.result, self.request.settings)

    def sums(self) -> bytes:
        """sweep.sha256."""
        from bpcompare.results.sums import to_sums

        return to_sums(self.made)


class SweepOutput:
    """A sweep on its way into files.

    Args:
        summary: What it shows.
        request: What the user asked for.
        progress: Counts the pictures that are drawn and the files that are made.
    """

    def __init__(self, summary: Summary, request: Request, progress: Progress) -> None:
        self.summary, self.request, self.progress = summary, request, progress
        self.made: dict[str, bytes] = {}

    @cached_property
    def figures(self) -> Mapping[str, Any]:
        """The figures by their names."""
        from bpcompare.show import sweep_figures

        self.progress.expect(len(_drawn(self.request)))  # to draw one takes as long as to make its file
        return sweep_figures.figures(self.summary, self.progress.advance)

    def picture(self, name: str, format: str) -> bytes:
        """A figure as a file of that format."""
        from bpcompare.show.style import to_bytes

        return to_bytes(self.figures[name], format)

    def table(self) -> bytes:
        """sweep.csv."""
        from bpcompare.results.sweep import sweep_csv

        return sweep_csv(self.summary.sweep, self.request.seed)

    def document(self) -> bytes:
        """sweep.json."""
        from bpcompare.results.sweep import sweep_json

        return sweep_json(self.summary, self.request.settings)

    def sums(self) -> bytes:
        """sweep.sha256."""
        from bpcompare.results.sums import to_sums

        return to_sums(self.made)
