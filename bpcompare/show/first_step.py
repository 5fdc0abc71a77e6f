"""Why Adam takes another path than gradient descent: the first step of both, worked with its numbers.

Each number is worked out from the numbers as they are printed, so that every equation is true when it is typed in.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from rich.cells import cell_len, set_cell_size

from bpcompare.comparison.linear import Comparison
from bpcompare.language import _
from bpcompare.problem.parameter_names import entries
from bpcompare.training.run import Run
from bpcompare.training.updates import RULES, Adam

SHOWN = 2  # parameters
EQUAL = 1e-3  # relative: two first steps that differ by less are one

_CORRECTED = "m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)"
RULE_LINES = {  # θ is what is learned, g = ∂L/∂θ, t the number of the step; m and v begin at 0
    "GradientDescent": "θ ← θ − lr·g",
    "Adam": f"θ ← θ − lr·m̂/(√v̂ + ε), {_CORRECTED}",
    "AdamNoBiasCorrection": "θ ← θ − lr·m/(√v + ε)",
    "AdamEpsInside": f"θ ← θ − lr·m̂/√(v̂ + ε), {_CORRECTED}",
    "AdamSwappedBetas": f"θ ← θ − lr·m̂/(√v̂ + ε), {_CORRECTED}",
    "AdamMomentumOnly": "θ ← θ − lr·m̂, m̂ = m/(1 − β₁ᵗ)",
    "AdamRMSPropOnly": f"θ ← θ − lr·m̂/(√v̂ + ε), {_CORRECTED}",
}
_MEANS = "m ← β₁m + (1 − β₁)g"
_SQUARES = "v ← β₂v + (1 − β₂)g²"


@dataclass(frozen=True)
class FirstStep:
    """The first step of one parameter by gradient descent and by a rule of Adam's kind, as printed.

    Attributes:
        gradient: g = ∂L/∂θ at the start.
        descent: The equation of gradient descent's step.
        moments: Per name (m̂ and v̂) its equation.
        adam: The equation of Adam's step.
        same: Whether the two steps are one.
    """

    gradient: str
    descent: str
    moments: dict[str, str]
    adam: str
    same: bool


def first_step(gradient: float, lr: float, rule: Adam) -> FirstStep:
    """Both first steps from one gradient: lr·g, and lr·m̂/(√v̂ + ε) or what the variant makes of it.

    Args:
        gradient: g, not 0.
        lr: The learning rate of both.
        rule: Adam by hand, or a variant of it, before its first step.

    Example:
        >>> step = first_step(0.5, 0.1, Adam([torch.zeros(1)]))
        >>> print(step.descent, step.adam, sep="; ")
        0.1 * 0.5 = 0.05; 0.1 * 0.5 / (0.25**0.5 + 1e-08) = 0.1
    """
    rule.steps = 1
    g, rate, (beta1, beta2) = f"{gradient:.7g}", repr(float(lr)), rule.betas
    corrected = rule.corrections() != (1.0, 1.0)
    mean, square = (1 - beta1) * float(g), (1 - beta2) * float(g) ** 2
    first, second = f"(1 - {beta1:g}) * {_factor(g)}", f"(1 - {beta2:g}) * {_factor(g)}**2"
    if corrected:
        mean, square = mean / (1 - beta1), square / (1 - beta2)
        first, second = f"{first} / (1 - {beta1:g})", f"{second} / (1 - {beta2:g})"
    m, v = f"{mean:.7g}", f"{square:.7g}"
    moments = {"m̂" if corrected else "m": f"{first} = {m}", "v̂" if corrected else "v": f"{second} = {v}"}
    descent, step = lr * float(g), lr * float(m)
    divided = ""
    match type(rule).__name__:
        case "AdamMomentumOnly":
            moments.popitem()
        case "AdamEpsInside":
            divided, step = f" / ({v} + {rule.eps:g})**0.5", step / math.sqrt(float(v) + rule.eps)
        case _:
            divided, step = f" / ({v}**0.5 + {rule.eps:g})", step / (math.sqrt(float(v)) + rule.eps)
    return FirstStep(
        gradient=g,
        descent=f"{rate} * {_factor(g)} = {descent:.5g}",
        moments=moments,
        adam=f"{rate} * {_factor(m)}{divided} = {step:.5g}",
        same=abs(descent - step) <= EQUAL * abs(descent),
    )


def _factor(number: str) -> str:
    """A number as a factor: (-0.5), for -0.5**2 would be -(0.5**2)."""
    return f"({number})" if number.startswith("-") else number


def sentences(comparison: Comparison) -> Iterator[str]:
    """The two rules in a line each, and the first step of the first parameters; nothing where no method is an Adam.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> list(sentences(compare(line(), ["manual"], epochs=1)))
        []
        >>> [row for row in sentences(compare(line(), epochs=1)) if "= -0.1" in row]
        ['  Adam              0.1 * (-2.465374) / (6.078069**0.5 + 1e-08) = -0.1',
         '  Adam              0.1 * (-4.166067) / (17.35611**0.5 + 1e-08) = -0.1']
    """
    runs = [result.run for result in comparison.results.values()]
    adams = [(run, rule) for run in runs if (rule := _adam(run, comparison.lr))]
    if not adams:
        return
    run, rule = adams[0]
    kind = type(rule).__name__
    yield _(
        "why        {method} differs: the gradient g = ∂L/∂θ is the same, the rule for the step is not.",
        method=run.method.name,
    )
    yield _row(_("gradient descent"), RULE_LINES["GradientDescent"])
    yield _row(kind, RULE_LINES[kind])
    yield _row(_("with"), f"{_MEANS}, β₁ = {rule.betas[0]:g}")
    if kind != "AdamMomentumOnly":
        yield _row(_("and"), f"{_SQUARES}, β₂ = {rule.betas[1]:g}")
    yield from _worked(comparison, run, rule)


def _adam(run: Run, lr: float) -> Adam | None:
    """The rule by hand of a run whose rule is Adam or a variant of it."""
    rule = RULES.get(run.method.canonical_update)
    return rule([torch.zeros(1)], lr=lr) if rule is not None and issubclass(rule, Adam) else None


def _row(label: str, formula: str) -> str:
    return f"  {set_cell_size(label, max(16, cell_len(label)))}  {formula}"


def _worked(comparison: Comparison, run: Run, rule: Adam) -> Iterator[str]:
    """The first step of the first parameters that have a gradient, and what follows from it."""
    kind, gradients = type(rule).__name__, run.gradients
    weights = gradients["weight"][:1]
    biases = gradients.get("bias", weights[..., 0])[:1]
    started = {entry.name: entry.path(weights, biases).item() for entry in entries(comparison.problem)}
    steps = {
        name: first_step(gradient, comparison.lr, rule)
        for name, gradient in itertools.islice(started.items(), SHOWN)
        if gradient and weights.new_tensor(gradient).square().isfinite()
    }
    for name, step in steps.items():
        yield _headline(comparison, name, step.gradient)
        yield _row(_("gradient descent"), step.descent)
        for label, equation in step.moments.items():
            yield _row(label, equation)
        yield _row(kind, step.adam)
    if not any(started.values()):
        yield _("paths      the first gradient is 0: neither rule moves.")
    elif steps and all(step.same for step in steps.values()):
        yield _(
            "paths      the first step is the same here; {rule} remembers it, so the paths separate after step 2.",
            rule=kind,
        )
    elif steps:
        yield _(
            "paths      both start from the same gradient; {rule} rescales it, so the paths separate after step 1.",
            rule=kind,
        )


def _headline(comparison: Comparison, name: str, gradient: str) -> str:
    """Which number takes the step, and from which gradient."""
    in_batches, scaled = comparison.batch_size not in (None, comparison.problem.samples), comparison.problem.scaling
    if in_batches and scaled:
        message = _(
            "first      step of {name} on all samples, of standardised columns, from g = {g}:", name=name, g=gradient
        )
    elif in_batches:
        message = _("first      step of {name} on all samples, from g = {g}:", name=name, g=gradient)
    elif scaled:
        message = _("first      step of {name}, of standardised columns, from g = {g}:", name=name, g=gradient)
    else:
        message = _("first      step of {name}, from g = {g}:", name=name, g=gradient)
    return message
