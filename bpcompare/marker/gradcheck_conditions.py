"""The same numbers called in other ways: other layouts in memory, other types, twice, in between."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bpcompare.marker import gradcheck_expected as right_answers
from bpcompare.marker.backward_call import Answered, as_type, differentiable, forward, outputs_of
from bpcompare.marker.gradcheck_cases import not_contiguous, transposed
from bpcompare.marker.gradcheck_subject import Subject
from bpcompare.marker.gradcheck_tried import Tried, close

TOLERANCE = {torch.float32: 2.0**-23, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-10}
ROUNDINGS = 64.0  # of one operation's ε, times the largest number: what a right answer may differ by


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

    def try_all(self, dtypes: Sequence[torch.dtype]) -> None:
        """Calls the function in every way, in these types besides float64."""
        base = self._base
        self._alike("not contiguous inputs", prepare=not_contiguous)
        self._alike("transposed inputs", prepare=transposed)
        self._alike("a second backward on one graph", twice=True)
        expanded = [torch.full((), 0.7, dtype=torch.float64).expand(g.shape) for g in base.upstream]
        self._same(expanded, [g.clone() for g in expanded], "an expanded gradient of the output")
        strided = [transposed(g) for g in base.upstream]
        self._same(strided, base.upstream, "a gradient of the output that is not contiguous")
        self._interleaved()
        if len(self._wanted) > 1:
            for position in self._wanted:
                found = self._subject.call(base.case.arguments, base.upstream, wanted=[position])
                self._compare(found, [position], f"only {self._subject.names[position]} requires grad")
        for dtype in dtypes:
            self._in_type(dtype, "cpu")
        if torch.cuda.is_available():
            self._in_type(torch.float64, "cuda")

    def _tell(self, position: int, label: str, where: str, what: str) -> None:
        self._subject.findings[label] = f"{where}, the gradient of {self._subject.names[position]} is {what}"

    def _alike(self, label: str, **options: Any) -> None:
        found = self._subject.call(self._base.case.arguments, self._base.upstream, **options)
        self._compare(found, self._wanted, label)

    def _compare(self, found: Answered, wanted: Sequence[int], label: str) -> None:
        if found.raised and found.stage == "forward":  # refused aloud: no wrong gradient comes of it
            self._subject.note(f"not tried with {label}: the forward raises {found.raised}")
            return
        if found.raised:
            self._subject.findings[label] = f"with {label}, the {found.stage} raises: {found.raised}"
            return
        for position in wanted:
            before = self._base.gradient(position)
            given = found.gradients.get(position)
            given = torch.zeros_like(self._base.expected.gradients[position]) if given is None else given
            if position in self._wrong or before is None:
                continue
            if not close(given, self._base.expected.gradients[position], max(self._base.expected.tolerance, 1e-9)):
                self._tell(position, label, f"with {label}", "wrong")

    def _same(self, upstream: Sequence[Tensor], plain: Sequence[Tensor], label: str) -> None:
        arguments = self._base.case.arguments
        first, second = self._subject.call(arguments, plain), self._subject.call(arguments, upstream)
        if second.raised and not first.raised:
            self._subject.findings[label] = f"with {label}, the {second.stage} raises: {second.raised}"
        if first.raised or second.raised:
            return
        for position in self._wanted:
            one, other = first.gradients.get(position), second.gradients.get(position)
            if one is not None and other is not None and position not in self._wrong and not close(other, one, 1e-9):
                self._tell(position, label, f"with {label}", "wrong")

    def _interleaved(self) -> None:
        """Another forward between a forward and its backward: a backward that remembers the last call only."""
        arguments, upstream = self._base.case.arguments, self._base.upstream
        label = "another forward before the backward"
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
            found = torch.autograd.grad(outputs, [leaves[p] for p in self._wanted], list(upstream), allow_unused=True)
        except Exception as error:
            if not plain.raised:
                self._subject.findings[label] = f"with {label}: {type(error).__name__}: {error}"
            return
        for position, gradient in zip(self._wanted, found, strict=True):
            before = plain.gradients.get(position)
            if (
                gradient is not None
                and before is not None
                and position not in self._wrong
                and not close(gradient, before, 1e-9)
            ):
                self._tell(position, label, f"with {label}", "that of the other call")

    def _in_type(self, dtype: torch.dtype, device: str) -> None:
        label = f"{str(dtype).removeprefix('torch.')}{'' if device == 'cpu' else f' on {device}'}"
        arguments = as_type(self._base.case.arguments, dtype, device)
        upstream = as_type(self._base.upstream, dtype, device)
        try:
            outputs_of(self._subject.function, arguments)
        except Exception as error:
            self._subject.note(f"not tried in {label}: {type(error).__name__}: {str(error).splitlines()[0]}")
            return
        found = self._subject.call(arguments, upstream)
        if found.raised:
            self._subject.findings[label] = f"in {label}, the {found.stage} raises: {found.raised}"
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
                self._tell(position, label, f"in {label}", "wrong beyond rounding")

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
        for _ in range(3):
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
