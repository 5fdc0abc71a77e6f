"""A small HTML table, as a notebook shows a problem, a run or a comparison."""

import html
from collections.abc import Iterable, Sequence

LONGEST = 200  # characters of a cell


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The rows under their headings as an HTML table; numbers are shortened, texts are escaped.

    Example:
        >>> table("a run", ["loss"], [[0.051131311804]])
        '<table><caption>a run</caption><tr><th>loss</th></tr><tr><td>0.0511313</td></tr></table>'
    """
    head = _row("th", headings)
    return f"<table><caption>{_escaped(caption)}</caption>{head}{''.join(_row('td', row) for row in rows)}</table>"


def _row(tag: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_escaped(cell)}</{tag}>' for cell in cells)}</tr>"


def _escaped(cell: object) -> str:
    text = f"{cell:.6g}" if isinstance(cell, float) else str(cell)
    shortened = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return html.escape("".join(c if c.isprintable() else " " for c in shortened))
