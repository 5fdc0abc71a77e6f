"""What of a derivation is written out in full, what is summed step by step, and in which order."""

import re

import pytest

from bpcompare.graph.derivation import derive
from bpcompare.graph.notation import TEXT


def lines(text, values, heading, **options):
    (section,) = [part for part in derive(text, values, **options).sections(TEXT) if part.heading == heading]
    return section.lines


def of(name, found):
    (line,) = [line for line in found if re.match(rf"∂\w+/∂{name} ", line)]
    return line


def in_steps(count):
    """So many steps of x, a0 to a…, and what they add up to."""
    names = [f"a{k}" for k in range(count)]
    return "; ".join(f"{name} = {k}*x" for k, name in enumerate(names, 2)) + f"; ({' + '.join(names)})**2"


def test_a_rule_with_exact_numbers_of_its_own_is_rounded_where_a_rounded_gradient_arrives():
    found = lines("sum((W @ x)/3)", {"W": [[1, 1], [1, 1]], "x": [1, 2]}, "Backward, as numbers")
    for name in ("W", "x"):
        assert re.findall(r" (=|≈) ", of(name, found)) == ["=", "≈", "≈"]


@pytest.mark.parametrize("count", [2, 4, 5])
def test_a_few_paths_are_written_out_and_more_are_summed_step_by_step(count):
    text = ";".join([*(f"a{k} = x*{k + 2}" for k in range(count)), " + ".join(f"a{k}" for k in range(count))])
    line = of("x", lines(text.replace(" + ", "*"), {"x": 2}, "Backward, as symbols"))
    products = line.split(" = ")[1].split(" + ")
    assert len(products) == count
    steps = [product.count("*") for product in products]
    assert steps == ([min(count - 1, count - place) for place, _ in enumerate(products)] if count <= 4 else [1] * count)


@pytest.mark.parametrize("steps", [15, 16])
def test_a_long_product_is_written_step_by_step(steps):
    names = [f"s{k}" for k in range(steps)]
    text = "; ".join(f"{name} = 2*{before}" for name, before in zip(names, ["x", *names], strict=False))
    line = of("x", lines(f"{text}; {names[-1]}**2", {"x": 1}, "Backward, as symbols"))
    assert line.count("*") == (steps if steps + 1 <= 16 else 1)


@pytest.mark.parametrize("count", [7, 8, 9, 20])
def test_of_many_terms_the_first_three_and_the_last_are_written(count):
    text = (
        "; ".join(f"a{k} = {k + 2}*x" for k in range(count))
        + "; ("
        + " + ".join(f"a{k}" for k in range(count))
        + ")**2"
    )
    line = of("x", lines(text, {"x": 1}, "Backward, as numbers"))
    words = line.split(" = ")[1]
    if count <= 8:
        assert words.count(" + ") == count - 1
        assert "more" not in line
    else:
        assert words.split(" + ")[3] == f"… ({count - 4} more)"
        assert [re.search(r"∂(a\d+)/∂x", term)[1] for term in words.split(" + ") if "more" not in term] == [
            *("a0", "a1", "a2", f"a{count - 1}"),
        ]


def test_local_derivatives_come_in_the_order_of_the_computation():
    found = lines("z = w*x; q = x*z; q - z", {"w": 2, "x": 3}, "Local derivatives")
    assert [line.split(" =")[0] for line in found] == [
        *("∂z/∂w", "∂z/∂x", "∂q/∂x", "∂q/∂z", "∂f/∂q", "∂f/∂z"),
    ]


def test_the_backward_pass_comes_from_the_output_on_and_holds_only_what_is_asked_for():
    example = ("z = w*x; q = b*b; z + q", {"w": 2, "x": 3, "b": 1})
    for heading in ("Backward, as symbols", "Backward, as numbers"):
        assert [line.split(" =")[0] for line in lines(*example, heading)] == [
            *("∂f/∂q", "∂f/∂b", "∂f/∂z", "∂f/∂x", "∂f/∂w"),
        ]
        assert [line.split(" =")[0] for line in lines(*example, heading, wrt="w")] == ["∂f/∂z", "∂f/∂w"]
    assert [line.split(" =")[0] for line in lines(*example, "Given")] == ["w", "x", "b"]
    assert [line.split(" =")[0] for line in lines(*example, "Forward", wrt="w")] == ["z", "q", "f"]


def test_an_array_is_written_step_by_step_where_a_number_is_written_by_paths():
    numbers = of("x", lines("z = 3*x; y = z*x; y**2", {"x": 2}, "Backward, as symbols"))
    assert numbers == "∂f/∂x = ∂f/∂y*∂y/∂z*∂z/∂x + ∂f/∂y*∂y/∂x"
    arrays = of("x", lines("z = 3*x; y = z*x; sum(y**2)", {"x": [2, 1]}, "Backward, as symbols"))
    assert arrays == "∂f/∂x = ∂f/∂z*∂z/∂x + ∂f/∂y*∂y/∂x"


SUMMED = [  # the shape of b, how the sum over its copies in p = A + b is written
    ([3.0], "sum(∂f/∂p · ∂p/∂b)", "[sum("),
    ([1.0, 2.0, 3.0], "sum(∂f/∂p · ∂p/∂b, axis=0)", "sum("),
    ([[1.0, 2.0, 3.0]], "sum(∂f/∂p · ∂p/∂b, axis=0)", "[sum("),
    ([[1.0], [2.0]], "sum(∂f/∂p · ∂p/∂b, axis=1, keepdims=True)", "sum("),
    ([[1.0]], "sum(∂f/∂p · ∂p/∂b)", "[[sum("),
]


@pytest.mark.parametrize(("b", "words", "begins"), SUMMED)
def test_the_sum_over_copies_says_along_which_axis(b, words, begins):
    line = of("b", lines("p = A + b; sum(p*p)", {"A": [[1, 2, 3], [4, 5, 6]], "b": b}, "Backward, as numbers"))
    side = line.split(" = ")[1]
    assert words in side
    assert side.startswith(begins)


def test_what_goes_into_the_output_alone_has_its_local_derivative_as_symbols_and_as_numbers():
    example = ("w*x**2", {"x": 3, "w": 5})
    assert of("w", lines(*example, "Backward, as symbols")) == "∂f/∂w = v₁"
    assert of("w", lines(*example, "Backward, as numbers")) == "∂f/∂w = v₁ = 9"
    assert lines("mean(x)", {"x": [2.0, 4.0]}, "Backward, as symbols") == ["∂f/∂x = 1/2"]
    assert lines("mean(x)", {"x": [2.0, 4.0]}, "Backward, as numbers") == ["∂f/∂x = 1/2 · [1, 1] = [0.5, 0.5]"]
    assert lines("sum(x)", {"x": [2.0, 4.0]}, "Local derivatives") == ["∂f/∂x = 1"]
