import dataclasses
import json
import math

import pytest
import torch

from bpcompare.comparison import device
from bpcompare.comparison.device import against_cpu, distance
from bpcompare.comparison.linear import compare
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.results.comparison import comparison_json
from bpcompare.show import comparison_table
from bpcompare.training.settings import DEFAULTS
from bpcompare.training.train import train

STEP = 7  # the state that is moved


def moved(run, name="weight", ulps=1):
    """The run with one number of one state moved by so many units in the last place."""
    values = run.parameters[name].clone()
    for _ in range(ulps):
        values[STEP] = values[STEP].nextafter(torch.tensor(math.inf))
    return dataclasses.replace(run, parameters={**run.parameters, name: values})


def test_a_run_is_at_no_distance_from_itself():
    found = distance(train(line(), "adam"), train(line(), "adam"))
    assert found == device.Distance(True, None, 0, 0.0, 0, 0.0)


def test_one_bit_of_one_state_is_found():
    run = train(line(), "manual", epochs=STEP)
    found = distance(run, moved(run, ulps=3))
    assert (found.bit_equal, found.first_difference_at, found.parameters_ulp) == (False, STEP, 3)
    assert found.parameters == pytest.approx(3 * 2**-23, rel=0.5)
    assert (found.losses_ulp, found.losses) == (0, 0.0)


def test_a_loss_that_differs_is_found():
    run = train(line(), "manual", epochs=STEP)
    losses = run.losses.clone()
    losses[2] += 1e-3
    found = distance(run, dataclasses.replace(run, losses=losses))
    assert (found.bit_equal, found.first_difference_at, found.parameters_ulp) == (False, 2, 0)
    assert found.losses == pytest.approx(1e-3, rel=1e-4)
    assert found.losses_ulp > 1000


def test_runs_that_diverge_at_other_steps_are_compared_where_both_are():
    run = train(line(), "manual", epochs=STEP)
    found = distance(run, run.first(3))
    assert (found.bit_equal, found.first_difference_at, found.parameters_ulp) == (False, 3, 0)


def test_networks_are_compared_by_their_fingerprints():
    problem = quadratic(layers=(2, 3, 1))
    same, other = (train(problem, "manual", epochs=2, lr=lr) for lr in (0.01, 0.0100001))
    assert distance(same, train(problem, "manual", epochs=2, lr=0.01)).bit_equal
    assert distance(same, other).first_difference_at == 1


def test_a_run_that_would_take_the_cpu_too_long_is_not_repeated(monkeypatch):
    run = train(line(), "manual")
    monkeypatch.setattr(device, "MOST_SECONDS", 1e-9)
    assert against_cpu(line(), [run], DEFAULTS) is None


def test_what_was_measured_is_printed_and_written():
    plain = compare(line(), ["manual", "adam"])
    assert plain.against_cpu == {}
    assert "against_cpu" not in json.loads(comparison_json(plain, {}))
    found = {"manual": device.Distance(False, 4, 3, 2e-7, 5, 1e-8), "adam": device.Distance(True, None, 0, 0.0, 0, 0.0)}
    comparison = compare(line(), ["manual", "adam"])
    comparison.__dict__["against_cpu"] = found  # as if it had been trained on a device
    document = json.loads(comparison_json(comparison, {}))
    assert document["against_cpu"]["manual"]["first_difference_at"] == 4
    said = [row for row in comparison_table.render(comparison).splitlines() if row.startswith("device ")]
    assert len(said) == 3
    assert "3 units" in said[0]
    comparison.__dict__["against_cpu"] = None
    assert json.loads(comparison_json(comparison, {}))["against_cpu"] is None
    assert "not compared" in comparison_table.render(comparison)
