"""The table of wrong derivatives: every entry is the formula that it shows, is wrong, and is named as itself."""

import re
from string import Template

import numpy as np
import pytest
from typed import value

from bpcompare.graph.derivation import derive
from bpcompare.graph.operations import TABLE
from bpcompare.graph.powers import to_the
from bpcompare.graph.wrong_derivatives import WRONG, wrong_partials

SAME = 1e-12  # relative; float64 carries 16 digits
EXPONENTS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
LINEAR = {"plus", "minus", "same", "negative", "transpose"}  # a sign, or a derivative left out, has a change of its own
SHAPES = {
    "matmul": (((2, 2), (2, 2)), ((3, 2), (2, 4)), ((2, 2), (2,)), ((2,), (2, 2)), ((2, 3), (3,)), ((2,), (2, 3))),
    "sum": (((2, 3),), ((4,),)),
    "mean": (((2, 3),), ((4,),)),
    "Linear": (((), (), ()),),
    "Linear of arrays": (((4, 3), (2, 3), (2,)), ((3, 3), (3, 3), (3,))),
    "MSE": (((), ()),),
    "MSE of arrays": (((3, 2), (3, 2)), ((4,), (4,))),
}
ROWS = [(TABLE[name], position) for name, rows in WRONG.items() for position in range(len(rows))]
ROWS += [(to_the(n), 0) for n in EXPONENTS]
ENTRIES = [(row, position, wrong) for row, position in ROWS for wrong in wrong_partials(row, position)]
WORDED = {
    "the other argument's share": lambda row, position, g, a, b, **_: g * (chosen(row, a, b) != position),
    "the first row of $grad": lambda row, position, g, **_: g[0, :],
    "the last row of $grad": lambda row, position, g, **_: g[g.shape[0] - 1, :],
}


def chosen(row, a, b):
    """Which argument max or min has taken."""
    return (np.argmax if row.name == "max" else np.argmin)(np.stack([a, b]), axis=0)


def named(entry):
    return f"{entry.name} {entry.exponent:g}" if hasattr(entry, "exponent") else getattr(entry, "text", str(entry))


def drawn(row, seed=0):
    """Operands of each shape, the output and a gradient that arrives, of both signs where the operation allows it."""
    generator = np.random.default_rng(seed)
    positive = row.name in ("log", "sqrt", "power") or not row.exponent.is_integer()
    count = len(row.partials)
    for shapes in SHAPES.get(row.name, (((),) * count, ((4, 5),) * count)):
        operands = [generator.uniform(0.3, 1.8, shape) for shape in shapes]
        if not positive:
            operands = [operand * generator.choice([-1, 1], np.shape(operand)) for operand in operands]
        out = np.asarray(row.value(*operands))
        yield operands, out, generator.normal(size=out.shape)


def as_typed(row, position, text, operands, out, g):
    """What the formula comes to, typed into NumPy; None where the shapes do not fit."""
    names = dict(zip("abc", operands, strict=False))
    if text in WORDED:
        return WORDED[text](row, position, g, **names)
    sizes = {"n": operands[0].size, "rows": len(np.atleast_1d(operands[0]))}
    sizes["columns"] = operands[0].shape[1] if operands[0].ndim == 2 else 1
    written = Template(text).substitute(a="a", b="b", c="c", out="q", grad="g", gradient="g", **sizes)
    try:
        found = value(written, **names, q=out, g=g)
    except ValueError:
        return None
    return found if "$grad" in text.replace("$gradient", "") else g * found


def pulled(partial, operands, out, g):
    try:
        return np.asarray(partial.pull_back(g, out, *operands))
    except ValueError:
        return None


@pytest.mark.parametrize(("row", "position", "wrong"), ENTRIES, ids=named)
def test_every_entry_computes_the_formula_that_it_shows(row, position, wrong):
    compared = 0
    for operands, out, g in drawn(row):
        computed, formula = (pulled(wrong, operands, out, g), as_typed(row, position, wrong.text, operands, out, g))
        assert (computed is None) == (formula is None)
        if computed is not None:
            np.testing.assert_allclose(computed, formula * np.ones(computed.shape), rtol=SAME)
            compared += 1
    assert compared


