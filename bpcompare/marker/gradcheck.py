"""Marks a hand-written backward of any function, called like ``torch.autograd.gradcheck``: it names the mistake."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bpcompare.errors import GradientError, InputError
from bpcompare.marker import gradcheck_truth as truths
from bpcompare.marker.backward_call import Answered, Function, as_type, call, differentiable, forward, outputs_of
from bpcompare.marker.gradcheck_cases import Case, Inputs, cases, not_contiguous, transposed, upstream_for
from bpcompare.marker.hypotheses.graph_changes.explain import NamedMistake, Sample, explain, explain_forward
from bpcompare.marker.questions import Asked, Property, ask

TOLERANCE = {torch.float32: 2.0**-23, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-10}
ROUNDINGS = 64.0  # of one operation's ε, times the largest number: what a right answer may differ by
SAME_FORWARD = 1e-6  # relative difference of two forwards that calculate the same


@dataclass(frozen=True, eq=False)
class Tried:
    """One case, what was answered, and what is right."""

    case: Case
    upstream: tuple[Tensor, ...]
    answered: Answered
    truth: truths.Truth

    def is_right(self, position: int) -> bool:
        """Whether this gradient came, in float64's accuracy or the truth's."""
        right, given = self.truth.gradients[position], self.gradient(position)
        if given is None or given.shape != right.shape:
            return False
        return _close(given, right, self.truth.tolerance)

    def gradient(self, position: int) -> Tensor | None:
        """What was answered; zeros where the backward gave None."""
        if self.answered.raised:
            return None
        return self.answered.gradients.get(position, torch.zeros_like(self.truth.gradients[position]))


@dataclass(frozen=True)
class Entry:
    """The entry of a wrong gradient that is farthest off.

    Attributes:
        shapes: The shapes of the problem's arguments.
        index: Which entry.
        yours: What was answered.
        right: What is right.
    """

    shapes: str
    index: tuple[int, ...]
    yours: float
    right: float

    @property
    def ratio(self) -> float | None:
        """Yours ÷ right; None where that is 0."""
        return self.yours / self.right if self.right else None

    def __str__(self) -> str:
        place = f" at [{', '.join(map(str, self.index))}]" if self.index else ""
        ratio = "" if self.ratio is None else f", {self.ratio:.6g} times as much"
        return f"for {self.shapes}{place} yours is {self.yours:.6g}, right is {self.right:.6g}{ratio}"


@dataclass(frozen=True)
class GradientMarking:
    """What ``gradcheck`` found.

    Attributes:
        right: Whether every gradient of every call was right.
        mistakes: The mistake that is named, by argument.
        properties: What is true of a gradient whose mistake is not named.
        findings: What is wrong besides: layouts, types, changes in place, errors; each with its kind.
        wrong: The arguments whose gradients are wrong, and where.
        calls: How many calls were made.
        notes: What is worth knowing and no mistake.
        entries: By argument, the entry that is farthest off.
    """

    right: bool
    mistakes: dict[str, NamedMistake] = field(default_factory=dict)
    properties: dict[str, tuple[Property, ...]] = field(default_factory=dict)
    findings: tuple[tuple[str, str], ...] = ()
    wrong: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    notes: tuple[str, ...] = ()
    entries: dict[str, Entry] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.right:
            return "\n".join([f"right in {self.calls} calls", *self.notes])
        lines = []
        for name, where in self.wrong.items():
            lines.append(f"the gradient of {name} is wrong{f' {where}' if where else ''}")
            if name in self.mistakes:
                lines += [f"  {line}" for line in str(self.mistakes[name]).splitlines()]
            else:
                lines += [f"  {found}" for found in self.properties.get(name, ())] or ["  no mistake is named"]
                lines += [f"  {self.entries[name]}"] if name in self.entries else []
        lines += [text for _, text in self.findings]
        return "\n".join([*lines, *self.notes])


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

    Returns:
        The marking.

    Raises:
        GradientError: The backward is wrong; the text is the diagnosis.
        InputError: The inputs or the reference cannot be used.

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
    check = _Check(function, inputs, reference, seed)
    check.tell = progress
    found = check.mark(dtypes, pairs)
    if raise_exception and not found.right:
        raise GradientError(str(found))
    return found


class _Check:
    def __init__(self, function: Function, inputs: Inputs, reference: Function | None, seed: int) -> None:
        self.function, self.reference = function, reference
        self.generator = torch.Generator().manual_seed(seed)
        self.notes: list[str] = []
        self.findings: dict[str, str] = {}
        self.calls = 0
        self.tell: Callable[[str], None] | None = None
        self.other_forward: list[tuple[Case, list[Tensor]]] = []  # where the reference gives other outputs
        original = inputs(0) if callable(inputs) else inputs
        original = original if isinstance(original, (tuple, list)) else (original,)
        asked = [p for p, v in enumerate(original) if differentiable(v)]
        self.wanted = [p for p in asked if original[p].requires_grad] or asked
        if not self.wanted:
            raise InputError("gradcheck: no input is a floating tensor; there is no gradient to ask for")
        self.names = _names(reference or function, len(original))
        self.cases = list(cases(inputs, self.generator, ranks=reference is not None))
        self._check_reference()

    def _check_reference(self) -> None:
        first = self.cases[0].arguments
        try:
            mine = outputs_of(self.function, first)
        except Exception as error:
            raise InputError(f"gradcheck: the forward raises in float64: {type(error).__name__}: {error}") from error
        if self.reference is None:
            return
        theirs = outputs_of(self.reference, first)
        if [o.shape for o in mine] != [o.shape for o in theirs]:
            raise InputError(
                "gradcheck: function and reference give outputs of different shapes, "
                f"{_listed(mine)} and {_listed(theirs)}; let both calculate the same"
            )
        shared = truths.shared_functions(self.function, self.reference, first, self.wanted)
        if shared:
            self.notes.append(
                f"the reference itself runs {', '.join(shared)}: it is no reference; marked against central differences"
            )
            self.reference = None

    def mark(self, dtypes: Sequence[torch.dtype], pairs: bool) -> GradientMarking:
        tried = [result for case in self.cases if (result := self._try(case)) is not None]
        if self.other_forward:
            self.findings["forward"] = self._forward()
        wrong = {p: [t for t in tried if not t.answered.raised and not t.is_right(p)] for p in self.wanted}
        wrong = {p: found for p, found in wrong.items() if found}
        raised = [t for t in tried if t.answered.raised]
        if raised:
            where = "" if len(raised) == len(tried) else f" for {_shapes(raised[0].case)}"
            self.findings["raises"] = f"the {raised[0].answered.stage} raises{where}: {raised[0].answered.raised}"
        for result in tried:
            for name in result.answered.changed:
                self.findings.setdefault(f"changed {name}", f"{self._rename(name)} is changed in place")
        named: dict[str, NamedMistake] = {}
        properties: dict[str, tuple[Property, ...]] = {}
        if wrong:
            named = self._explain(tried, wrong, pairs)
            properties = {
                self.names[p]: tuple(self._ask(p, found)) for p, found in wrong.items() if self.names[p] not in named
            }
        if len(raised) < len(tried):
            self._conditions(next(t for t in tried if not t.answered.raised), set(wrong), dtypes)
        places = {self.names[p]: _scope(found, tried, p, self.names) for p, found in wrong.items()}
        right = not wrong and not self.findings
        self._constant_sizes(tried, named)
        entries = {self.names[p]: entry for p, found in wrong.items() if (entry := _farthest(found, p)) is not None}
        return GradientMarking(
            right, named, properties, tuple(self.findings.items()), places, self.calls, tuple(self.notes), entries
        )

    def _constant_sizes(self, tried: Sequence[Tried], named: dict[str, NamedMistake]) -> None:
        """Says where a factor may be a size that is the same in every problem."""
        for position, name in enumerate(self.names):
            shapes = [t.case.arguments[position].shape for t in tried if isinstance(t.case.arguments[position], Tensor)]
            if not shapes or len({len(shape) for shape in shapes}) != 1:
                continue
            for axis, lengths in enumerate(zip(*shapes, strict=True)):
                size = lengths[0]
                like = (size, 1 / size, size**0.5, size**-0.5) if size > 1 and len(set(lengths)) == 1 else ()
                factors = [abs(mistake.factor.constant) for mistake in named.values()]
                if any(abs(factor / number - 1) < 1e-6 for factor in factors for number in like):
                    self._note(
                        f"every problem has {name}.shape[{axis}] = {size}: a factor {size} cannot be told from it; "
                        "vary sizes with k"
                    )

    def _forward(self) -> str:
        """What the function calculates otherwise than its reference, and whether its backward belongs to that."""
        assert self.reference is not None
        samples, outputs = [], []
        for case, mine in self.other_forward:
            upstream = tuple(upstream_for(mine, self.generator))
            truth = truths.of_reference(self.reference, case.arguments, upstream, self.wanted)
            named = {self.names[p]: g for p, g in truth.gradients.items()}
            samples.append(Sample(case.arguments, upstream, {}, named))
            outputs.append(mine)
        found = explain_forward(self.reference, samples, outputs, self.names)
        first, mine = self.other_forward[0]
        own = self._call(first.arguments, samples[0].upstream or ())
        zeros = {p: torch.zeros_like(first.arguments[p]) for p in self.wanted}
        fits = not own.raised and truths.confirmed(
            self.function, first.arguments, samples[0].upstream or (), zeros | dict(own.gradients)
        )
        lines = [f"the forwards differ: function and reference give different outputs for {_shapes(first)}"]
        lines += [f"  {found[0]}", f"  at {found[1]}"] if found else []
        lines.append(f"  the backward {'belongs to' if fits else 'does not fit'} the function's own forward")
        return "\n".join(lines)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _rename(self, text: str) -> str:
        for position, name in enumerate(self.names):
            text = text.replace(f"argument {position + 1}", name)
        return text

    def _call(self, arguments: Sequence[Any], upstream: Sequence[Tensor], **options: Any) -> Answered:
        self.calls += 1
        return call(self.function, arguments, upstream, options.pop("wanted", self.wanted), **options)

    def _try(self, case: Case) -> Tried | None:
        """One case; None where the function may refuse it and does."""
        try:
            outputs = outputs_of(self.function, case.arguments)
            if self.reference is not None and not _same_outputs(outputs, outputs_of(self.reference, case.arguments)):
                if not case.optional:
                    self.other_forward.append((case, outputs))
                return None
        except Exception as error:
            if case.optional:
                return None
            self.findings["raises"] = f"the forward raises for {_shapes(case)}: {type(error).__name__}: {error}"
            return None
        if not all(bool(torch.isfinite(o).all()) for o in outputs):
            return None
        upstream = tuple(upstream_for(outputs, self.generator))
        answered = self._call(case.arguments, upstream)
        if answered.raised and case.optional:
            return None
        truth = self._truth(case.arguments, upstream, answered)
        if truth is None:
            return None
        result = Tried(case, upstream, answered, truth)
        return self._with_subgradients(result)

    def _truth(self, arguments: Sequence[Any], upstream: Sequence[Tensor], answered: Answered) -> truths.Truth | None:
        plain = self.reference or self.function
        if self.reference is not None:
            found = truths.of_reference(self.reference, arguments, upstream, self.wanted)
            if not found.raised:
                if truths.confirmed(self.reference, arguments, upstream, dict(found.gradients)):
                    return truths.Truth(dict(found.gradients), 1e-9, "reference")
                self._note("the reference's own gradient differs from a central difference of it: not used")
        if max(arguments[p].numel() for p in self.wanted) > truths.MOST_ENTRIES or any(
            arguments[p].numel() * sum(g.numel() for g in upstream) > 2e7 for p in self.wanted
        ):
            mine = {p: answered.gradients.get(p, torch.zeros_like(arguments[p])) for p in self.wanted}
            return (
                truths.Truth(mine, 1e-9, "difference") if truths.confirmed(plain, arguments, upstream, mine) else None
            )
        return truths.Truth(truths.by_difference(plain, arguments, upstream, self.wanted), 1e-7, "difference")

    def _with_subgradients(self, result: Tried) -> Tried:
        """At a kink any valid subgradient is right: there, the answer is the truth."""
        gradients = dict(result.truth.gradients)
        for position in self.wanted:
            given = result.gradient(position)
            if given is None or given.shape != gradients[position].shape or result.is_right(position):
                continue
            plain = self.reference or self.function
            if result.truth.source == "difference":
                gradients[position] = truths.refined(
                    plain, result.case.arguments, result.upstream, position, given, gradients[position]
                )
            if truths.is_subgradient(
                plain, result.case.arguments, result.upstream, position, given, gradients[position]
            ):
                gradients[position] = given
        truth = truths.Truth(gradients, result.truth.tolerance, result.truth.source)
        return Tried(result.case, result.upstream, result.answered, truth)

    def _explain(self, tried: Sequence[Tried], wrong: dict[int, list[Tried]], pairs: bool) -> dict[str, NamedMistake]:
        answered = [t for t in tried if not t.answered.raised]
        alike = [t for t in answered if _ranks(t.case) == _ranks(answered[0].case)]
        found: dict[str, NamedMistake] = {}
        for chosen in (alike, *([t for t in answered if t in bad] for bad in wrong.values())):
            if all(self.names[p] in found for p in wrong):
                break
            samples = [self._sample(t) for t in chosen]
            if samples:
                tolerance = max(t.truth.tolerance for t in chosen) if self.reference is None else 1e-9
                names = explain(
                    self.reference or self.function,
                    samples,
                    self.names,
                    pairs=pairs,
                    tolerance=max(1e-9, tolerance),
                    progress=self.tell,
                )
                found = {**names, **found}
        return {self.names[p]: found[self.names[p]] for p in wrong if self.names[p] in found}

    def _sample(self, tried: Tried) -> Sample:
        answers = {self.names[p]: tried.gradient(p) for p in self.wanted}
        truth = {self.names[p]: g for p, g in tried.truth.gradients.items()}
        return Sample(tried.case.arguments, tried.upstream, {n: a for n, a in answers.items() if a is not None}, truth)

    def _ask(self, position: int, wrong: Sequence[Tried]) -> list[Property]:
        place = self.wanted.index(position)
        small = sorted(wrong, key=lambda t: sum(g.numel() for g in t.upstream))[:4]
        problems = [Asked(t.case.arguments, t.upstream, self.wanted) for t in small]
        if any(t.truth.source == "difference" and g.numel() > 500 for t in small for g in t.truth.gradients.values()):
            return []

        def mine(arguments: Sequence[Any], upstream: Sequence[Tensor]) -> list[Tensor]:
            found = self._call(arguments, upstream)
            return [found.gradients.get(p, torch.zeros_like(arguments[p])) for p in self.wanted]

        def right(arguments: Sequence[Any], upstream: Sequence[Tensor]) -> list[Tensor]:
            if self.reference is not None:
                found = truths.of_reference(self.reference, arguments, upstream, self.wanted).gradients
            else:
                found = truths.by_difference(self.function, arguments, upstream, self.wanted)
            return [found[p] for p in self.wanted]

        return ask(self.names[position], place, mine, right, problems, self.names)

    def _conditions(self, base: Tried, wrong: set[int], dtypes: Sequence[torch.dtype]) -> None:
        """The same numbers called in other ways; a gradient that is wrong anyhow is not told again."""
        arguments, upstream = base.case.arguments, base.upstream
        self._alike(base, wrong, "not contiguous inputs", prepare=not_contiguous)
        self._alike(base, wrong, "transposed inputs", prepare=transposed)
        self._alike(base, wrong, "a second backward on one graph", twice=True)
        expanded = [torch.full((), 0.7, dtype=torch.float64).expand(g.shape) for g in upstream]
        self._same(arguments, expanded, [g.clone() for g in expanded], wrong, "an expanded gradient of the output")
        strided = [transposed(g) for g in upstream]
        self._same(arguments, strided, upstream, wrong, "a gradient of the output that is not contiguous")
        self._interleaved(arguments, upstream, wrong)
        if len(self.wanted) > 1:
            for position in self.wanted:
                found = self._call(arguments, upstream, wanted=[position])
                self._compare(base, found, [position], wrong, f"only {self.names[position]} requires grad")
        for dtype in dtypes:
            self._in_type(base, wrong, dtype, "cpu")
        if torch.cuda.is_available():
            self._in_type(base, wrong, torch.float64, "cuda")

    def _alike(self, base: Tried, wrong: set[int], label: str, **options: Any) -> None:
        self._compare(base, self._call(base.case.arguments, base.upstream, **options), self.wanted, wrong, label)

    def _compare(self, base: Tried, found: Answered, wanted: Sequence[int], wrong: set[int], label: str) -> None:
        if found.raised and found.stage == "forward":  # refused aloud: no wrong gradient comes of it
            self._note(f"not tried with {label}: the forward raises {found.raised}")
            return
        if found.raised:
            self.findings[label] = f"with {label}, the {found.stage} raises: {found.raised}"
            return
        for position in wanted:
            before = base.gradient(position)
            given = found.gradients.get(position)
            given = torch.zeros_like(base.truth.gradients[position]) if given is None else given
            if position in wrong or before is None:
                continue
            if not _close(given, base.truth.gradients[position], max(base.truth.tolerance, 1e-9)):
                self.findings[label] = f"with {label}, the gradient of {self.names[position]} is wrong"

    def _same(
        self, arguments: Sequence[Any], upstream: Sequence[Tensor], plain: Sequence[Tensor], wrong: set[int], label: str
    ) -> None:
        first, second = self._call(arguments, plain), self._call(arguments, upstream)
        if second.raised and not first.raised:
            self.findings[label] = f"with {label}, the {second.stage} raises: {second.raised}"
        if first.raised or second.raised:
            return
        for position in self.wanted:
            one, other = first.gradients.get(position), second.gradients.get(position)
            if one is not None and other is not None and position not in wrong and not _close(other, one, 1e-9):
                self.findings[label] = f"with {label}, the gradient of {self.names[position]} is wrong"

    def _interleaved(self, arguments: Sequence[Any], upstream: Sequence[Tensor], wrong: set[int]) -> None:
        """Another forward between a forward and its backward: a backward that remembers the last call only."""
        label = "another forward before the backward"
        leaves = [
            v.detach().clone().requires_grad_(p in self.wanted) if isinstance(v, Tensor) else v
            for p, v in enumerate(arguments)
        ]
        other = [v.detach() * 1.5 if p in self.wanted else v for p, v in enumerate(arguments)]  # indices stay valid
        plain = self._call(arguments, upstream)
        try:
            with torch.enable_grad():
                outputs = forward(self.function, leaves)
                forward(self.function, other)
            found = torch.autograd.grad(outputs, [leaves[p] for p in self.wanted], list(upstream), allow_unused=True)
        except Exception as error:
            if not plain.raised:
                self.findings[label] = f"with {label}: {type(error).__name__}: {error}"
            return
        for position, gradient in zip(self.wanted, found, strict=True):
            before = plain.gradients.get(position)
            if (
                gradient is not None
                and before is not None
                and position not in wrong
                and not _close(gradient, before, 1e-9)
            ):
                self.findings[label] = f"with {label}, the gradient of {self.names[position]} is that of the other call"

    def _in_type(self, base: Tried, wrong: set[int], dtype: torch.dtype, device: str) -> None:
        label = f"{str(dtype).removeprefix('torch.')}{'' if device == 'cpu' else f' on {device}'}"
        arguments = as_type(base.case.arguments, dtype, device)
        upstream = as_type(base.upstream, dtype, device)
        try:
            outputs_of(self.function, arguments)
        except Exception as error:
            self._note(f"not tried in {label}: {type(error).__name__}: {str(error).splitlines()[0]}")
            return
        found = self._call(arguments, upstream)
        if found.raised:
            self.findings[label] = f"in {label}, the {found.stage} raises: {found.raised}"
            return
        doubled = as_type(as_type(arguments, torch.float64), torch.float64)
        truth = self._truth_in(doubled, as_type(upstream, torch.float64))
        if truth is None:
            return
        unit = TOLERANCE.get(dtype, 2.0**-52)
        for position in self.wanted:
            if position in wrong:
                continue
            given = found.gradients.get(position)
            given = torch.zeros_like(truth[position]) if given is None else given.cpu().double()
            spread = self._spread(doubled, as_type(upstream, torch.float64), position, unit, truth[position])
            allowed = ROUNDINGS * (unit * float(truth[position].abs().max()) + spread) + 1e-12
            right = given.shape == truth[position].shape and bool((given - truth[position]).abs().max() <= allowed)
            plain = self.reference or self.function
            up = as_type(upstream, torch.float64)
            if not right and not truths.is_subgradient(plain, doubled, up, position, given, truth[position], allowed):
                self.findings[label] = f"in {label}, the gradient of {self.names[position]} is wrong beyond rounding"

    def _truth_in(self, arguments: Sequence[Any], upstream: Sequence[Tensor]) -> dict[int, Tensor] | None:
        if self.reference is not None:
            return dict(truths.of_reference(self.reference, arguments, upstream, self.wanted).gradients)
        found = self._call(arguments, upstream)
        return (
            None if found.raised else {p: found.gradients.get(p, torch.zeros_like(arguments[p])) for p in self.wanted}
        )

    def _spread(
        self, arguments: Sequence[Any], upstream: Sequence[Tensor], position: int, unit: float, right: Tensor
    ) -> float:
        """How far one rounding of every input moves the right gradient."""
        largest = 0.0
        for _ in range(3):
            moved = [
                v * (1 + unit * torch.randint(0, 2, v.shape, generator=self.generator).mul(2).sub(1))
                if differentiable(v)
                else v
                for v in arguments
            ]
            found = self._truth_in(moved, upstream)
            if found is not None:
                largest = max(largest, float((found[position] - right).abs().max()))
        return largest


def _close(given: Tensor, right: Tensor, tolerance: float) -> bool:
    if given.shape != right.shape:
        return False
    if not right.numel():
        return True
    return bool((given - right).abs().max() <= tolerance * float(right.abs().max()) + 1e-10)


def _same_outputs(mine: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    return len(mine) == len(theirs) and all(
        a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=SAME_FORWARD, atol=SAME_FORWARD)
        for a, b in zip(mine, theirs, strict=True)
    )


def _farthest(wrong: Sequence[Tried], position: int) -> Entry | None:
    """The entry that is farthest off, in the smallest of the problems."""
    smallest = min(wrong, key=lambda t: t.truth.gradients[position].numel())
    given, right = smallest.gradient(position), smallest.truth.gradients[position]
    if given is None or given.shape != right.shape or not right.numel():
        return None
    place = int((given - right).abs().nan_to_num(torch.inf).argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(place), right.shape))
    return Entry(_shapes(smallest.case), index, float(given.reshape(-1)[place]), float(right.reshape(-1)[place]))


def _listed(outputs: Sequence[Tensor]) -> str:
    return ", ".join(str(tuple(o.shape)) for o in outputs)


def _ranks(case: Case) -> tuple[int, ...]:
    return tuple(value.dim() for value in case.arguments if isinstance(value, Tensor))


def _shapes(case: Case) -> str:
    return "shapes " + ", ".join(str(tuple(value.shape)) for value in case.arguments if isinstance(value, Tensor))


def _scope(wrong: Sequence[Tried], tried: Sequence[Tried], position: int, names: Sequence[str]) -> str:
    """Where it is wrong, if not everywhere."""
    right = [t for t in tried if not t.answered.raised and t.is_right(position)]
    if not right:
        return ""
    for other, value in enumerate(wrong[0].case.arguments):
        if not isinstance(value, Tensor):
            continue
        bad, good = (sorted({t.case.arguments[other].dim() for t in some}) for some in (wrong, right))
        if not set(bad) & set(good):
            name = names[other]
            dims, others = (" or ".join(map(str, found)) for found in (bad, good))
            return f"where {name} has {dims} dimensions, and right where {name} has {others}"
    return f"in {len(wrong)} of {len(wrong) + len(right)} problems, first for {_shapes(wrong[0].case)}"


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
