"""Pitfalls of the code: a line forgotten, a shape, a type."""

import math
from dataclasses import replace

import torch

from bpcompare.lessons.pitfalls import wrong_loops
from bpcompare.lessons.pitfalls.bowl import Bowl, descent, period, undamped_momentum
from bpcompare.lessons.pitfalls.pitfall import COUNTED, EPOCHS, LR, Finding, Lesson, build, distance, main_problem


def forgotten_zero_grad() -> Lesson:
    """Gradients that add up: undamped momentum, which swings for ever."""
    problem, epochs = main_problem(), 110
    bowl, start = Bowl.of(problem), wrong_loops.start_of(problem)
    measured = wrong_loops.train(problem, LR, epochs, zero_grad=False)
    predicted = bowl.curve(start, undamped_momentum(LR), epochs)
    slow = period(LR, bowl.eigenvalues[0].item())
    swing = wrong_loops.distances(problem, LR, 2 * round(slow), bowl, mode=0, zero_grad=False)
    turns = [k for k in range(1, len(swing) - 1) if swing[k - 1] < swing[k] >= swing[k + 1]]
    return build(
        "zero-grad",
        "forgotten zero_grad",
        "loss.backward()  # and never p.grad = None",
        "p.grad = None  # or optimizer.zero_grad(), before every backward()",
        "Every step uses the sum of all gradients so far: momentum without damping. Each mode of curvature λ swings "
        "for ever with the period 2π/arccos(1 − lr·λ/2); nothing converges.",
        measured,
        predicted,
        wrong_loops.train(problem, LR, epochs),
        Finding("steps of one swing of the slow mode", slow, float(turns[0]), tolerance=1 / slow),
        Finding("largest distance in the slow mode, beside the first", 1.0, max(map(abs, swing)) / abs(swing[0]), 1e-2),
    )


def tensor_for_data() -> Lesson:
    """Updating the tensor, not its data: the graph of every step hangs on the one before."""
    epochs = 30
    problem = main_problem()
    measured = wrong_loops.graph_sizes(problem, LR, epochs, detach=False)
    right = wrong_loops.graph_sizes(problem, LR, epochs, detach=True)
    predicted = [float(right[0] + 2 * step) for step in range(epochs)]
    lesson = build(
        "tensor-for-data",
        "updating the tensor rather than its data",
        "w = w - lr * w_grad  # w is now the end of a graph, no longer a leaf",
        "w.data -= lr * w_grad  # or under torch.no_grad()",
        "Each step hangs one subtraction for each parameter on the graph: it grows by 2 nodes per step, and so do time "
        "and memory. w.grad stays None, so that code which reads it fails at its second step.",
        measured,
        predicted,
        right,
        Finding("step at which w.grad is None", 2.0, float(wrong_loops.step_without_grad(problem, LR)), COUNTED),
    )
    return replace(lesson, quantity="nodes in the graph of the loss")


def backward_twice() -> Lesson:
    """A second backward() on a freed graph; and with retain_graph, the gradient twice."""
    problem = main_problem()
    bowl, start = Bowl.of(problem), wrong_loops.start_of(problem)
    raised, ratio = wrong_loops.second_backward(problem)
    return build(
        "backward-twice",
        "backward() twice on the same graph",
        "loss.backward(); loss.backward()  # or, to silence it, retain_graph=True",
        "loss = ...; loss.backward()  # one forward pass for each backward pass",
        "The first backward() frees the graph, the second raises a RuntimeError; retain_graph=True only silences it: "
        "the gradient is added twice, which is gradient descent with twice the learning rate.",
        wrong_loops.train(problem, LR, EPOCHS, backward_passes=2),
        bowl.curve(start, descent(2 * LR), EPOCHS),
        wrong_loops.train(problem, LR, EPOCHS),
        Finding("errors raised by the second backward()", 1.0, float(raised), COUNTED),
        Finding("the gradient after two passes with retain_graph, over that after one", 2.0, ratio),
    )