@pytest.mark.parametrize(("row", "position"), ROWS, ids=named)
def test_no_entry_is_right_and_no_two_are_the_same(row, position):
    table = [row.partials[position], *wrong_partials(row, position)]
    found = [[pulled(partial, *drawing) for drawing in drawn(row)] for partial in table]
    for place, values in enumerate(found):
        for other in found[place + 1 :]:
            assert not all(are_same(a, b) for a, b in zip(values, other, strict=True))


def are_same(a, b):
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-6)


def test_every_operation_has_a_row_for_each_of_its_arguments():
    assert set(TABLE) - set(WRONG) == LINEAR
    assert {name: len(rows) for name, rows in WRONG.items()} == {name: len(TABLE[name].partials) for name in WRONG}
    for name, rows in WRONG.items():
        assert tuple(wrong_partials(TABLE[name], position) for position in range(len(rows))) == rows
        assert wrong_partials(TABLE[name], len(rows)) == ()
    assert all(wrong_partials(TABLE[name], 0) == () for name in LINEAR)


@pytest.mark.parametrize(
    ("n", "texts"),
    [  # in place of 3a², −2a⁻³, 0.5·a^(−0.5), 1 and 0
        (3.0, ["$a²", "3·$a³", "$a³", "3", "3·$a", "$a", "2·$a²", "3·$a⁴", "$a⁴/4"]),
        (-2.0, ["$a⁻³", "−2·$a⁻²", "$a⁻²", "−2", "−2·$a", "$a", "−3·$a⁻³", "−2·$a⁻¹", "$a⁻¹/−1"]),
        (1.0, ["$a", "$a²", "$a²/2"]),
        (0.0, ["$a⁻¹", "$a", "−1·$a⁻¹"]),
    ],
)
def test_the_wrong_powers_are_those_of_a_learner(n, texts):
    assert [partial.text for partial in wrong_partials(to_the(n), 0)] == texts


# The operation applied to a, b, c, then weighted with k, which is what arrives at it.
ARITHMETIC = {"times": "a*b", "divide": "a/b", "power": "a**b", "matmul": "a @ b"}
WEIGHTED = {"sum": "q*k", "mean": "q*k", "Linear": "q*k", "MSE": "q*k", "MSE of arrays": "q*k"}


def expression(row):
    call = f"{row.name.split()[0]}({', '.join('abc'[: len(row.partials)])})"
    step = f"a**{row.exponent:g}" if row.name == "to_the" else ARITHMETIC.get(row.name, call)
    return f"q = {step}; {WEIGHTED.get(row.name, 'sum(q*k)')}"


@pytest.mark.parametrize(("row", "position", "wrong"), ENTRIES, ids=named)
def test_a_learner_who_makes_it_is_told_its_own_name_and_the_right_formula(row, position, wrong):
    told, name = [], "abc"[position]
    for operands, out, k in drawn(row, seed=1):
        shape = operands[position].shape
        answer = as_typed(row, position, wrong.text, operands, out, k)
        if answer is None or answer.shape not in (shape, ()):
            continue
        answer = answer * np.ones(shape)
        values = {**dict(zip("abc", operands, strict=False)), "k": k}
        result = derive(expression(row), values)
        if np.allclose(answer, result.nodes[name].gradient):  # on a vector 1/n and 1/rows are one
            continue
        (marked,) = result.mark({name: answer}).answers
        shown = Template(wrong.text).substitute(
            **{"a": "a", "b": "b", "c": "c", "out": "q", "n": operands[0].size, "grad": "what arrives"},
            **{"rows": "number of rows", "columns": "number of columns", "gradient": "gradient"},
        )
        told += [mistake.endswith(f", not {shown}") for mistake in marked.mistakes]
        for mistake in marked.mistakes:  # of one number another mistake may give the same
            assert_true(mistake, row, position, values, out, marked)
    assert any(told)


def assert_true(mistake, row, position, values, out, marked):
    """What is said to be right is right, and what is said to stand in its place gives the answer."""
    found = re.fullmatch(rf"∂q/∂{'abc'[position]} is (.+), not (.+)", mistake)
    for formula, gives in zip(found.groups(), (marked.right, marked.yours), strict=True) if found else ():
        text = formula.replace("what arrives", "$grad").replace("gradient", "$gradient").replace("number of ", "$")
        operands = [values[name] for name in "abc" if name in values]
        np.testing.assert_allclose(
            as_typed(row, position, text, operands, out, values["k"]) * np.ones_like(gives), gives
        )
