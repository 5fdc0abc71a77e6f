"""The function that ``gradcheck`` marks: how it is called, and what is noted about it on the way."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bpcompare.errors import InputError
from bpcompare.language import N_, _
from bpcompare.marker import gradcheck_expected as right_answers
from bpcompare.marker.backward_call import Answered, Function, call, differentiable, outputs_of


class Subject:
    """The function under test.

    Args:
        function: Its backward is written by hand.
        reference: The same forward in plain PyTorch, or None.
        arguments: The first problem's.
        seed: Draws the gradients of the outputs.

    Raises:
        InputError: No argument is a floating tensor.
    """

    def __init__(self, function: Function, reference: Function | None, arguments: Sequence[Any], seed: int) -> None:
        self.function, self.reference = function, reference
        self.generator = torch.Generator().manual_seed(seed)
        self.notes: list[str] = []
        self.findings: dict[str, str] = {}
        self.calls = 0
        asked = [p for p, v in enumerate(arguments) if differentiable(v)]
        self.wanted = [p for p in asked if arguments[p].requires_grad] or asked
        if not self.wanted:
            raise InputError(_("gradcheck: no input is a floating tensor; there is no gradient to ask for"))
        self.names = _names(reference or function, len(arguments))

    @property
    def plain(self) -> Function:
        """What calculates the forward: the reference, or the function where there is none."""
        return self.reference or self.function

    def check_reference(self, first: Sequence[Any]) -> None:
        """Refuses a reference that calculates other shapes; goes without one that runs the function itself."""
        try:
            mine = outputs_of(self.function, first)
        except Exception as error:
            kind = type(error).__name__
            problem = N_("gradcheck: the forward raises in float64: {kind}: {error}")
            raise InputError(_(problem, kind=kind, error=error)) from error
        if self.reference is None:
            return
        theirs = outputs_of(self.reference, first)
        if [o.shape for o in mine] != [o.shape for o in theirs]:
            problem = N_(
                "gradcheck: function and reference give outputs of different shapes, "
                "{mine} and {theirs}; let both calculate the same"
            )
            raise InputError(_(problem, mine=_listed(mine), theirs=_listed(theirs)))
        shared = right_answers.shared_functions(self.function, self.reference, first, self.wanted)
        if shared:
            note = N_("the reference itself runs {names}: it is no reference; marked against central differences")
            self.notes.append(_(note, names=", ".join(shared)))
            self.reference = None

    def call(self, arguments: Sequence[Any], upstream: Sequence[Tensor], **options: Any) -> Answered:
        """One call, counted."""
        self.calls += 1
        return call(self.function, arguments, upstream, options.pop("wanted", self.wanted), **options)

    def note(self, text: str) -> None:
        """Keeps what is worth knowing and no mistake, once."""
        if text not in self.notes:
            self.notes.append(text)

    def name_of(self, position: int | None) -> str:
        """What an argument is called; None is the gradient of the output."""
        return _("the gradient of the output") if position is None else self.names[position]


def _names(function: Function, count: int) -> list[str]:
    """The argument names of the forward; a Function's own where apply hides them."""
    owner = getattr(function, "__self__", None)
    skip = 0
    if isinstance(owner, type) and issubclass(owner, torch.autograd.Function):
        function, skip = owner.forward, int("setup_context" not in vars(owner))
    try:
        parameters = list(inspect.signature(function).parameters.values())[skip:]
        names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    except (TypeError, ValueError):
        names = []
    return names[:count] if len(names) >= count else [f"input{k}" for k in range(count)]


def _listed(outputs: Sequence[Tensor]) -> str:
    return ", ".join(str(tuple(o.shape)) for o in outputs)
