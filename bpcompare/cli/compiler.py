"""PyTorch's compiler, which is imported only when something is compiled.

Every `torch.optim` class tells the compiler at its construction, and at each step, what to leave alone. For that it
imports the compiler, which takes about as long as all the rest of PyTorch; and where its module is there already, a
group of processes that begins clears a cache of it; `torch.func.grad` asks it to compile no backward pass. Nothing is
compiled here, so that there is nothing to be told and nothing in that cache: the answers stand below. Whoever asks for
anything else gets the compiler itself.
"""

import importlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"


class _TraceRules:
    """Stands where the part with that cache will stand."""

    @staticmethod
    def clear_lru_cache() -> None:
        """Nothing: what was not imported has kept nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_imported().trace_rules, name)


class _CompiledAutograd:
    """Stands where the part that compiles backward passes will stand."""

    @staticmethod
    def _disable() -> AbstractContextManager[None]:
        """A context in which none is compiled, as none is outside it."""
        return nullcontext()

    def __getattr__(self, name: str) -> Any:
        return getattr(_imported().compiled_autograd, name)


class _Compiler(ModuleType):
    """Stands where the compiler's module will stand."""

    __file__ = None  # what looks for a file among all modules need not load it
    trace_rules = _TraceRules()
    compiled_autograd = _CompiledAutograd()

    @staticmethod
    def disable(function: Callable[..., Any], *_options: object, **_named: object) -> Callable[..., Any]:
        """The function itself, as it is not compiled."""
        return function

    @staticmethod
    def graph_break() -> None:
        """Nothing, outside a compiled function."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_imported(), name)


def _imported() -> Any:
    """The compiler itself."""
    if isinstance(sys.modules.get(NAME), _Compiler):
        del sys.modules[NAME]
    return importlib.import_module(NAME)


def postpone(torch: ModuleType) -> None:
    """From now on the compiler is imported by what needs more of it than these functions."""
    if NAME not in sys.modules:
        sys.modules[NAME] = torch._dynamo = _Compiler(NAME)  # type: ignore[attr-defined]
