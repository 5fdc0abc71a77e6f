"""Layers and losses whose backward is written by hand: the right ones pass, each wrong one is refused and named."""

import re

import pytest
from marker.layers import activations, losses, norms, products
from marker.layers.layer import LAYERS, some

import bpcompare

# What two changes of the graph cannot say: a property is told in their place.
UNNAMED = {("batched matmul", "last_of_the_batch"), ("index add", "first_rows_instead")}
SAME_CHANGE = {("batched matmul", "batch_averaged")}  # told as a factor: the batch is 3 in every problem
WRONG = [(layer, name) for layer in LAYERS.values() for name in layer.wrong]


def test_there_are_enough_of_them():
    assert {module.__name__ for module in (activations, losses, norms, products)} == {
        layer.forward.__module__ for layer in LAYERS.values()
    }
    assert len(LAYERS) >= 40
    assert len(WRONG) >= 80


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_a_right_backward_passes(layer):
    marking = bpcompare.gradcheck(layer.apply(layer.right), layer.inputs, reference=layer.forward)
    assert marking.right


@pytest.mark.parametrize(("layer", "name"), some(WRONG), ids=lambda value: getattr(value, "name", value))
def test_a_wrong_backward_is_refused_and_its_mistake_named(layer, name):
    backward, positions, pattern = layer.wrong[name]
    marking = bpcompare.gradcheck(
        layer.apply(backward), layer.inputs, reference=layer.forward, raise_exception=False, dtypes=()
    )
    assert not marking.right
    assert not positions or len(marking.wrong) == len(positions)
    if (layer.name, name) in UNNAMED:
        assert all(marking.properties[answer] for answer in marking.wrong)
        return
    assert set(marking.mistakes) == set(marking.wrong)
    for mistake in marking.mistakes.values():
        told = [mistake.says, *mistake.alternatives, *mistake.places]
        assert (layer.name, name) in SAME_CHANGE or re.search(pattern, "\n".join(told))
        assert mistake.places or mistake.kind in ("factor", "path")
