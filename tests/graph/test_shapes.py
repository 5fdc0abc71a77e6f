"""Which shapes an operation takes: those that PyTorch takes, less what would fill the memory."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from bpcompare.errors import ExpressionError
from bpcompare.graph.node import Node
from bpcompare.graph.operations import MATMUL, TABLE, TIMES_OF_ARRAYS
from bpcompare.graph.shapes import MAX_ENTRIES, check_shapes, for_arrays

SHAPES = [
    (),
    (1,),
    (2,),
    (3,),
    (1, 1),
    (1, 3),
    (3, 1),
    (2, 3),
    (3, 2),
    (3, 3),
    (100,),
    (101,),
    (100, 1),
    (101, 1),
    (1, 100),
    (100, 100),
]
TORCH = {
    "plus": torch.add,
    "max": torch.maximum,
    "matmul": torch.matmul,
    "MSE of arrays": lambda a, b: functional.mse_loss(a, b) if a.shape == b.shape else a.reshape(-1, 0),
    "Linear of arrays": functional.linear,
}


def in_torch(name, shapes):
    """The shape of the result; None where PyTorch refuses."""
    try:
        return tuple(TORCH[name](*map(torch.zeros, shapes)).shape)
    except RuntimeError:
        return None


def taken(name, shapes):
    try:
        check_shapes(TABLE[name], tuple(Node(letter, np.zeros(s)) for letter, s in zip("xyz", shapes, strict=False)))
    except ExpressionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ["plus", "max", "matmul", "MSE of arrays"])
def test_two_arguments_fit_where_they_fit_in_pytorch(name):
    for shapes in itertools.product(SHAPES, repeat=2):
        result, refused = in_torch(name, shapes), taken(name, shapes)
        assert ("do not fit" in refused) == (result is None), shapes
        assert ("entries" in refused) == (result is not None and math.prod(result) > MAX_ENTRIES), shapes


def test_a_layer_takes_what_pytorchs_takes_with_all_axes_written():
    axes = [(1, 2), (2, 2), (2, 1), (3, 2), (2, 3), (100, 2), (101, 2)]
    for x, weight, bias in itertools.product(
        [*axes, (2,)], [*axes, (2,)], [(), (1,), (2,), (3,), (100,), (101,), (1, 2)]
    ):
        result = in_torch("Linear of arrays", (x, weight, bias))
        fits = result is not None and len(x) == len(weight) == 2 and bias == weight[:1]
        refused = taken("Linear of arrays", (x, weight, bias))
        assert ("do not fit" in refused) == (not fits), (x, weight, bias)
        assert ("entries" in refused) == (fits and math.prod(result) > MAX_ENTRIES)


def test_a_neuron_takes_several_samples():
    assert not taken("Linear", ((2,), (), ()))


def test_a_refusal_names_the_arrays_with_their_shapes_and_the_rule():
    assert taken("plus", ((2,), (3,))).startswith(
        "the shapes of x (2,) and y (3,) do not fit plus: arrays are computed"
    )
    assert "do not fit matmul: the last axis of the first" in taken("matmul", ((2,), (3,)))
    assert "do not fit MSE: MSE takes two arrays of one shape" in taken("MSE of arrays", ((2,), (3,)))
    assert "do not fit Linear: Linear(x, weight, bias) takes" in taken("Linear of arrays", ((2,), (3,), (1,)))
    assert "would make 10,100 entries, and 10,000 are allowed" in taken("plus", ((101, 1), (1, 100)))


@pytest.mark.parametrize(
    ("name", "shapes", "expected"),
    [
        ("times", [(), ()], TABLE["times"]),
        ("times", [(2,), ()], TABLE["times"]),
        ("times", [(), (2,)], TABLE["times"]),
        ("times", [(2,), (2,)], TIMES_OF_ARRAYS),
        ("plus", [(2,), (2,)], TABLE["plus"]),
        *(("matmul", [(2,) * a, (2,) * b], row) for (a, b), row in MATMUL.items()),
        ("matmul", [(2, 2), (2, 2)], TABLE["matmul"]),
        ("Linear", [(), (), ()], TABLE["Linear"]),
        ("Linear", [(2,), (), ()], TABLE["Linear"]),
        ("Linear", [(), (2,), ()], TABLE["Linear of arrays"]),
        ("Linear", [(2, 2), (2, 2), (2,)], TABLE["Linear of arrays"]),
        ("MSE", [(), ()], TABLE["MSE"]),
        ("MSE", [(), (2,)], TABLE["MSE of arrays"]),
        ("MSE", [(2,), ()], TABLE["MSE of arrays"]),
        ("MSE", [(2, 2), (2, 2)], TABLE["MSE of arrays"]),
    ],
)
def test_the_row_is_chosen_by_the_axes(name, shapes, expected):
    assert for_arrays(TABLE[name], tuple(Node("x", np.zeros(shape)) for shape in shapes)) is expected
