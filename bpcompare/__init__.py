"""bpcompare: one linear regression, trained by hand-derived gradients, by autograd and by Adam – and compared.

Names are loaded when they are first used, so that ``import bpcompare`` costs nothing: PyTorch alone takes a second.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "Adam": "training.updates",
    "BpcompareError": "errors",
    "Comparison": "comparison.linear",
    "Derivation": "graph.derivation",
    "GradientDescent": "training.updates",
    "Method": "training.methods",
    "NetworkComparison": "comparison.network",
    "Problem": "problem.problem",
    "Run": "training.run",
    "TrainingSettings": "training.settings",
    "check_file": "marker.check",
    "check_function": "marker.check",
    "check_gradients": "marker.check_gradients",
    "collapse": "lessons.collapse",
    "compare": "comparison.linear",
    "compare_network": "comparison.network",
    "derive": "graph.derivation",
    "equations": "lessons.equations",
    "from_data": "problem.from_data",
    "gradcheck": "marker.gradcheck",
    "least_squares": "theory.least_squares",
    "line": "problem.line",
    "network": "problem.networks",
    "quadratic": "problem.networks",
    "read_csv": "problem.csv_reader",
    "reproduce": "lessons.published.reproduce",
    "set_language": "language",
    "sweep": "sweeps.sweep",
    "train": "training.train",
    "verify": "results.verify",
    "with_network": "problem.networks",
}

__all__ = sorted([*_HOME, "datasets"])


def __getattr__(name: str) -> object:
    if name == "datasets":
        return importlib.import_module("bpcompare.datasets")
    if name not in _HOME:
        raise AttributeError(f"module 'bpcompare' has no attribute {name!r}")
    return getattr(importlib.import_module(f"bpcompare.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