def shapes_that_broadcast() -> Lesson:
    """(N, 1) predictions minus (N,) targets: N × N differences, and a flat line."""
    problem, epochs = main_problem(), 300
    bowl, start = Bowl.of(problem), wrong_loops.start_of(problem)
    mean = problem.y.mean()
    flat = replace(bowl, floor=problem.y.var(correction=0).item(), best=torch.stack([mean * 0, mean]))
    measured, parameters = wrong_loops.train_to_the_end(problem, LR, epochs, flatten=True)
    predicted = flat.curve(start, descent(LR), epochs)
    return build(
        "broadcast",
        "targets of shape (N,) against predictions of shape (N, 1)",
        "loss = ((model(x) - y.flatten()) ** 2).mean()",
        "loss = ((model(x) - y) ** 2).mean()  # both (N, 1); y.unsqueeze(1) if y is (N,)",
        "The difference is N × N: every prediction is compared with every target. The best answer to that is the mean "
        "of y everywhere: the weight goes to 0, the bias to the mean, and the loss stays at the variance of y.",
        measured,
        predicted,
        wrong_loops.train(problem, LR, epochs),
        Finding("weight in the end, as theory has it after so many steps", *_end(flat, start, epochs, parameters, 0)),
        Finding("bias in the end, as theory has it after so many steps", *_end(flat, start, epochs, parameters, 1)),
        Finding("loss in the end: the variance of y", flat.floor, measured[-1], 1e-2),
    )


def _end(bowl: Bowl, start: torch.Tensor, epochs: int, parameters: torch.Tensor, index: int) -> tuple[float, float]:
    first = bowl.modes.T @ (start - bowl.best)
    left = (1 - LR * bowl.eigenvalues) ** epochs * first
    return (bowl.best + bowl.modes @ left)[index].item(), parameters[index].item()


def adam_without_correction() -> Lesson:
    """Adam whose running means are not corrected: the first steps are not lr long."""
    problem = main_problem()
    measured, first = wrong_loops.uncorrected_adam(problem, LR, EPOCHS)
    roots = [math.sqrt(1 - 0.999**k) for k in range(1, EPOCHS + 1)]
    rates = [LR * (1 - 0.9**k) / root for k, root in enumerate(roots, 1)]
    return build(
        "adam-uncorrected",
        "Adam without bias correction: the gradient in the shadow of the zeros that its means begin with",
        "p -= lr * m / (sqrt(v) + eps)",
        "p -= lr * m_hat / (sqrt(v_hat) + eps)  # m_hat = m/(1 - beta1**t), v_hat = v/(1 - beta2**t)",
        "m and v begin at 0 and hold only 1 − β₁ᵗ and 1 − β₂ᵗ of what they should. That is Adam with the learning rate "
        "lr·(1 − β₁ᵗ)/√(1 − β₂ᵗ) and ε/√(1 − β₂ᵗ): the first step is 0.1/√0.001 = 3.16 times as long as lr, the "
        "following ones are longer still.",
        measured,
        wrong_loops.adam(problem, rates, [1e-8 / root for root in roots]),
        wrong_loops.adam(problem, [LR] * EPOCHS, [1e-8] * EPOCHS),
        Finding("length of the first step, over lr", (1 - 0.9) / math.sqrt(1 - 0.999), first / LR, 1e-6),
    )


def half_precision() -> Lesson:
    """float16: steps smaller than half the distance to the next number are lost."""
    problem, epochs = main_problem(), 400
    bowl, start = Bowl.of(problem), wrong_loops.start_of(problem)
    losses, last_moves = wrong_loops.train_in_half(problem, LR, epochs)
    exact = [loss - bowl.floor for loss in bowl.curve(start, descent(LR), epochs)]
    measured = [loss - bowl.floor for loss in losses]
    stands_still = bowl.first_step_within(start, LR, wrong_loops.half_a_spacing)
    stood_still = 1 + max(k for k in range(epochs - 1) if losses[k] != losses[k + 1])
    predicted = [exact[min(k, stands_still)] for k in range(epochs)]
    early = stands_still // 4
    return Lesson(
        "float16",
        "training in float16",
        "model = model.half()",
        "model = model.float()  # or keep the parameters in float32 and only compute in float16",
        "float16 keeps 11 bits: between 1 and 2 its numbers are 1/1024 apart. A step lr·g smaller than half of that "
        "changes nothing, so that training stands still where lr·|g| falls below it – short of the optimum.",
        {"mistake": measured, "predicted": predicted, "right": exact},
        (
            Finding("step at which it stands still", float(stands_still), float(stood_still), 0.2),
            *(
                Finding(f"the {name}'s step then, in halves of the distance to the next number", 1.0, move, 0.0, True)
                for name, move in last_moves.items()
            ),
            Finding(
                f"largest relative distance of the curve from exact arithmetic in the first {early} steps",
                0.02,
                distance(measured[:early], predicted[:early]),
                0.0,
                True,
            ),
            Finding("distance left to the smallest loss", predicted[-1], measured[-1], 0.5),
        ),
        quantity="mean squared error above its smallest value",
    )
