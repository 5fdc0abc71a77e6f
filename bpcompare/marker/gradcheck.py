"""Marks a hand-written backward of any function, called like ``torch.autograd.gradcheck``: it names the mistake."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bpcompare.errors import GradientError
from bpcompare.language import _
from bpcompare.marker.backward_call import Function
from bpcompare.marker.gradcheck_cases import Case, Inputs, cases
from bpcompare.marker.gradcheck_conditions import Conditions
from bpcompare.marker.gradcheck_explanation import ask_properties, explain_gradients, explain_other_forward
from bpcompare.marker.gradcheck_marking import GradientMarking, farthest, scope
from bpcompare.marker.gradcheck_subject import Subject
from bpcompare.marker.gradcheck_tried import Tried, raises, shapes_of, try_cases
from bpcompare.marker.hypotheses.graph_changes.named_mistake import NamedMistake
from bpcompare.marker.placement import device_of, here, on_device
from bpcompare.marker.questions import Property


def gradcheck(
    function: Function,
    inputs: Inputs,
    *,
    reference: Function | None = None,
    dtypes: Sequence[torch.dtype] = (torch.float32, torch.bfloat16),
    seed: int = 0,
    pairs: bool = True,
    raise_exception: bool = True,
    progress: Callable[[str], None] | None = None,
    device: str | torch.device | None = None,
) -> GradientMarking:
    """The marking of a hand-written backward; a wrong one raises an error that names the mistake.

    ⟨u, f(x + hv) − f(x − hv)⟩ / 2h = ⟨∂⟨u, f⟩/∂x, v⟩ for drawn u and v is the referee of every reference.

    Args:
        function: ``autograd.Function.apply`` or any callable that gives tensors, its backward written by hand.
        inputs: The arguments, which are tried in other sizes too, wherever the forward takes them, and with one or
            two dimensions more in front, wherever the reference gives the same outputs there; or ``inputs(k)`` → the
            arguments of the k-th problem, which are all that is tried: let the shapes that the function promises
            differ with k.
            Gradients are asked for by every floating tensor that requires grad, or by all where none does.
        reference: The same forward in plain PyTorch. With it, or with a forward that can be traced, the mistake is
            named on the forward's own lines.
        dtypes: The types that are tried besides float64.
        seed: Draws the gradients of the outputs.
        pairs: Whether two mistakes together are tried where one explains nothing.
        raise_exception: Whether a wrong backward raises.
        progress: Called with a sentence about once a second where the search takes more than two, such as ``print``.
        device: Where the function is called: "cpu", "cuda", "cuda:N" or "auto"; when not given, where its inputs are.
            The reference, and whatever is worked out, stays on the CPU; layouts that a copy to the device does not
            keep are tried as plain ones.

    Returns:
        The marking.

    Raises:
        GradientError: The backward is wrong; the text is the diagnosis.
        InputError: The inputs or the reference cannot be used, or the device is not here.

    Example:
        >>> class Square(torch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         return g * ctx.saved_tensors[0]
        >>> found = gradcheck(Square.apply, (torch.randn(3, 4),), raise_exception=False)
        >>> found.right, found.mistakes["x"].kind
        (False, 'path')
    """
    original = _several(inputs(0) if callable(inputs) else inputs)
    where = device_of(original, device)
    brought: Inputs = inputs
    if where.type != "cpu":
        original = here(original)
        brought = (lambda k: here(_several(inputs(k)))) if callable(inputs) else original
    subject = Subject(on_device(function, where), reference, original, seed)
    problems = list(cases(brought, subject.generator, ranks=reference is not None))
    subject.check_reference(problems[0].arguments)
    found = _mark(subject, problems, dtypes, pairs, progress, on_cuda_too=where.type == "cpu")
    if raise_exception and not found.right:
        raise GradientError(str(found))
    return found


def _several(given: Any) -> Sequence[Any]:
    return given if isinstance(given, (tuple, list)) else (given,)


def _mark(
    subject: Subject,
    problems: Sequence[Case],
    dtypes: Sequence[torch.dtype],
    pairs: bool,
    progress: Callable[[str], None] | None,
    on_cuda_too: bool,
) -> GradientMarking:
    tried, other_forward = try_cases(subject, problems)
    if other_forward:
        subject.findings["forward"] = explain_other_forward(subject, other_forward)
    answered = [t for t in tried if not t.answered.raised]
    wrong = {p: found for p in subject.wanted if (found := [t for t in answered if not t.is_right(p)])}
    _tell_errors(subject, tried)
    named: dict[str, NamedMistake] = {}
    properties: dict[str, tuple[Property, ...]] = {}
    names = subject.names
    if wrong:
        named = explain_gradients(subject, tried, wrong, pairs, progress)
        unnamed = {p: found for p, found in wrong.items() if names[p] not in named}
        properties = {names[p]: tuple(ask_properties(subject, p, found)) for p, found in unnamed.items()}
    if answered:
        Conditions(subject, answered[0], set(wrong)).try_all(dtypes, on_cuda_too=on_cuda_too)
    places = {names[p]: scope(found, tried, p, names) for p, found in wrong.items()}
    right = not wrong and not subject.findings
    _note_constant_sizes(subject, tried, named)
    entries = {names[p]: entry for p, found in wrong.items() if (entry := farthest(found, p)) is not None}
    findings, notes = tuple(subject.findings.items()), tuple(subject.notes)
    return GradientMarking(right, named, properties, findings, places, subject.calls, notes, entries)


def _tell_errors(subject: Subject, tried: Sequence[Tried]) -> None:
    """What was raised, and what was changed in place."""
    raised = [t for t in tried if t.answered.raised]
    if raised:
        first, where = raised[0].answered, "" if len(raised) == len(tried) else shapes_of(raised[0].case)
        subject.findings["raises"] = raises(first.stage, first.raised, where)
    for result in tried:
        for position in result.answered.changed:
            kind = "the gradient of the output" if position is None else f"argument {position + 1}"
            told = _("{name} is changed in place", name=subject.name_of(position))
            subject.findings.setdefault(f"changed {kind}", told)


def _note_constant_sizes(subject: Subject, tried: Sequence[Tried], named: dict[str, NamedMistake]) -> None:
    """Notes where a factor may be a size that is the same in every problem."""
    for position, name in enumerate(subject.names):
        shapes = [t.case.arguments[position].shape for t in tried if isinstance(t.case.arguments[position], Tensor)]
        if not shapes or len({len(shape) for shape in shapes}) != 1:
            continue
        for axis, lengths in enumerate(zip(*shapes, strict=True)):
            size = lengths[0]
            like = (size, 1 / size, size**0.5, size**-0.5) if size > 1 and len(set(lengths)) == 1 else ()
            factors = [abs(mistake.factor.constant) for mistake in named.values()]
            if any(abs(factor / number - 1) < 1e-6 for factor in factors for number in like):
                subject.note(
                    _(
                        "every problem has {name}.shape[{axis}] = {size}: a factor {size} cannot be told from it; "
                        "vary sizes with k",
                        name=name,
                        axis=axis,
                        size=size,
                    )
                )
