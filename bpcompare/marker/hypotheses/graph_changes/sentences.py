"""What a step is called, and where it stands."""

from pathlib import Path

from bpcompare.marker.hypotheses.graph_changes.trace import Step

LONGEST = 70
WORDS = {"mm": "the product", "bmm": "the product", "t": "the transpose", "permute": "the transpose"}


def called(step: Step) -> str:
    """The variable, the expression or the operation."""
    if step.op in ("input", "constant"):
        return step.name or "a constant"
    if step.inner is not None:
        inside = step.inner.name or step.name or step.inner.text
        return f"{_short(inside)} (in {step.source.text.split('(')[0]})" if step.source else _short(inside)
    if step.name:
        return step.name
    if step.source is None:
        return WORDS.get(step.op, step.op)
    return _short(step.source.text)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"


def where(step: Step) -> str:
    """File, line and text."""
    source = step.source
    if source is None:
        return ""
    return f"{Path(source.file).name}:{source.line}: {_short(source.text)}"
