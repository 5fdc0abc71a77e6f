"""The comparison of methods to train a network as files: JSON, and the history as a CSV table."""

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from bpcompare.comparison.network import NetworkComparison, NetworkResult
from bpcompare.comparison.race import FRACTIONS
from bpcompare.results.formats import beside_cpu, between, csv_bytes, described, json_bytes, versions

MOST_PARAMETERS = 1_000  # numbers; those of a larger network are not written


def network_json(comparison: NetworkComparison, settings: Mapping[str, object]) -> bytes:
    """The comparison as JSON, with the keys of the linear one; what a network does not have – an optimum – is null.

    Parameters are written for networks of at most 1,000 numbers, and are in the units that were trained in; of larger
    ones the norms tell.

    Args:
        comparison: What to write.
        settings: What the user asked for.

    Example:
        >>> from bpcompare.comparison.network import compare_network
        >>> from bpcompare.problem.networks import quadratic
        >>> import json
        >>> document = json.loads(network_json(compare_network(quadratic(layers=(2, 5, 1)), epochs=2), {}))
        >>> document["optimum"], document["agreement"]["manual~autograd"]["bit_equal"]
        (None, True)
    """
    problem = comparison.problem
    document = {
        "settings": dict(settings),
        "versions": versions(comparison.device_name),
        "problem": {
            **described(problem),
            "network": [str(layer) for layer in problem.start.modules() if not list(layer.children())],
            "parameters": sum(p.numel() for p in problem.start.parameters()),
        },
        "truth": None,
        "optimum": None,
        "theory": None,
        "runs": {name: _run(result) for name, result in comparison.results.items()},
        **between(comparison.agreement, comparison.race),
        **beside_cpu(comparison.against_cpu),
    }
    return json_bytes(document)


def _run(result: NetworkResult) -> dict[str, object]:
    run, model = result.run, result.model
    finite = bool(result.delta_sizes.isfinite().all())
    return {
        "gradient": run.method.gradient,
        "update": run.method.update,
        "parameters": _parameters(model),
        "norms": {name: norms[-1].item() for name, norms in run.track.norms.items()},
        "delta_sizes": result.delta_sizes[-1].tolist() if finite else None,
        "loss": run.loss,
        "losses": result.losses_before_steps.tolist(),
        "status": result.status,
        "diverged_at": run.diverged_at,
        "epochs_to_fraction_of_gap": {str(f): result.epochs_to(f) for f in FRACTIONS},
    }


def _parameters(model: nn.Module) -> dict[str, object] | None:
    if sum(p.numel() for p in model.parameters()) > MOST_PARAMETERS:
        return None
    return {name: p.tolist() for name, p in model.named_parameters()}


def network_history(comparison: NetworkComparison) -> bytes:
    """Every state of every run as a CSV table: epoch, method, loss, the norm of every tensor and of its gradient, δ.

    The row of epoch k is the network before step k, with its loss and gradient over all samples; the last row of a
    method is what it learned. Norms are Euclidean; "delta 1" is the root mean square of δ in the first layer.

    Example:
        >>> from bpcompare.comparison.network import compare_network
        >>> from bpcompare.problem.networks import quadratic
        >>> network_history(compare_network(quadratic(layers=(2, 1)), epochs=1)).splitlines()[0]
        b'epoch,method,loss,norm 0.weight,norm 0.bias,norm grad 0.weight,norm grad 0.bias,delta 1'
    """
    return csv_bytes(_history(comparison))


def _history(comparison: NetworkComparison) -> Iterator[list[object]]:
    names = [name for name, _ in comparison.problem.start.named_parameters()]
    layers = next(iter(comparison.results.values())).delta_sizes.shape[1]
    columns = [*(f"norm {n}" for n in names), *(f"norm grad {n}" for n in names)]
    yield ["epoch", "method", "loss", *columns, *(f"delta {i}" for i in range(1, layers + 1))]
    for method, result in comparison.results.items():
        track = result.run.track
        numbers = [result.losses, *track.norms.values(), *track.gradient_norms.values(), *track.delta_sizes.unbind(1)]
        states = torch.stack(numbers, 1).tolist()
        for epoch, state in enumerate(states):
            yield [epoch, method, *state]
