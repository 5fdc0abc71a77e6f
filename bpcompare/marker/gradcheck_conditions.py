"""The same numbers called in other ways: other layouts in memory, other types, twice, in between."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bpcompare.language import N_, _, english
from bpcompare.marker import gradcheck_expected as right_answers
from bpcompare.marker.backward_call import Answered, as_type, differentiable, forward, outputs_of
from bpcompare.marker.given_gradients import gradients_of
from bpcompare.marker.gradcheck_cases import not_contiguous, transposed
from bpcompare.marker.gradcheck_subject import Subject
from bpcompare.marker.gradcheck_tried import Tried, close
from bpcompare.marker.phrases import Phrase, phrase

TOLERANCE = {torch.float32: 2.0**-23, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-10}
ROUNDINGS = 64.0  # of one operation's ε, times the largest number: what a right answer may differ by

WRONG = N_("with {condition}, the gradient of {name} is wrong")
FORWARD_RAISES = N_("with {condition}, the forward raises: {error}")
BACKWARD_RAISES = N_("with {condition}, the backward raises: {error}")


def key_of(condition: Phrase) -> str:
    """The kind of a finding, which is the same in every language."""
    return str(english(str(condition)))


class Conditions:
    """The ways to call the function; what goes wrong is added to the subject's findings.

    Args:
        subject: The function.
        base: A case that it answered.
        wrong: The positions of the gradients that are wrong anyhow, which are not told again.
    """

    def __init__(self, subject: Subject, base: Tried, wrong: set[int]) -> None:
        self._subject, self._base, self._wrong = subject, base, wrong
        self._wanted = subject.wanted

    def try_all(self, dtypes: Sequence[torch.dtype], *, on_cuda_too: bool) -> None:
        """Calls the function in every way, in these types besides float64, and on a CUDA device if there is one."""
        base = self._base
        self._alike(N_("not contiguous inputs"), prepare=not_contiguous)
        self._alike(N_("transposed inputs"), prepare=transposed)
        self._alike(N_("a second backward on one graph"), twice=True)
        expanded = [torch.full((), 0.7, dtype=torch.float64).expand(g.shape) for g in base.upstream]
        self._same(expanded, [g.clone() for g in expanded], N_("an expanded gradient of the output"))
        strided = [transposed(g) for g in base.upstream]
        self._same(strided, base.upstream, N_("a gradient of the output that is not contiguous"))
        self._interleaved()
        if len(self._wanted) > 1:
            for position in self._wanted:
                found = self._subject.call(base.case.arguments, base.upstream, wanted=[position])
                only = phrase(N_("only {name} requires grad"), name=self._subject.names[position])
                self._compare(found, [position], only)
        for dtype in dtypes:
            self._in_type(dtype, "cpu")
        if on_cuda_too and torch.cuda.is_available():
            self._in_type(torch.float64, "cuda")

    def _tell(self, position: int, condition: Phrase, message: str = WRONG) -> None:
        told = _(message, condition=str(condition), name=self._subject.names[position])
        self._subject.findings[key_of(condition)] = told

    def _tell_raised(self, condition: Phrase, found: Answered) -> None:
        message = FORWARD_RAISES if found.stage == "forward" else BACKWARD_RAISES
        told = _(message, condition=str(condition), error=found.raised)
        self._subject.findings[key_of(condition)] = told

    def _alike(self, condition: str, **options: Any) -> None:
        found = self._subject.call(self._base.case.arguments, self._base.upstream, **options)
        self._compare(found, self._wanted, Phrase(condition))

    def _compare(self, found: Answered, wanted: Sequence[int], condition: Phrase) -> None:
        if found.raised and found.stage == "forward":  # refused aloud: no wrong gradient comes of it
            not_tried = N_("not tried with {condition}: the forward raises {error}")
            self._subject.note(_(not_tried, condition=str(condition), error=found.raised))
            return
        if found.raised:
            self._tell_raised(condition, found)
            return
        for position in wanted:
            before = self._base.gradient(position)
            given = found.gradients.get(position)
            given = torch.zeros_like(self._base.expected.gradients[position]) if given is None else given
            if position in self._wrong or before is None:
                continue
            if not close(given, self._base.expected.gradients[position], max(self._base.expected.tolerance, 1e-9)):
                self._tell(position, condition)

    def _same(self, upstream: Sequence[Tensor], plain: Sequence[Tensor], message: str) -> None:
        arguments, condition = self._base.case.arguments, Phrase(message)
        first, second = self._subject.call(arguments, plain), self._subject.call(arguments, upstream)
        if second.raised and not first.raised:
            self._tell_raised(condition, second)
        if first.raised or second.raised:
            return
        for position in self._wanted:
            one, other = first.gradients.get(position), second.gradients.get(position)
            if one is not None and other is not None and position not in self._wrong and not close(other, one, 1e-9):
                self._tell(position, condition)

    def _interleaved(self) -> None:
        """Another forward between a forward and its backward: a backward that remembers the last call only."""
        arguments, upstream = self._base.case.arguments, self._base.upstream
        condition = Phrase(N_("another forward before the backward"))
        leaves = [
            v.detach().clone().requires_grad_(p in self._wanted) if isinstance(v, Tensor) else v
            for p, v in enumerate(arguments)
        ]
        other = [v.detach() * 1.5 if p in self._wanted else v for p, v in enumerate(arguments)]  # indices stay valid
        plain = self._subject.call(arguments, upstream)
        try:
            with torch.enable_grad():
                outputs = forward(self._subject.function, leaves)
                forward(self._subject.function, other)
            found = gradients_of(outputs, [leaves[p] for p in self._wanted], upstream, allow_unused=True)
        except Exception as error:
            if not plain.raised:
                told = {"condition": str(condition), "kind": type(error).__name__, "error": error}
                self._subject.findings[key_of(condition)] = _("with {condition}: {kind}: {error}", **told)
            return
        for position, gradient in zip(self._wanted, found, strict=True):
            before = plain.gradients.get(position)
            if (
                gradient is not None
                and before is not None
                and position not in self._wrong
                and not close(gradient, before, 1e-9)
            ):
                other_call = N_("with {condition}, the gradient of {name} is that of the other call")
                self._tell(position, condition, other_call)

    def _in_type(self, dtype: torch.dtype, device: str) -> None:
        condition = Phrase(str(dtype).removeprefix("torch."))
        if device != "cpu":
            condition = phrase(N_("{dtype} on {device}"), dtype=condition, device=device)
        arguments = as_type(self._base.case.arguments, dtype, device)
        upstream = as_type(self._base.upstream, dtype, device)
        try:
            outputs_of(self._subject.function, arguments)
        except Exception as error:
            told = {"condition": str(condition), "kind": type(error).__name__, "error": str(error).splitlines()[0]}
            self._subject.note(_("not tried in {condition}: {kind}: {error}", **told))
            return
        found = self._subject.call(arguments, upstream)
        if found.raised:
            forward, backward = (
                N_("in {dtype}, the forward raises: {error}"),
                N_("in {dtype}, the backward raises: {error}"),
            )
            message = forward if found.stage == "forward" else backward
            told = {"dtype": str(condition), "error": found.raised}
            self._subject.findings[key_of(condition)] = _(message, **told)
            return
        doubled, up = as_type(arguments, torch.float64), as_type(upstream, torch.float64)
        expected = self._expected_in(doubled, up)
        if expected is None:
            return
        unit = TOLERANCE.get(dtype, 2.0**-52)
        for position in self._wanted:
            if position in self._wrong:
                continue
            given = found.gradients.get(position)
            given = torch.zeros_like(expected[position]) if given is None else given.cpu().double()
            spread = self._spread(doubled, up, position, unit, expected[position])
            allowed = ROUNDINGS * (unit * float(expected[position].abs().max()) + spread) + 1e-12
            right = given.shape == expected[position].shape and bool(
                (given - expected[position]).abs().max() <= allowed
            )
            plain = self._subject.plain
            if not right and not right_answers.is_subgradient(
                plain, doubled, up, position, given, expected[position], allowed
            ):
                self._tell(position, condition, N_("in {condition}, the gradient of {name} is wrong beyond rounding"))

    def _expected_in(self, arguments: Sequence[Any], upstream: Sequence[Tensor]) -> dict[int, Tensor] | None:
        if self._subject.reference is not None:
            return dict(
                right_answers.of_reference(self._subject.reference, arguments, upstream, self._wanted).gradients
            )
        found = self._subject.call(arguments, upstream)
        return (
            None if found.raised else {p: found.gradients.get(p, torch.zeros_like(arguments[p])) for p in self._wanted}
        )

    def _spread(
        self, arguments: Sequence[Any], upstream: Sequence[Tensor], position: int, unit: float, right: Tensor
    ) -> float:
        """How far one rounding of every input moves the right gradient."""
        largest = 0.0
        for __ in range(3):
            moved = [
                v * (1 + unit * torch.randint(0, 2, v.shape, generator=self._subject.generator).mul(2).sub(1))
                if differentiable(v)
                else v
                for v in arguments
            ]
            found = self._expected_in(moved, upstream)
            if found is not None:
                largest = max(largest, float((found[position] - right).abs().max()))
        return largest
