"""The exercises that the marker marks: what each function is called, takes and returns, and how it is derived."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from bpcompare.errors import InputError
from bpcompare.language import N_, _, listed
from bpcompare.marker import derivations
from bpcompare.marker.calls import Problem
from bpcompare.marker.explanation import Explanation
from bpcompare.marker.hypotheses import squared_error
from bpcompare.marker.meaning import names
from bpcompare.marker.mistakes import MISTAKES, Mistake
from bpcompare.marker.problems import (
    adam_step,
    delta_recursion,
    linear_regression,
    linear_regression_lines,
    linear_regression_mistakes,
    sigmoid_neuron,
)
from bpcompare.marker.verdict import Known


@dataclass(frozen=True)
class Exercise:
    """One function for a learner to write.

    Attributes:
        name: As ``check --exercise`` takes it.
        function: The name of the function, by which a file is recognised.
        parameters: What it takes, in order.
        about: The task, for the starter file's docstring: what each argument is, what comes back.
        derivation: The lines that lead to the answer; a mistake names one of them.
        draw: Makes the problems of one marking.
        known: What is known about mistakes.
        mistakes: What the exercise itself says about mistakes, by name; of any other, ``mistakes.MISTAKES`` speaks.
        lines: For an answer, the lines that stand for others: what is wrong with ∂L/∂w there is wrong with ∂L/∂b.
    """

    name: str
    function: str
    parameters: tuple[str, ...]
    about: str
    derivation: tuple[str, ...]
    draw: Callable[[np.random.Generator], Iterator[Problem]]
    known: Known
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    lines: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def mistake(self, name: str) -> Mistake:
        """What the exercise says about a mistake, in the language in use."""
        says, line, hint = self.mistakes.get(name) or MISTAKES.get(name) or MISTAKES["unknown"]
        return Mistake(_(says), line, _(hint))

    def said(self, explanation: Explanation) -> list[tuple[str, Mistake]]:
        """Every mistake of an explanation with its words: the graph's own, or those of the table."""
        mistakes = explanation.mistakes
        own = [*explanation.told, *map(self.mistake, mistakes[len(explanation.told) :])]
        more = [name for name in names(explanation) if name not in mistakes]
        return [*zip(mistakes, own, strict=True), *((name, self.mistake(name)) for name in more)]

    def lines_of(self, explanation: Explanation, answer: str) -> list[int]:
        """For each of ``said``, the number of the derivation's line; 0 for none."""
        return [
            mistake.line if place < len(explanation.told) else self.line(name, answer)
            for place, (name, mistake) in enumerate(self.said(explanation))
        ]

    def line(self, name: str, answer: str) -> int:
        """The number of the derivation's line that a mistake in ``answer`` concerns; 0 for none."""
        line = self.mistake(name).line
        return self.lines.get(answer, {}).get(line, line)


LINEAR_REGRESSION = Exercise(
    name="linear-regression",
    function="gradients",
    parameters=("x", "y", "w", "b"),
    about=N_("""Return the gradients of the mean squared error of ŷ = xwᵀ + b, as nn.Linear has it.

    x has shape (N, in), y (N, out), w (out, in), b (out,); all are torch tensors. The loss is that of nn.MSELoss,
    the mean over all N·out squared residuals. Return grad_w (out, in) and grad_b (out,), as tensors, NumPy arrays
    or nested lists."""),
    derivation=(
        "ŷ = xwᵀ + b",
        "r = ŷ − y",
        "L = 1/(N·out) · Σᵢₒ rᵢₒ²",
        "δ = ∂L/∂ŷ = 2r/(N·out)",
        "∂L/∂w = δᵀx",
        "∂L/∂b = Σᵢ δᵢ",
    ),
    draw=linear_regression.draw,
    known=Known(
        ("grad_w", "grad_b"),
        squared_error.HYPOTHESES,
        solve=linear_regression.solve,
        shared=squared_error.SHARED,
        in_parts=squared_error.IN_PARTS,
        derivation=derivations.LINEAR_REGRESSION,
    ),
    mistakes=linear_regression_mistakes.MISTAKES,
    lines={"grad_b": {linear_regression_lines.WEIGHT: linear_regression_lines.BIAS}},
)

ADAM_STEP = Exercise(
    name="adam-step",
    function="adam_step",
    parameters=("p", "grad", "exp_avg", "exp_avg_sq", "step", "lr", "beta1", "beta2", "eps"),
    about=N_("""Return a parameter after one step of Adam, and Adam's two running means.

    p, grad, exp_avg and exp_avg_sq are torch tensors of shape (n,); exp_avg and exp_avg_sq are the running means m
    and v before this step; step counts from 1 and includes this one. Return the new p, exp_avg and exp_avg_sq, as
    torch.optim.Adam would leave them; change nothing in place."""),
    derivation=(
        "m ← β₁m + (1 − β₁)g",
        "v ← β₂v + (1 − β₂)g²",
        "m̂ = m/(1 − β₁ᵗ)",
        "v̂ = v/(1 − β₂ᵗ)",
        "p ← p − lr · m̂/(√v̂ + ε)",
    ),
    draw=adam_step.draw,
    known=Known(
        ("p", "exp_avg", "exp_avg_sq"),
        variants=adam_step.VARIANTS,
        solve=adam_step.solve,
        derivation=derivations.ADAM_STEP,
        unscaled=frozenset(["p"]),
    ),
    mistakes=adam_step.MISTAKES,
)

