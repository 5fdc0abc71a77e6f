"""Pitfalls of the code: a line forgotten, a shape, a type."""

import math
from dataclasses import replace

import torch

from bpcompare.language import N_, _
from bpcompare.lessons.pitfalls import wrong_loops
from bpcompare.lessons.pitfalls.pitfall import (
    COUNTED,
    EPOCHS,
    LR,
    Pitfall,
    Prediction,
    build,
    descent,
    distance,
    main_problem,
    main_theory,
    right_way,
)
from bpcompare.theory.gradient_descent import Modes, modes

HALVES = {
    "weight": N_("the weight's step then, in halves of the distance to the next number"),
    "bias": N_("the bias's step then, in halves of the distance to the next number"),
}


def forgotten_zero_grad() -> Pitfall:
    """Gradients that add up: undamped momentum, which swings for ever."""
    problem, theory, epochs = main_problem(), main_theory(), 110
    predicted = [momentum_loss(theory, LR, step) for step in range(epochs)]
    slow = period(LR, theory.eigenvalues[-1].item())
    optimum = torch.cat([p.flatten() for p in theory.limit])
    measured, path = wrong_loops.without_zero_grad(problem, LR, epochs, theory.eigenvectors[:, -1], optimum)
    swing = path[: 2 * round(slow)]
    widest = max(map(abs, swing)) / abs(swing[0])
    turns = [k for k in range(1, len(swing) - 1) if swing[k - 1] < swing[k] >= swing[k + 1]]
    return build(
        "zero-grad",
        _("forgotten zero_grad"),
        _("loss.backward()  # and never p.grad = None"),
        _("p.grad = None  # or optimizer.zero_grad(), before every backward()"),
        _(
            "Every step uses the sum of all gradients so far: momentum without damping. Each mode of curvature λ "
            "swings for ever with the period 2π/arccos(1 − lr·λ/2); nothing converges."
        ),
        measured,
        predicted,
        right_way(epochs),
        Prediction(_("steps of one swing of the slow mode"), slow, float(turns[0]), tolerance=1 / slow),
        Prediction(_("largest distance in the slow mode, relative to the first"), 1.0, widest, 1e-2),
    )


def undamped_momentum(lr: float, eigenvalue: float, step: int) -> float:
    """What is left of a mode's distance: cos(ω(k + ½))/cos(ω/2) with cos ω = 1 − lr·λ/2, which swings for ever.

    With Gₖ = Σ gⱼ and eₖ₊₁ = eₖ − lr·Gₖ, each mode obeys eₖ₊₁ = (2 − lr·λ)eₖ − eₖ₋₁ with e₋₁ = e₀; this solves it.
    """
    omega = math.acos(1 - lr * eigenvalue / 2)
    return math.cos(omega * (step + 0.5)) / math.cos(omega / 2)


def momentum_loss(theory: Modes, lr: float, step: int) -> float:
    """L* + Σᵢ initial_excessᵢ·(what is left of distance i)²: the loss of undamped momentum."""
    left = torch.tensor(
        [undamped_momentum(lr, value, step) for value in theory.eigenvalues.tolist()], dtype=torch.float64
    )
    return float((theory.minimum_loss + left.square() @ theory.initial_excess).item())


def period(lr: float, eigenvalue: float) -> float:
    """Steps of one swing of undamped momentum: 2π/ω."""
    return 2 * math.pi / math.acos(1 - lr * eigenvalue / 2)


def tensor_for_data() -> Pitfall:
    """Updating the tensor, not its data: the graph of every step hangs on the one before."""
    epochs = 30
    problem = main_problem()
    measured = wrong_loops.graph_sizes(problem, LR, epochs, detach=False)
    right = wrong_loops.graph_sizes(problem, LR, epochs, detach=True)
    predicted = [float(right[0] + 2 * step) for step in range(epochs)]
    pitfall = build(
        "tensor-for-data",
        _("updating the tensor rather than its data"),
        _("w = w - lr * w_grad  # w is now the end of a graph, no longer a leaf"),
        _("w.data -= lr * w_grad  # or under torch.no_grad()"),
        _(
            "Each step hangs one subtraction for each parameter on the graph: it grows by 2 nodes per step, and so do "
            "time and memory. w.grad stays None, so that code which reads it fails at its second step."
        ),
        measured,
        predicted,
        right,
        Prediction(_("step at which w.grad is None"), 2.0, float(wrong_loops.step_without_grad(problem, LR)), COUNTED),
    )
    return replace(pitfall, quantity=_("nodes in the graph of the loss"))


