"""What nobody would see in a text, made visible: a picture and a terminal are shown the same."""

from bpcompare.problem.column_names import steers

MARKS = "\u061c\u200e\u200f"  # of the direction of writing: a name may hold them, and nobody sees them


def visible(text: str) -> str:
    """``text`` on one line, with what could steer a terminal or turn the direction of writing made visible.

    Example:
        >>> visible("speed" + chr(27) + "(km/h)") == "speed" + chr(92) + "x1b(km/h)"
        True
    """
    if text.isprintable():  # as nearly all is, and this is quickly known
        return text
    line = " ".join(text.split()) if any(c in text for c in "\n\r\t\v\f") else text
    return "".join(repr(c)[1:-1] if steers(c) or c in MARKS else c for c in line)
