"""Where the sources are wrong: what is written, what is right, and the numbers that show it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from bpcompare.graph.derivation import derive
from bpcompare.language import _
from bpcompare.problem.line import line
from bpcompare.theory.least_squares import least_squares
from bpcompare.training.gradients import formula


@dataclass(frozen=True)
class SourceError:
    """An error of a source.

    Attributes:
        source: Its letter.
        written: What is written there.
        right: What is right.
        shown_by: The numbers, computed just now.
        shown: Whether they do show it.
    """

    source: str
    written: str
    right: str
    shown_by: str
    shown: bool


def source_errors() -> list[SourceError]:
    """Every error that was found in the sources, with the numbers that show it.

    Example:
        >>> all(error.shown for error in source_errors())
        True
    """
    errors: tuple[Callable[[], SourceError], ...] = (
        *(_vector_as_sum, _one_output_only, _untransposed, _truth_swapped),
        *(_transposed_text, _plus_b, _labels, _averaged_residual, _first_consumer, _shape_of_w1, _overflow),
        _summed_not_averaged,
    )
    return [error() for error in errors]


def _vector_as_sum() -> SourceError:
    problem = line()
    model = problem.model()
    formula(model, problem.x, problem.y)
    with torch.no_grad():
        delta = 2 * (model(problem.x) - problem.y) / len(problem.x)
    right, wrong = model.weight.grad.item(), (delta.sum() * problem.x.sum()).item()
    return SourceError(
        "A",
        _("the vector ∂L/∂ŷ as one sum over the samples"),
        _("it has one entry 2(ŷᵢ − yᵢ)/N for each sample; only ∂L/∂w and ∂L/∂b add them up (its code is right)"),
        _(
            "at the start ∂L/∂w = {right:.5g}; with the sum in its place (Σ ∂L/∂ŷᵢ)·Σxᵢ = {wrong:.5g}",
            right=right,
            wrong=wrong,
        ),
        not np.isclose(right, wrong),
    )


def _one_output_only() -> SourceError:
    layer, x, y = _layer_of_two_and_three()
    loss = nn.functional.mse_loss(layer(x), y)
    loss.backward()
    with torch.no_grad():
        written = (2 * (layer(x) - y) / len(x)).T @ x
    ratio = (written / layer.weight.grad).mean().item()
    return SourceError(
        "A",
        "∂L/∂ŷ = 2(ŷ − y)/N",
        _("nn.MSELoss divides by N·out: the written one is right for one output only"),
        _("nn.Linear(2, 3): {ratio:.4f} times too large, and out is 3", ratio=ratio),
        abs(ratio - 3) < 1e-9,
    )


def _untransposed() -> SourceError:
    layer, x, y = _layer_of_two_and_three()
    delta = (layer(x) - y).detach()
    return SourceError(
        "A",
        _("∂L/∂w = Σ ∂L/∂ŷ·x, entry by entry"),
        _("for more than one input or output the product must be δᵀx"),
        _(
            "δ {delta} times x {x} does not fit; δᵀx is {product}, as W is",
            delta=tuple(delta.shape),
            x=tuple(x.shape),
            product=tuple((delta.T @ x).shape),
        ),
        (delta.T @ x).shape == layer.weight.shape and not _fits(lambda: delta * x),
    )


def _layer_of_two_and_three() -> tuple[nn.Linear, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(5, n, generator=generator, dtype=torch.float64) for n in (2, 3))
    layer = nn.Linear(2, 3, dtype=torch.float64)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=torch.float64))
    return layer, x, y


def _fits(compute: Callable[[], object]) -> bool:
    try:
        compute()
    except (RuntimeError, ValueError):
        return False
    return True


def _truth_swapped() -> SourceError:
    problem = line()
    optimum = least_squares(problem.measured_x, problem.measured_y)
    w, b = optimum.weight.item(), optimum.bias.item()
    return SourceError(
        "A",
        _("asks why w and b are not near 1 and 2"),
        _("the data were made with w = 2 and b = 1; 50 epochs are too few to come near"),
        _("least squares of its data: w = {w:.4f}, b = {b:.4f}", w=w, b=b),
        abs(w - 2) < 0.1 and abs(b - 1) < 0.1,
    )


def _transposed_text() -> SourceError:
    w, x = np.ones((3, 2)), np.ones(2)
    return SourceError(
        "B",
        _("H = WᵀX in the text"),
        _("H = WX, as its picture computes it"),
        _("W {w} and X {x}: WX is {product}, WᵀX does not fit", w=w.shape, x=x.shape, product=(w @ x).shape),
        not _fits(lambda: w.T @ x),
    )


def _plus_b() -> SourceError:
    with_b = derive("z = x*w; ŷ = z + b", {"x": 1, "w": 1, "b": 2}, wrt="z").gradients["z"]
    without = derive("z = x*w; ŷ = 1*z", {"x": 2, "w": 1}, wrt="z").gradients["z"]
    return SourceError(
        "B",
        _("the line for ∂ŷ/∂z differentiates (z + b)"),
        _("it is ŷ that is differentiated, by its own definition; b comes in only where ŷ = z + b"),
        _(
            "∂ŷ/∂z = {with_b:g} with b and {without:g} without: the mistake leaves every figure as it is",
            with_b=float(with_b),
            without=float(without),
        ),
        with_b == without,
    )


def _labels() -> SourceError:
    start = {"x": 3, "k": 0.35915077292816744, "b": 0.3737660632429008, "y": 0.6087876106387002}
    to_loss = float(derive("Loss = MSE(Sigmoid(Linear(x, k, b)), y)", start).nodes["Linear"].gradient)
    to_sigmoid = float(derive("Sigmoid(Linear(x, k, b))", {n: start[n] for n in "xkb"}).nodes["Linear"].gradient)
    return SourceError(
        "C",
        _("∂Loss/∂Linear labelled as ∂Sigmoid/∂Linear, and so on"),
        _("a node's gradient is that of the loss by it; the local derivative is one factor of it"),
        f"∂Loss/∂Linear = {to_loss:.6g}, ∂Sigmoid/∂Linear = {to_sigmoid:.6g}",
        not np.isclose(to_loss, to_sigmoid),
    )


def _averaged_residual() -> SourceError:
    guess, target = [1.0, 2.0, 5.0, 8.0], [2.0, 2.0, 2.0, 8.0]
    right = np.asarray(derive("mean((p - y)**2)", {"p": guess, "y": target}, wrt="p").gradients["p"])
    wrong = 2 * (np.array(guess) - np.array(target)).mean()
    return SourceError(
        "C",
        _("the backward of MSE averages the residual: 2·mean(ŷ − y)"),
        _("2(ŷᵢ − yᵢ)/N for each entry; the average is right for a single number only"),
        _("ŷ − y = (−1, 0, 3, 0): right {right}, averaged {wrong:g} for all", right=right.tolist(), wrong=wrong),
        not np.allclose(right, wrong),
    )


def _first_consumer() -> SourceError:
    right = derive("a = 2*x; b = x*x; a + b", {"x": 3}).gradients["x"]
    first = derive("a = 2*x; a + c", {"x": 3, "c": 9}).gradients["x"]
    return SourceError(
        "C",
        _("a node reads the gradient of its first consumer only"),
        _("the gradients of all consumers add up"),
        _(
            "2x + x·x at x = 3: right {right:g}, from the first consumer alone {first:g}",
            right=float(right),
            first=float(first),
        ),
        right != first,
    )


def _shape_of_w1() -> SourceError:
    features = np.ones(2)
    return SourceError(
        "E",
        _("W⁽¹⁾ is (100, 4) in the text"),
        _("(100, 2), as in its code: there are two features, x and x²"),
        _("(100, 2) @ (2,) is {shape}; (100, 4) @ (2,) does not fit", shape=(np.ones((100, 2)) @ features).shape),
        not _fits(lambda: np.ones((100, 4)) @ features),
    )


def _overflow() -> SourceError:
    z = np.array([709.0, 710.0])
    with np.errstate(all="ignore"):
        written = np.exp(z) / (1 + np.exp(z)) ** 2
    model = nn.Sequential(nn.Linear(1, 1, dtype=torch.float64), nn.Sigmoid(), nn.Linear(1, 1, dtype=torch.float64))
    with torch.no_grad():
        for p, value in zip(model.parameters(), (1000.0, 0.0, 1.0, 0.0), strict=True):
            p.fill_(value)
    one = torch.ones(1, 1, dtype=torch.float64)
    formula(model, one, 3 * one)
    ours = model[0].weight.grad.item()
    return SourceError(
        "E",
        "σ′(z) = exp(z)/(1 + exp(z))²",
        _("σ(z)(1 − σ(z)) with a σ that does not overflow"),
        _(
            "at z = 709 and 710: {first:.3g} and {second}; ours at z = 1000: ∂L/∂W⁽¹⁾ = {ours:g}",
            first=written[0],
            second=written[1],
            ours=abs(ours),
        ),
        bool(np.isnan(written[1])) and ours == 0,
    )


def _summed_not_averaged() -> SourceError:
    x, y, w = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 4.0, 6.0, 8.0]), 1.0
    right = float(derive("mean((x*w - y)**2)", {"x": x, "y": y, "w": w}, wrt="w").gradients["w"])
    coded = np.dot(2 * x, w * x - y).mean()
    return SourceError(
        _("a video course"),
        _("dJ/dw as np.dot(2*x, y_pred - y).mean()"),
        _("the dot product has already summed; divide by N"),
        _("{ratio:.4f} times too large, and N is {n}", ratio=coded / right, n=len(x)),
        bool(np.isclose(coded / right, len(x))),
    )