def backward_twice() -> Pitfall:
    """A second backward() on a freed graph; and with retain_graph, the gradient twice."""
    problem, theory, lr = main_problem(), main_theory(), 0.5
    raised, ratio = wrong_loops.second_backward(problem)
    limit = 2 / theory.eigenvalues[0].item()
    gentle = wrong_loops.train(problem, LR, EPOCHS, backward_passes=2)[-1] / right_way(EPOCHS)[-1]
    return build(
        "backward-twice",
        _("backward() twice on the same graph, at lr {lr}", lr=lr),
        _("loss.backward(); loss.backward()  # or, to silence it, retain_graph=True"),
        _("loss = ...; loss.backward()  # one forward pass for each backward pass"),
        _(
            "The first backward() frees the graph, the second raises a RuntimeError; retain_graph=True only silences "
            "it: the gradient is added twice, which is gradient descent with twice the learning rate. So the largest "
            "stable rate is halved, to 1/λmax: at lr {lr} the right way converges and the mistake diverges. At a small "
            "rate, {small}, the mistake even looks better, for a rate of {twice} is still stable and faster.",
            lr=lr,
            small=LR,
            twice=2 * LR,
        ),
        wrong_loops.train(problem, lr, EPOCHS, backward_passes=2),
        descent(theory, 2 * lr, EPOCHS),
        wrong_loops.train(problem, lr, EPOCHS),
        Prediction(_("errors raised by the second backward()"), 1.0, float(raised), COUNTED),
        Prediction(_("the gradient after two passes with retain_graph, over that after one"), 2.0, ratio),
        Prediction(
            _("largest stable learning rate"), limit / 2, wrong_loops.largest_stable_lr(problem, passes=2), 1e-3
        ),
        Prediction(
            _("loss of the mistake at lr {lr}, over that of the right way", lr=LR),
            _ratio(theory),
            gentle,
        ),
    )


def _ratio(theory: Modes) -> float:
    return descent(theory, 2 * LR, EPOCHS)[-1] / descent(theory, LR, EPOCHS)[-1]


def shapes_that_broadcast() -> Pitfall:
    """(N, 1) predictions minus (N,) targets: N × N differences, and a flat line."""
    problem, epochs = main_problem(), 300
    everywhere = problem.measured_y.mean().expand_as(problem.measured_y)
    flat, variance = modes(replace(problem, measured_y=everywhere)), problem.y.var(correction=0).item()
    measured, parameters = wrong_loops.train_flattened(problem, LR, epochs)
    weight, bias = (values.item() for values in flat.path(LR, torch.tensor([epochs])))
    return build(
        "broadcast",
        _("targets of shape (N,) against predictions of shape (N, 1)"),
        "loss = ((model(x) - y.flatten()) ** 2).mean()",
        _("loss = ((model(x) - y) ** 2).mean()  # both (N, 1); y.unsqueeze(1) if y is (N,)"),
        _(
            "The difference is N × N: every prediction is compared with every target. The best answer to that is the "
            "mean of y everywhere: the weight goes to 0, the bias to the mean, and the loss stays at the variance of y."
        ),
        measured,
        [variance + above for above in descent(flat, LR, epochs)],
        right_way(epochs),
        Prediction(_("weight in the end"), weight, parameters[0].item()),
        Prediction(_("bias in the end"), bias, parameters[1].item()),
        Prediction(_("loss in the end: the variance of y"), variance, measured[-1], 1e-2),
    )


