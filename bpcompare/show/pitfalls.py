"""A pitfall as a picture and as a page: what was foretold beside what was seen."""

import io
import math
import textwrap

from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table

from bpcompare.lessons.pitfalls.pitfall import Finding, Lesson
from bpcompare.show.style import house_style, line_styles, markers_apart, plain

WIDTH = 100  # characters
LABELS = {"predicted": "the mistake, as predicted", "mistake": "the mistake, as measured", "right": "the right way"}


def figure(lesson: Lesson) -> Figure:
    """The curves of a lesson: the mistake over its own prediction, and the right way.

    Example:
        >>> from bpcompare.lessons.pitfalls.learning_rate import run
        >>> [line.get_label() for line in figure(run("ascent")).axes[0].lines]
        ['the mistake, as predicted', 'the mistake, as measured', 'the right way']
    """
    with house_style():
        picture = Figure(figsize=(7.0, 4.2), layout="constrained")
        axes = picture.add_subplot()
        for place, (name, style) in enumerate(line_styles(LABELS).items()):
            values = [value if math.isfinite(value) else math.nan for value in lesson.curves[name]]
            axes.plot(range(len(values)), values, **{**markers_apart(style, place, len(values)), "label": LABELS[name]})
        if "nodes" not in lesson.quantity:
            axes.set_yscale("log")
        axes.set_xlabel("step")
        axes.set_ylabel(lesson.quantity)
        axes.set_title(textwrap.fill(plain(lesson.title, 200), 70))
        picture.legend(loc="outside lower center", ncols=3)
    return picture


def page(lesson: Lesson) -> str:
    """Everything about one pitfall: the mistake, what is foretold, what was measured, the remedy."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("foretold beforehand", "predicted", "measured", "within", ""):
        table.add_column(heading, justify="left" if heading == "foretold beforehand" else "right", overflow="fold")
    for finding in lesson.findings:
        table.add_row(*_row(finding))
    return "\n".join(
        [
            f"{lesson.name}: {lesson.title}",
            "",
            f"  mistake  {lesson.mistake}",
            f"  remedy   {lesson.remedy}",
            "",
            textwrap.fill(lesson.foretold, WIDTH),
            _rendered(table),
        ]
    )


def overview(lessons: list[Lesson]) -> str:
    """One line for each pitfall: the first thing foretold, and whether all of it came true."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("pitfall", "foretold first", "predicted", "measured", "all as foretold"):
        table.add_column(heading, justify="right" if heading in ("predicted", "measured") else "left", overflow="fold")
    for lesson in lessons:
        what, predicted, measured, *_ = _row(lesson.findings[0])
        table.add_row(lesson.name, what, predicted, measured, "✓" if lesson.holds else "✗")
    return _rendered(table)


def _row(finding: Finding) -> tuple[str, str, str, str, str]:
    within = "exactly" if finding.tolerance == 0 and not finding.at_most else f"{finding.tolerance:.2g}"
    predicted = f"{'≤ ' if finding.at_most else ''}{finding.predicted:.6g}"
    return finding.what, predicted, f"{finding.measured:.6g}", within, "✓" if finding.holds else "✗"


def _rendered(table: Table) -> str:
    stream = io.StringIO()
    Console(file=stream, width=WIDTH, highlight=False, legacy_windows=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
