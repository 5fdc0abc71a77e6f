"""The comparison of methods to train an `nn.Linear` as files: JSON, and the history as a CSV table."""

import itertools
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from bpcompare.comparison.linear import Comparison
from bpcompare.comparison.race import FRACTIONS
from bpcompare.problem.parameter_names import entries
from bpcompare.problem.problem import Problem
from bpcompare.results.formats import beside_cpu, between, csv_bytes, described, json_bytes, versions
from bpcompare.theory.least_squares import Curvature
from bpcompare.training.run import Run


def comparison_json(comparison: Comparison, settings: Mapping[str, object]) -> bytes:
    """The comparison as JSON: settings, versions, problem, truth, optimum, theory, runs, agreement, race.

    Parameters and losses are in the user's units; a weight is a nested list (out, in), a bias a list (out,), null for
    a model without one. A diverged run tells its last finite state. Nothing in it depends on time or place, so that
    the same run gives the same bytes.

    Args:
        comparison: What to write.
        settings: What the user asked for.

    Example:
        >>> import json
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> document = json.loads(comparison_json(compare(line()), {"lr": 0.1}))
        >>> document["runs"]["manual"]["weight"]
        [[1.3135614395141602]]
    """
    problem, optimum, curvature = comparison.problem, comparison.optimum, comparison.curvature

    def bias(values: Tensor) -> list[float] | None:
        return values.tolist() if problem.has_bias else None

    document = {
        "settings": dict(settings),
        "versions": versions(comparison.device_name),
        "problem": described(problem),
        "truth": problem.truth
        and {"weight": problem.truth.weight.double().tolist(), "bias": problem.truth.bias.double().tolist()},
        "optimum": {
            "weight": optimum.weight.tolist(),
            "bias": bias(optimum.bias),
            "loss": optimum.loss,
            "rank": optimum.rank,
            "unique": optimum.unique,
        },
        "theory": {
            "eigenvalues": curvature.eigenvalues.tolist(),
            "condition_number": _finite(curvature.condition_number),
            "largest_stable_lr": _finite(curvature.largest_stable_lr),
            "safe_sample_lr": _finite(curvature.safe_sample_lr),
            "best_lr": _finite(curvature.best_lr),
            "contraction": {
                "lr": _finite(curvature.contraction(comparison.lr)),
                "best_lr": _best_contraction(curvature),
            },
            "steps_to_fraction_of_gap": {str(f): comparison.modes.steps_to(f, comparison.lr) for f in FRACTIONS},
            "predicted": {
                name: {
                    "loss": _finite(predicted[-1].item()),
                    "largest_relative_error": _finite(comparison.prediction_error(name)),
                }
                for name in comparison.results
                if (predicted := comparison.predicted(name)) is not None
            },
        },
        "runs": {
            name: {
                "gradient": result.run.method.gradient,
                "update": result.run.method.update,
                "weight": result.weight.tolist(),
                "bias": bias(result.bias),
                "loss": result.loss,
                "losses": result.losses_before_steps.tolist(),
                "status": result.status,
                "diverged_at": result.run.diverged_at,
                "epochs_to_fraction_of_gap": {str(f): result.epochs_to(f) for f in FRACTIONS},
            }
            for name, result in comparison.results.items()
        },
        **between(comparison.agreement, comparison.race),
        **beside_cpu(comparison.against_cpu),
    }
    return json_bytes(document)


def history_csv(comparison: Comparison, more: Mapping[str, Mapping[str, Tensor]] | None = None) -> bytes:
    """Every state of every run as a CSV table: epoch, method, loss, every parameter, every gradient.

    The row of epoch k is the model before step k, with its loss and gradient over all samples; the last row of a
    method is what it learned. Everything is in the user's units.

    Args:
        comparison: What to tell of.
        more: Further columns by their heading, per method (epochs,); left blank where a method or an epoch has none.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> history_csv(compare(line())).splitlines()[0]
        b'epoch,method,loss,weight,bias,grad weight,grad bias'
    """
    return csv_bytes(_history(comparison, more or {}))


def _history(comparison: Comparison, more: Mapping[str, Mapping[str, Tensor]]) -> Iterator[list[object]]:
    columns = list(entries(comparison.problem))
    names = [entry.name for entry in columns]
    yield ["epoch", "method", "loss", *names, *[f"grad {name}" for name in names], *more]
    for method, result in comparison.results.items():
        weight_grads, bias_grads = _gradients_in_user_units(comparison.problem, result.run)
        numbers = [result.losses]
        numbers += [entry.path(result.weights, result.biases) for entry in columns]
        numbers += [entry.path(weight_grads, bias_grads) for entry in columns]
        states = torch.stack(numbers, 1).tolist()
        further = [column[method].tolist() if method in column else [] for column in more.values()]
        rows = zip(states, *[itertools.chain(column, itertools.repeat("")) for column in further], strict=False)
        for epoch, (state, *rest) in enumerate(rows):
            yield [epoch, method, *state, *rest]


def _gradients_in_user_units(problem: Problem, run: Run) -> tuple[Tensor, Tensor]:
    weight = run.gradients["weight"]
    bias = run.gradients.get("bias", weight.new_zeros(len(weight), problem.out_features))
    if problem.scaling is None:
        return weight.double(), bias.double()
    return problem.scaling.gradients_in_user_units(weight, bias)


def _best_contraction(curvature: Curvature) -> float | None:
    return curvature.contraction(curvature.best_lr) if math.isfinite(curvature.best_lr) else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
