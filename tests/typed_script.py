"""A user's script, as a type checker reads it: `make check` runs mypy --strict on it, test_package.py runs it."""

from typing import assert_type

import bpcompare
from bpcompare.problem.problem import Problem

problem = bpcompare.line(samples=100, noise=0.1)
assert_type(problem, Problem)
comparison = bpcompare.compare(problem, "manual", lr=0.1)
for name, result in comparison.results.items():
    assert_type(name, str)
    assert_type(result.weight.item(), float | int | bool)
assert_type(comparison.optimum.loss, float)
assert_type(bpcompare.train(problem, "adam").settings.lr, float)
assert_type(bpcompare.compare_network(bpcompare.quadratic(), epochs=1).floor, float)
assert_type(bpcompare.sweep([problem], [0.1]).epochs, int)
try:
    bpcompare.line(samples="many")  # type: ignore[arg-type]  # were it let through, --strict would call this unused
except bpcompare.BpcompareError:
    refused = True
assert refused
