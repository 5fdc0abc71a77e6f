"""Formulas as MathML, which browsers draw by themselves; a slot in a formula is filled with an epoch's number."""

import functools
import html
import re

from latex2mathml.converter import convert

from bpcompare.language import _
from bpcompare.problem.parameter_names import Entry

NAME = re.compile("(?<=⟦).*?(?=⟧)")
SLOT = "<mtext>⟦⟧</mtext>"


def mathml(latex: str) -> str:
    r"""A LaTeX formula as MathML; ``\text{⟦name⟧}`` becomes a slot that the page fills with the number of that name.

    Example:
        >>> 'data-field="0.g"' in mathml(r"\text{⟦0.g⟧}")
        True
    """
    first, *others = _around_slots(NAME.sub("", latex))
    slots = (f'<mn data-field="{html.escape(name)}">0</mn>' for name in NAME.findall(latex))
    return first + "".join(slot + other for slot, other in zip(slots, others, strict=True))


@functools.cache
def _around_slots(latex: str) -> list[str]:
    """The MathML of a formula before, between and after its slots; many parameters have the same formulas."""
    return convert(latex, display="block").split(SLOT)


def update(kind: str, key: str, entry: Entry, lr: float, sizes: tuple[int, int]) -> list[str]:
    """The formulas of one parameter's step, with slots for the numbers of the epoch.

    Args:
        kind: "descent", "adam", "ledger" (a variant of Adam), "batches" or "other".
        key: The beginning of the slots' names, "METHOD.PARAMETER".
        entry: The parameter; in the formulas it is w or b.
        lr: The learning rate.
        sizes: The numbers of inputs and outputs.
    """

    def slot(what: str) -> str:
        return rf"\text{{⟦{key}.{what}⟧}}"

    p, eta = "w" if entry.input is not None else "b", f"{lr:g}"
    slope = rf"\frac{{\partial L}}{{\partial {p}}}"
    terms = rf"\sum_i \delta_{{{_index(entry.output, sizes[1])}}}"
    if entry.input is not None:
        terms += f" x_{{{_index(entry.input, sizes[0])}}}"
    lines = [rf"{slope} = {terms} = {slot('g')}"]
    if kind == "adam":
        lines += [
            rf"m \leftarrow \beta_1 m + (1 - \beta_1) {slope} = {slot('m')}",
            rf"v \leftarrow \beta_2 v + (1 - \beta_2) \left({slope}\right)^2 = {slot('v')}",
            rf"\hat{{m}} = \frac{{m}}{{1 - \beta_1^t}} = {slot('m_hat')}",
            rf"\hat{{v}} = \frac{{v}}{{1 - \beta_2^t}} = {slot('v_hat')}",
            rf"\eta \frac{{\hat{{m}}}}{{\sqrt{{\hat{{v}}}} + \epsilon}} = {slot('step')}",
            rf"{p} \leftarrow {slot('p')} - ({slot('step')}) = {slot('next')}",
        ]
    elif kind == "ledger":
        step = _("step")
        quantities = {"m": "m", "v": "v", "step": rf"\text{{{step}}}"}
        lines += [rf"{written} = {slot(quantity)}" for quantity, written in quantities.items()]
        lines.append(rf"{p} \leftarrow {slot('p')} - ({slot('step')}) = {slot('next')}")
    elif kind == "descent":
        lines += [
            rf"{p} \leftarrow {p} - \eta {slope}",
            rf"{p} \leftarrow {slot('p')} - {eta} \cdot ({slot('g')}) = {slot('next')}",
        ]
    else:
        lines.append(rf"{p}: \quad {slot('p')} \rightarrow {slot('next')}")
    return [mathml(formula) for formula in lines]


def _index(place: int, count: int) -> str:
    """The index of a sample, and of a column where there are several."""
    return "i" if count == 1 else f"i,{place + 1}"
