"""The published figures and the sources' errors as text, Markdown and JSON."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from bpcompare.language import N_, _, english, ngettext
from bpcompare.lessons.published.figure import Figure
from bpcompare.lessons.published.reproduce import SOURCES
from bpcompare.lessons.published.source_errors import SourceError
from bpcompare.show.terminal import Columns, text

HEADINGS = (N_("figure"), N_("published"), N_("recomputed"), N_("difference"), N_("verdict"))
SAME = N_("the same")  # of a figure recomputed to the character
ERROR_HEADINGS = (N_("source"), N_("written"), N_("right"), N_("shown by"))
VERDICTS = {"holds": N_("holds"), "explained": N_("explained"), "fails": N_("fails")}


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
            head = _("{letter}. 「{title}」: {counted}", letter=letter, title=title, counted=_counted(found))
            tables += ["", head, *_tables(found, width)]
    wrong = [_paragraphs(error) for error in errors]
    head = _("published figures, recomputed; and where the sources are wrong")
    reasons = [*explanations(figures), summary(figures)]
    return text([head, *tables, *wrong, "", *reasons], width, color)


def _tables(figures: Sequence[Figure], width: int | None) -> Iterator[Columns]:
    """The figures in their order; a further table begins where one column would become too wide for the others."""
    headings = _translated(HEADINGS[:3])
    rows: list[tuple[str, ...]] = []
    for figure in figures:
        row = (figure.what, figure.published, _(SAME) if figure.recomputed == figure.published else figure.recomputed)
        sizes = [max(map(cell_len, column)) for column in zip(headings, *rows, row, strict=True)]
        if rows and width and sum(sizes) + 6 > width:
            yield Columns(headings, rows, words=headings)
            rows = []
        rows.append(row)
    yield Columns(headings, rows, words=headings)


def _paragraphs(error: SourceError) -> str:
    """What a source writes, what is right and what shows it, one below the other: sentences do not fit into cells."""
    cells = (error.source, error.written, error.right, error.shown_by)
    headings = _translated(ERROR_HEADINGS)
    size = max(map(cell_len, headings)) + 2
    lines = [f"{set_cell_size(heading, size)}{cell}" for heading, cell in zip(headings, cells, strict=True)]
    return "\n".join(["", *lines])


def _cells(figure: Figure) -> tuple[str, ...]:
    return figure.what, figure.published, figure.recomputed, figure.difference, _(VERDICTS[figure.verdict])


def _translated(headings: Sequence[str]) -> list[str]:
    return [_(heading) for heading in headings]


def explanations(figures: Sequence[Figure]) -> list[str]:
    """One sentence for each figure that does not hold to the digit.

    Example:
        >>> from bpcompare.lessons.published.figure import number
        >>> explanations([number("B", "half", "0.51", 0.5)])
        ['fails: B half: published 0.51, recomputed 0.5.']
    """
    return [_explanation(figure) for figure in figures if figure.verdict != "holds"]


def _explanation(figure: Figure) -> str:
    named = {"verdict": _(VERDICTS[figure.verdict]), "source": figure.source, "what": figure.what}
    if figure.why:
        return _(
            "{verdict}: {source} {what}: {difference}: {why}.", **named, difference=figure.difference, why=figure.why
        )
    return _(
        "{verdict}: {source} {what}: published {published}, recomputed {recomputed}.",
        **named,
        published=figure.published,
        recomputed=figure.recomputed,
    )


def summary(figures: Sequence[Figure]) -> str:
    """How many figures hold.

    Example:
        >>> summary([])
        '0 figures.'
    """
    if not figures:
        return ngettext("{n} figure.", "{n} figures.", 0)
    return ngettext("{n} figure: {counted}.", "{n} figures: {counted}.", len(figures), counted=_counted(figures))


def _counted(figures: Sequence[Figure]) -> str:
    """How many hold, are explained, are not reproduced."""
    counts = Counter(figure.verdict for figure in figures)
    parts = (
        ngettext("{n} holds", "{n} hold", counts["holds"]) if counts["holds"] else "",
        _("{n} explained", n=counts["explained"]) if counts["explained"] else "",
        _("{n} not reproduced", n=counts["fails"]) if counts["fails"] else "",
    )
    return _joined([part for part in parts if part])


def _joined(parts: Sequence[str]) -> str:
    """The parts as one message, which files of data can still have in English."""
    first, *others = parts
    return _("{first}, {others}", first=first, others=_joined(others)) if others else first


def to_markdown(figures: Sequence[Figure], errors: Sequence[SourceError]) -> str:
    """Both tables in Markdown.

    Example:
        >>> to_markdown([], []).splitlines()[0]
        '# Published figures, recomputed'
    """
    lines = [_("# Published figures, recomputed"), "", summary(figures), ""]
    for letter, title in SOURCES.items():
        lines += [f"## {letter}. 「{title}」", "", *_head(_translated(HEADINGS))]
        lines += [_row(_cells(figure)) for figure in figures if figure.source == letter] + [""]
    reasons = explanations(figures)
    lines += [*(f"- {sentence}" for sentence in reasons), ""] if reasons else []
    lines += [_("# Where the sources are wrong"), "", *_head(_translated(ERROR_HEADINGS))]
    lines += [_row((error.source, error.written, error.right, error.shown_by)) for error in errors]
    return "\n".join(lines) + "\n"


def _head(headings: Sequence[str]) -> list[str]:
    return [_row(headings), "|" + "---|" * len(headings)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("*", "\\*") for cell in cells) + " |"


def to_json(figures: Sequence[Figure], errors: Sequence[SourceError]) -> str:
    """Sources, figures and errors as JSON.

    Example:
        >>> sorted(json.loads(to_json([], [])))
        ['errors', 'figures', 'sources', 'summary']
    """
    document = {
        "sources": SOURCES,
        "summary": summary(figures),
        "figures": [dataclasses.asdict(figure) for figure in figures],
        "errors": [dataclasses.asdict(error) for error in errors],
    }
    return json.dumps(english(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
