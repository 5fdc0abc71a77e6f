"""Every line of a derivation in LaTeX is one that Matplotlib and browsers can set."""

import functools
import re

import pytest
from derived import SHOWN
from latex2mathml.converter import convert
from matplotlib.mathtext import MathTextParser

from bpcompare.graph.derivation import derive

SIGNS = ("=", r"\approx", "+", r"\cdot")
GROUP = re.compile(  # what stands in braces or brackets, and holds no such group of more than a letter
    r"(?<=\{)(?:[^{}]|\{[^{}]\}){2,}(?=\})|(?<=\\left\()(?:(?!\\left|\\right).){2,}(?=\\right\))"
)


def parts_of(formula):
    """A formula cut at the signs that stand outside all brackets: where every part is one, the whole is one."""
    part = ""
    for piece in re.split(rf" ((?:{'|'.join(map(re.escape, SIGNS))})) ", formula):
        part = f"{part} {piece}" if part else piece
        if part.count("{") == part.count("}") and part.count(r"\left") == part.count(r"\right"):
            if part not in SIGNS:
                yield part
            part = ""
    assert not part


@functools.cache
def width(formula):
    """As Matplotlib sets it, 0 where MathML cannot; many lines have the same parts, or parts that differ in digits."""
    mathml = convert(formula)
    is_set = "<merror" not in mathml and "\\" not in re.sub(r"<[^>]*>", "", mathml)
    return is_set and width_of_groups(formula)


@functools.cache
def width_of_groups(formula):
    """As Matplotlib sets it, with a letter for each group, which is set by itself; 0 where a group cannot be."""
    if group := GROUP.search(formula):
        before, after = formula[: group.start()], formula[group.end() :]
        return width_of_groups(group[0]) and width_of_groups(f"{before}x{after}")
    return MathTextParser("path").parse(f"${formula}$").width


def test_a_formula_is_cut_outside_brackets_only():
    formula = r"\frac{a + b}{c} = \left(a + b\right) \cdot c + -2"
    assert list(parts_of(formula)) == [r"\frac{a + b}{c}", r"\left(a + b\right)", "c", "-2"]
    assert width(f"a {' a '.join(SIGNS)} a") > width("a") > 0
    assert not width(r"\unknown")


def test_what_cannot_be_set_is_found_in_whatever_group_it_stands():
    assert width_of_groups(r"\left(\frac{a + \sqrt{b}}{\hat{c}}\right)^{2}") > 0
    for wrong in (r"\frac{a}{\hat}", r"\left(a + \sqrt{\left(b^{c_}\right)}\right)", r"\frac{a}", r"\left(a"):
        with pytest.raises(ValueError, match="Parse"):
            width_of_groups(wrong)


@pytest.mark.parametrize("example", SHOWN, ids=lambda example: example[0][:20])
def test_every_line_of_latex_renders_in_matplotlib_and_as_mathml(example):
    lines = [line for line in derive(*example).to_latex().splitlines() if line]
    assert len(lines) > 8
    for line in lines:
        assert re.fullmatch(r"\$[^$]+\$", line)
        assert all(width(re.sub(r"\d+", "0", part)) > 0 for part in parts_of(line.strip("$")))
