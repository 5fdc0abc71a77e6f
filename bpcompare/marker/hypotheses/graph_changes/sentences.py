"""What a step is called, and where it stands."""

from collections.abc import Sequence
from pathlib import Path

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.steps import Step
from bpcompare.marker.phrases import Phrase, Words, phrase

LONGEST = 70
MOVES = ("view", "_unsafe_view", "permute", "expand", "unsqueeze", "squeeze", "clone", "transpose", "t", "reshape")
PRODUCT, TRANSPOSE, CONSTANT = Phrase(N_("the product")), Phrase(N_("the transpose")), Phrase(N_("a constant"))
WORDS: dict[str, Words] = {"mm": PRODUCT, "bmm": PRODUCT, "t": TRANSPOSE, "permute": TRANSPOSE}
UNNAMED: dict[str, Words] = {one.message: one for one in (PRODUCT, TRANSPOSE, CONSTANT)}
INSIDE = N_("{inside} (in {whole})")


def called(step: Step) -> Words:
    """The variable, the expression or the operation."""
    if step.op in ("input", "constant"):
        return step.name or CONSTANT
    if step.inner is not None and step.source is not None:
        inside = step.inner.name or step.name
        whole = _short(step.source.text)
        return phrase(INSIDE, inside=inside, whole=whole.split("(")[0]) if inside else whole
    if step.name:
        return step.name
    if step.op in MOVES and step.operands and _leaf(step) is not None:
        return called(_leaf(step) or step)
    if step.source is None:
        return WORDS.get(step.op, step.op)
    return _short(step.source.text)


def axes_listed(axes: Sequence[int]) -> Phrase:
    """One axis or several, by their numbers."""
    first, *more = axes
    several = Phrase(str(first))
    for axis in more:
        several = phrase(N_("{some} and {axis}"), some=several, axis=axis)
    return phrase(N_("axes {axes}"), axes=several) if more else phrase(N_("axis {axis}"), axis=first)


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
