"""The published figures and the sources' errors as text, Markdown and JSON."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len

from bpcompare.lessons.published.figure import Figure
from bpcompare.lessons.published.reproduce import SOURCES
from bpcompare.lessons.published.source_errors import SourceError
from bpcompare.show.terminal import Columns, text

HEADINGS = ("figure", "published", "recomputed", "difference", "verdict")
SAME = "the same"  # of a figure recomputed to the character
ERROR_HEADINGS = ("source", "written", "right", "shown by")


def render(
    figures: Sequence[Figure], errors: Sequence[SourceError], *, width: int | None = None, color: bool = False
) -> str:
    """Both tables for a terminal of that width; the figures that do not hold to the digit are explained below.

    Example:
        >>> from bpcompare.lessons.published.figure import number
        >>> print(render([number("B", "third", "0.3333", 1 / 3)], []).splitlines()[-1])
        1 figure: 1 holds.
    """
    tables: list[Columns | str] = []
    for letter, title in SOURCES.items():
        if found := [figure for figure in figures if figure.source == letter]:
            tables += ["", f"{letter}. 「{title}」: {_counted(found)}", *_tables(found, width)]
    wrong = [_paragraphs(error) for error in errors]
    head = "published figures, recomputed; and where the sources are wrong"
    reasons = [*explanations(figures), summary(figures)]
    return text([head, *tables, *wrong, "", *reasons], width, color)


def _tables(figures: Sequence[Figure], width: int | None) -> Iterator[Columns]:
    """The figures in their order; a further table begins where one column would become too wide for the others."""
    headings = HEADINGS[:3]
    rows: list[tuple[str, ...]] = []
    for figure in figures:
        row = (figure.what, figure.published, SAME if figure.recomputed == figure.published else figure.recomputed)
        sizes = [max(map(cell_len, column)) for column in zip(headings, *rows, row, strict=True)]
        if rows and width and sum(sizes) + 6 > width:
            yield Columns(headings, rows, words=headings)
            rows = []
        rows.append(row)
    yield Columns(headings, rows, words=headings)


def _paragraphs(error: SourceError) -> str:
    """What a source writes, what is right and what shows it, one below the other: sentences do not fit into cells."""
    cells = (error.source, error.written, error.right, error.shown_by)
    size = max(map(len, ERROR_HEADINGS)) + 2
    lines = [f"{heading:<{size}}{cell}" for heading, cell in zip(ERROR_HEADINGS, cells, strict=True)]
    return "\n".join(["", *lines])


def _cells(figure: Figure) -> tuple[str, ...]:
    return figure.what, figure.published, figure.recomputed, figure.difference, figure.verdict


def explanations(figures: Sequence[Figure]) -> list[str]:
    """One sentence for each figure that does not hold to the digit.

    Example:
        >>> from bpcompare.lessons.published.figure import number
        >>> explanations([number("B", "half", "0.51", 0.5)])
        ['fails: B half: published 0.51, recomputed 0.5.']
    """
    return [
        f"{f.verdict}: {f.source} {f.what}: "
        + (f"{f.difference}: {f.why}." if f.why else f"published {f.published}, recomputed {f.recomputed}.")
        for f in figures
        if f.verdict != "holds"
    ]


def summary(figures: Sequence[Figure]) -> str:
    """How many figures hold.

    Example:
        >>> summary([])
        '0 figures.'
    """
    counted = _counted(figures)
    return f"{len(figures)} figure{'' if len(figures) == 1 else 's'}{': ' if counted else ''}{counted}."


def _counted(figures: Sequence[Figure]) -> str:
    """How many hold, are explained, are not reproduced."""
    counts = Counter(figure.verdict for figure in figures)
    words = {"holds": "hold" if counts["holds"] > 1 else "holds", "explained": "explained", "fails": "not reproduced"}
    return ", ".join(f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict])


def to_markdown(figures: Sequence[Figure], errors: Sequence[SourceError]) -> str:
    """Both tables in Markdown.

    Example:
        >>> to_markdown([], []).splitlines()[0]
        '# Published figures, recomputed'
    """
    lines = ["# Published figures, recomputed", "", summary(figures), ""]
    for letter, title in SOURCES.items():
        lines += [f"## {letter}. 「{title}」", "", *_head(HEADINGS)]
        lines += [_row(_cells(figure)) for figure in figures if figure.source == letter] + [""]
    reasons = explanations(figures)
    lines += [*(f"- {sentence}" for sentence in reasons), ""] if reasons else []
    lines += ["# Where the sources are wrong", "", *_head(ERROR_HEADINGS)]
    lines += [_row((error.source, error.written, error.right, error.shown_by)) for error in errors]
    return "\n".join(lines) + "\n"


def _head(headings: Sequence[str]) -> list[str]:
    return [_row(headings), "|" + "---|" * len(headings)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("*", "\\*") for cell in cells) + " |"


def to_json(figures: Sequence[Figure], errors: Sequence[SourceError], files: Mapping[str, object] | None = None) -> str:
    """Sources, figures and errors as JSON.

    Args:
        figures: What was recomputed.
        errors: Where the sources are wrong.
        files: The list of the other files of this run, as `verify` reads it.

    Example:
        >>> sorted(json.loads(to_json([], [])))
        ['errors', 'figures', 'files', 'sources', 'summary']
    """
    document = {
        "sources": SOURCES,
        "summary": summary(figures),
        "figures": [dataclasses.asdict(figure) for figure in figures],
        "errors": [dataclasses.asdict(error) for error in errors],
        "files": dict(files or {}),
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
