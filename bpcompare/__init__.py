"""bpcompare: one linear regression, trained by hand-derived gradients, by autograd and by Adam – and compared.

Names are loaded when they are first used, so that ``import bpcompare`` costs nothing: PyTorch alone takes a second.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "Adam": "updates",
    "BpcompareError": "errors",
    "Comparison": "comparison",
    "Derivation": "graph.derivation",
    "GradientDescent": "updates",
    "Method": "methods",
    "Problem": "problem",
    "Run": "run",
    "collapse": "lessons.collapse",
    "check_file": "lessons.checking",
    "check_function": "lessons.checking",
    "check_gradients": "lessons.any_loss",
    "compare": "comparison",
    "compare_network": "network_comparison",
    "derive": "graph.derivation",
    "equations": "lessons.equations",
    "from_data": "problem",
    "least_squares": "theory",
    "line": "problem",
    "network": "networks",
    "quadratic": "networks",
    "read_csv": "csv_data",
    "reproduce": "lessons.reproduce",
    "train": "training",
    "with_network": "networks",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'bpcompare' has no attribute {name!r}")
    return getattr(importlib.import_module(f"bpcompare.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