def adam_without_correction() -> Pitfall:
    """Adam whose running means are not corrected: the first steps are not lr long."""
    far = main_problem()
    weight, bias = main_theory().limit
    near = wrong_loops.starting_at(far, weight + 0.01, bias - 0.01)
    roots = [math.sqrt(1 - 0.999**k) for k in range(1, EPOCHS + 1)]
    rates = [LR * (1 - 0.9**k) / root for k, root in enumerate(roots, 1)]
    epsilons = [1e-8 / root for root in roots]
    measured, __ = wrong_loops.uncorrected_adam(near, LR, EPOCHS)
    helped, first = wrong_loops.uncorrected_adam(far, LR, EPOCHS)
    return build(
        "adam-uncorrected",
        _("Adam without bias correction, begun near the optimum"),
        "p -= lr * m / (sqrt(v) + eps)",
        "p -= lr * m_hat / (sqrt(v_hat) + eps)  # m_hat = m/(1 - beta1**t), v_hat = v/(1 - beta2**t)",
        _(
            "m and v begin at 0 and hold only 1 − β₁ᵗ and 1 − β₂ᵗ of what they should. That is Adam with the learning "
            "rate lr·(1 − β₁ᵗ)/√(1 − β₂ᵗ) and ε/√(1 − β₂ᵗ): the first step is 0.1/√0.001 = 3.16 times as long as lr, "
            "the following ones are longer still. Near the optimum they throw the parameters far away. From far away, "
            "as in the main problem, long steps help: there the mistake ends lower."
        ),
        measured,
        wrong_loops.adam(near, rates, epsilons),
        wrong_loops.adam(near, [LR] * EPOCHS, [1e-8] * EPOCHS),
        Prediction(_("length of the first step, over lr"), (1 - 0.9) / math.sqrt(1 - 0.999), first / LR, 1e-6),
        Prediction(
            _("loss in the end, begun far away"),
            wrong_loops.adam(far, rates, epsilons)[-1],
            helped[-1],
        ),
    )


def half_precision() -> Pitfall:
    """float16: steps smaller than half the distance to the next number are lost."""
    problem, theory, epochs = main_problem(), main_theory(), 400
    losses, last_moves = wrong_loops.train_in_half(problem, LR, epochs)
    exact = [loss - theory.minimum_loss.item() for loss in descent(theory, LR, epochs)]
    measured = [loss - theory.minimum_loss.item() for loss in losses]
    stands_still = _first_lost_step(theory, epochs)
    stood_still = 1 + max(k for k in range(epochs - 1) if losses[k] != losses[k + 1])
    predicted = [exact[min(k, stands_still)] for k in range(epochs)]
    early = stands_still // 4
    return Pitfall(
        "float16",
        _("training in float16"),
        "model = model.half()",
        _("model = model.float()  # or keep the parameters in float32 and only compute in float16"),
        _(
            "float16 keeps 11 bits: between 1 and 2 its numbers are 1/1024 apart. A step lr·g smaller than half of "
            "that changes nothing, so that training stands still where lr·|g| falls below it – short of the optimum."
        ),
        {"mistake": measured, "predicted": predicted, "right": exact},
        (
            Prediction(_("step at which it stands still"), float(stands_still), float(stood_still), 0.2),
            *(Prediction(_(HALVES[name]), 1.0, move, 0.0, True) for name, move in last_moves.items()),
            Prediction(
                _("largest relative distance of the curve from exact arithmetic in the first {n} steps", n=early),
                0.02,
                distance(measured[:early], predicted[:early]),
                0.0,
                True,
            ),
            Prediction(_("distance left to the smallest loss"), predicted[-1], measured[-1], 0.5),
        ),
        quantity=_("mean squared error above its smallest value"),
    )


def _first_lost_step(theory: Modes, epochs: int) -> int:
    """The first step of gradient descent that is below half a float16 spacing in both parameters."""
    weights, biases = theory.path(LR, torch.arange(epochs + 1))
    path = torch.cat([weights.flatten(1), biases], 1)
    moves = path.diff(dim=0).abs().tolist()
    return next(
        step
        for step, (here, move) in enumerate(zip(path.tolist(), moves, strict=False))
        if all(m < wrong_loops.half_a_spacing(value) for m, value in zip(move, here, strict=True))
    )