SIGMOID_NEURON = Exercise(
    name="sigmoid-neuron",
    function="sigmoid_neuron",
    parameters=("x", "y", "w", "b"),
    about=N_("""Return the gradients of (σ(w·x + b) − y)² by w and by b, for one neuron and one sample.

    x and w are torch tensors of shape (in,), y and b of shape (). Return grad_w (in,) and grad_b ()."""),
    derivation=(
        "z = w·x + b",
        "a = σ(z) = 1/(1 + e⁻ᶻ)",
        "L = (a − y)²",
        "∂L/∂a = 2(a − y)",
        "∂L/∂z = ∂L/∂a · a(1 − a)",
        "∂L/∂w = ∂L/∂z · x,  ∂L/∂b = ∂L/∂z",
    ),
    draw=sigmoid_neuron.draw,
    known=Known(
        ("grad_w", "grad_b"),
        variants=sigmoid_neuron.VARIANTS,
        solve=sigmoid_neuron.solve,
        derivation=derivations.SIGMOID_NEURON,
    ),
    mistakes=sigmoid_neuron.MISTAKES,
)

DELTA_RECURSION = Exercise(
    name="delta-recursion",
    function="deltas",
    parameters=("x", "y", "w1", "b1", "w2", "b2", "w3", "b3"),
    about=N_("""Return δ⁽¹⁾, δ⁽²⁾, δ⁽³⁾ = ∂L/∂z⁽ˡ⁾ of a three-layer network, for one sample.

    x has shape (in,), y (out,); layer l computes z⁽ˡ⁾ = W⁽ˡ⁾a⁽ˡ⁻¹⁾ + b⁽ˡ⁾ with a⁽⁰⁾ = x; the two hidden layers apply
    the sigmoid, the last is linear; L = Σ (z⁽³⁾ − y)². Return delta1, delta2, delta3, each in its layer's shape."""),
    derivation=(
        "z⁽ˡ⁾ = W⁽ˡ⁾a⁽ˡ⁻¹⁾ + b⁽ˡ⁾,  a⁽⁰⁾ = x",
        "a⁽ˡ⁾ = σ(z⁽ˡ⁾)",
        "L = Σ (z⁽³⁾ − y)²",
        "δ⁽³⁾ = 2(z⁽³⁾ − y)",
        "δ⁽ˡ⁾ = (W⁽ˡ⁺¹⁾)ᵀδ⁽ˡ⁺¹⁾ ⊙ σ′(z⁽ˡ⁾)",
        "σ′(z) = σ(z)(1 − σ(z))",
    ),
    draw=delta_recursion.draw,
    known=Known(
        ("delta1", "delta2", "delta3"),
        variants=delta_recursion.VARIANTS,
        solve=delta_recursion.solve,
        derivation=derivations.DELTA_RECURSION,
    ),
    mistakes=delta_recursion.MISTAKES,
)

EXERCISES = {exercise.name: exercise for exercise in (LINEAR_REGRESSION, ADAM_STEP, SIGMOID_NEURON, DELTA_RECURSION)}


def find(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        InputError: There is none.

    Example:
        >>> find("adam-step").function
        'adam_step'
    """
    if name not in EXERCISES:
        raise InputError(_("there is no exercise {name!r}; choose from {known}", name=name, known=listed(EXERCISES)))
    return EXERCISES[name]


def starter(name: str) -> str:
    """The file that an exercise begins with: it can be marked at once, and is wrong.

    Args:
        name: One of ``EXERCISES``.

    Returns:
        Python source with one function, whose docstring is the task.

    Raises:
        InputError: There is no such exercise.

    Example:
        >>> "def gradients(x, y, w, b):" in starter("linear-regression")
        True
    """
    exercise = find(name)
    zeros = "\n".join(f"    {answer} = {_zero(exercise, answer)}" for answer in exercise.known.answers)
    yours = _("yours to derive")
    title = _("Exercise {name}; have it marked with: python -m bpcompare check FILE", name=name)
    return (
        f'"""{title}"""\n\nimport torch\n\n\n'
        f"def {exercise.function}({', '.join(exercise.parameters)}):\n"
        f'    """{_(exercise.about)}\n    """\n{zeros}  # {yours}\n'
        f"    return {', '.join(exercise.known.answers)}\n"
    )


def _zero(exercise: Exercise, answer: str) -> str:
    like = answer.replace("grad_", "").replace("delta", "b")
    return f"torch.zeros_like({like})"
