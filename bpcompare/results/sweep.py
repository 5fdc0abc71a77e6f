"""A sweep as files: every run as a row, and what they show as JSON."""

import math
from collections.abc import Iterator, Mapping

from torch import Tensor

from bpcompare.problem.parameter_names import entries
from bpcompare.results.formats import csv_bytes, json_bytes, versions
from bpcompare.sweeps.summary import Spread, Summary
from bpcompare.sweeps.sweep import Sweep


def sweep_csv(result: Sweep, first_seed: int = 0) -> bytes:
    """Every run as a row: method, seed, lr, loss, the step it diverged at, and what it learned.

    Losses and parameters are in the user's units. A diverged run has a step and no numbers.

    Example:
        >>> from bpcompare.problem.line import line
        >>> from bpcompare.sweeps.sweep import sweep
        >>> sweep_csv(sweep([line()], [0.1], ["manual"])).decode().splitlines()[0]
        'method,seed,lr,loss,diverged_at,weight,bias'
    """
    return csv_bytes(_runs(result, first_seed))


def _runs(result: Sweep, first_seed: int) -> Iterator[list[object]]:
    learned = list(entries(result.problems[0]))
    yield ["method", "seed", "lr", "loss", "diverged_at", *[entry.name for entry in learned]]
    rates = result.rates.tolist()
    for i, method in enumerate(result.methods):
        numbers = [entry.path(result.weights[i], result.biases[i]).tolist() for entry in learned]
        losses, steps = result.final_losses[i].tolist(), result.diverged_at[i].tolist()
        for seed in range(len(result.problems)):
            for j, rate in enumerate(rates):
                start = [method.name, first_seed + seed, rate]
                if steps[seed][j]:
                    yield [*start, "", steps[seed][j], *[""] * len(learned)]
                else:
                    yield [*start, losses[seed][j], "", *[column[seed][j] for column in numbers]]


def sweep_json(summary: Summary, settings: Mapping[str, object]) -> bytes:
    """What the sweep shows: theory's rates over the seeds, the best rate of each method, the spread.

    A method for which no rate worked has null for its best rate, its loss and its gap.

    Example:
        >>> import json
        >>> from bpcompare.problem.line import line
        >>> from bpcompare.sweeps.sweep import sweep
        >>> document = json.loads(sweep_json(Summary(sweep([line()], [0.01, 0.1], ["manual"])), {}))
        >>> document["methods"]["manual"]["best_lr"]
        0.1
    """
    names = [entry.name for entry in entries(summary.sweep.problems[0])]
    document = {
        "settings": dict(settings),
        "versions": versions(summary.sweep.device_name),
        "theory": {
            "largest_stable_lr": _range(summary.limits),
            "best_lr": _range(summary.best_by_theory),
        },
        "methods": {
            row.method: {
                "best_lr": row.lr,
                "loss": _number(row.loss),
                "gap_left": _number(row.gap_left),
                "runs": row.runs,
                "diverged": row.diverged,
                "worse_than_start": row.worse,
                "highest_good_lr": row.highest_good_lr,
                "all_rates_good": row.all_rates_good,
            }
            for row in summary.best
        },
        "spread": summary.spread and _spread(summary.spread, names),
    }
    return json_bytes(document)


def _range(values: Tensor) -> dict[str, float | None]:
    return {
        "least": _number(values.min().item()),
        "median": _number(values.median().item()),
        "most": _number(values.max().item()),
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _spread(spread: Spread, names: list[str]) -> dict[str, object]:
    def named(values: Tensor) -> dict[str, float | None]:
        return dict(zip(names, map(_number, values.flatten().tolist()), strict=True))

    return {
        "theory": None if spread.theory is None else named(spread.theory),
        "least_squares": named(spread.least_squares),
        "learned": {method: named(values) for method, values in spread.learned.items()},
    }
