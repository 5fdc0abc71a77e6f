"""What a step is called, and where it stands."""

from pathlib import Path

from bpcompare.marker.hypotheses.graph_changes.trace import Step

LONGEST = 70
MOVES = ("view", "_unsafe_view", "permute", "expand", "unsqueeze", "squeeze", "clone", "transpose", "t", "reshape")
WORDS = {"mm": "the product", "bmm": "the product", "t": "the transpose", "permute": "the transpose"}


def called(step: Step) -> str:
    """The variable, the expression or the operation."""
    if step.op in ("input", "constant"):
        return step.name or "a constant"
    if step.inner is not None and step.source is not None:
        inside = step.inner.name or step.name
        whole = _short(step.source.text)
        return f"{inside} (in {whole.split('(')[0]})" if inside else whole
    if step.name:
        return step.name
    if step.op in MOVES and step.operands and _leaf(step) is not None:
        return called(_leaf(step) or step)
    if step.source is None:
        return WORDS.get(step.op, step.op)
    return _short(step.source.text)


def _leaf(step: Step) -> Step | None:
    """The leaf that a step only lays out in another way."""
    while step.op in MOVES and step.operands:
        step = step.operands[0]
    return step if step.op in ("input", "constant") and step.name else None


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"


def where(step: Step) -> str:
    """File, line and text."""
    source = step.source or (step.user.source if step.user is not None else None)
    if source is None:
        return ""
    return f"{Path(source.file).name}:{source.line}: {_short(source.text)}"
