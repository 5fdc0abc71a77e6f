"""Files of data are the same, byte for byte, in every language."""

import pytest

from bpcompare.comparison.linear import compare
from bpcompare.comparison.network import compare_network
from bpcompare.language import spoken
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.results.comparison import comparison_json, history_csv
from bpcompare.results.network import network_history, network_json
from bpcompare.results.sweep import sweep_csv, sweep_json
from bpcompare.sweeps.summary import Summary
from bpcompare.sweeps.sweep import sweep

METHODS = ("manual", "graph", "finite_difference", "moments", "autograd+torch.optim.SGD")


def of_a_line():
    found = compare(line(), METHODS, epochs=20)
    assert not all(pair.bit_equal for pair in found.agreement.values())  # so that there is something to explain
    return comparison_json(found, {}) + history_csv(found)


def of_a_network():
    found = compare_network(quadratic(layers=(2, 5, 1)), ("manual", "graph", "finite_difference"), epochs=3)
    return network_json(found, {}) + network_history(found)


def of_a_sweep():
    found = sweep([line(seed=seed) for seed in range(3)], [0.01, 0.1, 10.0], ("manual", "adam"), epochs=5)
    return sweep_json(Summary(found), {}) + sweep_csv(found)


@pytest.mark.parametrize("made", [of_a_line, of_a_network, of_a_sweep])
def test_data_are_the_same_in_both_languages(made):
    plain = made()
    with spoken("zh"):
        assert made() == plain
