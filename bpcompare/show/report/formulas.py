"""Formulas as MathML, which browsers draw by themselves; a slot in a formula is filled with an epoch's number."""

import html
import re

from latex2mathml.converter import convert

SLOT = re.compile(r"<mtext>⟦(.*?)⟧</mtext>")


def mathml(latex: str) -> str:
    r"""A LaTeX formula as MathML; ``\text{⟦name⟧}`` becomes a slot that the page fills with the number of that name.

    Example:
        >>> 'data-field="0.g"' in mathml(r"\text{⟦0.g⟧}")
        True
    """
    made = convert(latex, display="block")
    return SLOT.sub(lambda found: f'<mn data-field="{html.escape(html.unescape(found[1]))}">0</mn>', made)


def symbol(name: str) -> str:
    r"""A parameter's name in a formula: w and b for the single ones, otherwise the user's text.

    Example:
        >>> symbol("weight"), symbol("weight[y, x_1]")
        ('w', '\\text{weight[y, x\\_1]}')
    """
    short = {"weight": "w", "bias": "b"}.get(name)
    escaped = "".join(f"\\{c}" if c in "#$%&_{}" else c for c in name if c not in "\\^~⟦⟧")
    return short or rf"\text{{{escaped}}}"


def update(kind: str, key: str, name: str, lr: float, is_bias: bool) -> list[str]:
    """The formulas of one parameter's step, with slots for the numbers of the epoch.

    Args:
        kind: "descent", "adam" or "other".
        key: The beginning of the slots' names, "METHOD.PARAMETER".
        name: What the parameter is called.
        lr: The learning rate.
        is_bias: Whether it is a bias, whose gradient is Σδ.
    """

    def slot(what: str) -> str:
        return rf"\text{{⟦{key}.{what}⟧}}"

    p, eta = symbol(name), f"{lr:g}"
    slope = rf"\frac{{\partial L}}{{\partial {p}}}"
    terms = r"\sum_i \delta_i" if is_bias else r"\sum_i \delta_i x_i"
    lines = [rf"{slope} = {terms} = {slot('g')}"]
    if kind == "adam":
        lines += [
            rf"m = \beta_1 m + (1 - \beta_1) {slope} = {slot('m')}",
            rf"v = \beta_2 v + (1 - \beta_2) \left({slope}\right)^2 = {slot('v')}",
            rf"\hat{{m}} = \frac{{m}}{{1 - \beta_1^t}} = {slot('m_hat')}",
            rf"\hat{{v}} = \frac{{v}}{{1 - \beta_2^t}} = {slot('v_hat')}",
            rf"\eta \frac{{\hat{{m}}}}{{\sqrt{{\hat{{v}}}} + \epsilon}} = {slot('step')}",
            rf"{p} \leftarrow {slot('p')} - ({slot('step')}) = {slot('next')}",
        ]
    elif kind == "descent":
        lines.append(rf"{p} \leftarrow {p} - \eta {slope} = {slot('p')} - {eta} \cdot ({slot('g')}) = {slot('next')}")
    else:
        lines.append(rf"{p} = {slot('p')} \rightarrow {slot('next')}")
    return [mathml(formula) for formula in lines]
