"""The parts of the diagnosis against numbers from elsewhere: torch's autograd, and files written to be wrong."""

import gc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_draws import DRAWS, SEED

from bpcompare.marker import check
from bpcompare.marker.calls import Call, Problem
from bpcompare.marker.conditions import describe
from bpcompare.marker.draws import Draws
from bpcompare.marker.hypotheses.combinations import combinations
from bpcompare.marker.hypotheses.wrong_parts.view import View
from bpcompare.marker.mistakes import MISTAKES
from bpcompare.marker.problems import linear_regression, linear_regression_mistakes
from bpcompare.show import marker_factors

EXPECTED_ERROR = 1e-13  # autograd in float64, over at most 100 terms of size 10, against extended precision
SEEDS = st.integers(0, 2**32 - 1)


def check_function(gradients, seed):
    """The marking; a few seeds serve many tests, and their problems are worked out once."""
    return check.check_function(gradients, seed=seed, draws=DRAWS if seed < 100 else None)


def right(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, delta.sum(0)


def problems(seed):
    return list(linear_regression.draw(np.random.default_rng(seed)))


def test_the_right_answers_are_those_of_autograd():
    for problem in problems(0):
        x, y, w, b = (torch.tensor(problem.inputs[name].astype(np.float64)) for name in "xywb")
        w.requires_grad_(), b.requires_grad_()
        torch.nn.functional.mse_loss(torch.nn.functional.linear(x, w, b), y).backward()
        for name, grad in (("grad_w", w.grad), ("grad_b", b.grad)):
            np.testing.assert_allclose(
                problem.expected[name].astype(np.float64), grad.numpy(), rtol=0, atol=EXPECTED_ERROR
            )


def test_nothing_that_a_marking_works_out_outlives_it():
    def views():
        gc.collect()
        return sum(type(one) is View for one in gc.get_objects())

    kept = views()  # of problems that other tests keep
    marking = check.check_function(
        lambda x, y, w, b: (right(x, y, w, b)[0] * x[0, 0], right(x, y, w, b)[1]), seed=1, draws=(draws := Draws())
    )
    assert marking.mistakes["grad_w"]  # searched through every combination
    assert views() > kept
    del draws
    assert views() == kept


def test_problems_differ_in_every_size_and_are_the_same_for_the_same_seed():
    drawn = problems(5)
    assert {problem.dtype for problem in drawn} == {"float64", "float32"}
    counts = {problem.sizes["N"] for problem in drawn if not problem.edge}
    assert 100 in counts
    assert len(counts) == len(linear_regression.SHAPES)
    for first, again in zip(drawn, problems(5), strict=True):
        assert all(np.array_equal(first.inputs[name], again.inputs[name]) for name in "xywb")
    assert not np.array_equal(drawn[0].inputs["x"], problems(6)[0].inputs["x"])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(SEEDS)
def test_a_right_gradient_passes_on_every_draw(seed):
    assert check_function(right, seed=seed).right


@settings(max_examples=12, deadline=None, derandomize=True)
@given(SEEDS, st.sampled_from([-1, 0.5, 2]), st.sampled_from(["N", "out", "N·out", ""]))
def test_any_sign_constant_and_size_is_found_as_it_was_put_in(seed, constant, size):
    def gradients(x, y, w, b):
        grad_w, grad_b = right(x, y, w, b)
        sizes = {"N": len(x), "out": len(b), "N·out": y.numel(), "": 1}
        return grad_w * constant * sizes[size], grad_b

    marking = check_function(gradients, seed=seed)
    explanation = marking.verdicts[0].findings[0].explanation
    powers = tuple((name, 1) for name in size.split("·") if name)
    assert (explanation.factor.constant, explanation.factor.powers) == (constant, powers)
    assert marking.verdicts[1].findings == ()


@settings(max_examples=10, deadline=None, derandomize=True)
@given(SEEDS, st.floats(1e-3, 0.2))
def test_an_unknown_learning_rate_between_the_two_gradients_is_solved_for(seed, lr):
    def gradients(x, y, w, b):
        grad_w, _ = right(x, y, w, b)
        return grad_w, right(x, y, w - lr * grad_w, b)[1]

    finding = check_function(gradients, seed=seed).verdicts[1].findings[0].explanation
    assert finding.mistakes == ("w-updated-before-b",)
    assert float(finding.detail) == pytest.approx(lr, rel=1e-5)


def test_noise_far_above_rounding_is_refused_and_not_named():
    generator = torch.Generator().manual_seed(3)

    def gradients(x, y, w, b):
        grad_w, grad_b = right(x, y, w, b)
        return grad_w * (1 + 0.1 * torch.rand(grad_w.shape, generator=generator)), grad_b * torch.exp(b)

    marking = check_function(gradients, seed=SEED)
    assert not marking.right
    assert marking.mistakes == {"grad_w": ("not-repeatable",), "grad_b": ("unknown",)}


def test_a_mistake_before_the_residual_that_hides_in_grad_b_is_named_by_the_change_that_explains_both():
    def gradients(x, y, w, b):
        product = x @ w.T
        delta = 2 * (product - product.mean(0) + b - y) / y.numel()  # summed over the batch, the product vanishes
        return delta.T @ x, delta.sum(0)

    marking = check_function(gradients, seed=SEED)
    assert marking.mistakes == {"grad_w": ("value-changed",), "grad_b": ("value-changed",)}
    for verdict in marking.verdicts:
        (told,) = verdict.findings[0].explanation.told
        assert (told.line, told.says.split()[0]) == (1, "xwᵀ")


def test_the_same_mistake_is_sure_where_it_explains_both_gradients():
    def gradients(x, y, w, b):
        delta = 2 * (b - y) / y.numel()
        return delta.T @ x, delta.sum(0)

    for verdict in check_function(gradients, seed=SEED).verdicts:
        assert verdict.mistakes == ("forward-without-x",)
        assert verdict.findings[0].explanation.sure


def test_a_parameter_added_to_its_gradient_is_a_penalty_and_not_a_step():
    def gradients(x, y, w, b):
        grad_w, grad_b = right(x, y, w, b)
        return grad_w, grad_b + b

    assert check_function(gradients, seed=SEED).mistakes == {"grad_w": (), "grad_b": ("weight-decay",)}


@pytest.mark.parametrize("error", [1e-9, 1e-6, 1e-3])
def test_an_error_far_smaller_than_the_gradient_is_still_an_error(error):
    called = [problem for problem in problems(2) if problem.dtype == "float64" and not problem.edge]
    for problem in called:
        grad_w = problem.expected["grad_w"].astype(np.float64)
        assert Call(problem, {"grad_w": grad_w}).right["grad_w"]
        assert not Call(problem, {"grad_w": grad_w * (1 + error * np.cos(problem.inputs["w"]))}).right["grad_w"]


def test_nan_never_passes():
    for value in (float("nan"), float("inf")):
        marking = check_function(lambda x, y, w, b, value=value: (right(x, y, w, b)[0], b * value), seed=SEED)
        assert marking.mistakes["grad_b"] == ("nan-or-inf",)


def test_one_number_may_come_in_any_nesting_and_several_may_not():
    sizes = {"N": 2, "in": 1, "out": 1}
    one = Problem(sizes, "float64", {}, {"g": np.ones((1, 1))}, {"g": np.ones((1, 1))}, 4)
    two = Problem(sizes, "float64", {}, {"g": np.ones(2)}, {"g": np.ones(2)}, 4)
    assert all(Call(one, {"g": np.ones(shape)}).right["g"] for shape in [(), (1,), (1, 1), (1, 1, 1)])
    assert not Call(two, {"g": np.ones((1, 2))}).right["g"]
    assert not Call(two).right["g"]


def test_every_combination_has_a_text_for_each_of_its_mistakes():
    for answer in ("grad_w", "grad_b"):
        assert {name for one in combinations(answer) for name in one.mistakes} <= set(MISTAKES) | set(
            linear_regression_mistakes.MISTAKES
        )


def test_the_combination_without_mistakes_is_the_gradient_itself():
    for answer in ("grad_w", "grad_b"):
        (one,) = [one for one in combinations(answer) if not one.mistakes]
        for problem in problems(1)[::6]:
            value, _ = one.of(View.of(problem.inputs))
            np.testing.assert_allclose(value, problem.expected[answer].astype(np.float64), rtol=1e-9, atol=1e-12)


def test_a_divisor_that_no_size_explains_is_not_named_after_a_few_of_them():
    def gradients(x, y, w, b):
        delta = 2 * (x @ w.T + b - y) / ((len(x) + 3) * len(b))
        return delta.T @ x, delta.sum(0)

    assert check_function(gradients, seed=SEED).mistakes == {"grad_w": ("unknown",), "grad_b": ("unknown",)}


def test_calls_that_no_kind_describes_are_counted():
    calls = [Call(problem) for problem in problems(0)]
    assert describe(calls[:7], calls) == "in 7 of 65 calls"
    assert describe([call for call in calls if call.problem.dtype == "float32"], calls) == "in float32"


def test_an_accumulator_of_one_shape_is_named_although_other_shapes_break_it():
    total = [0.0, 0.0]

    def gradients(x, y, w, b):
        for index, gradient in enumerate(right(x, y, w, b)):
            total[index] = total[index] + gradient
        return tuple(total)

    marking = check_function(gradients, seed=SEED)
    assert not marking.right
    assert set(marking.mistakes["grad_w"]) == {"accumulated"}


def test_an_answer_that_comes_one_call_late_is_named():
    last = [None]

    def gradients(x, y, w, b):
        now = right(x, y, w, b)
        last[0], before = now, last[0] or now
        return before

    assert check_function(gradients, seed=SEED).mistakes["grad_w"] == ("one-call-late",)


def test_the_same_numbers_for_every_input_are_named():
    marking = check_function(lambda x, y, w, b: (0.25, [0.5]), seed=SEED)
    assert marking.mistakes == {"grad_w": ("same-numbers-always",), "grad_b": ("same-numbers-always",)}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (torch.sign, "sign-only"),
        (lambda g: g / g.norm(), "normalised"),
        (lambda g: g * min(1.0, 0.5 / g.norm().item()), "clipped"),
        (torch.trunc, "integer-division"),
        (lambda g: g.bfloat16(), "half-precision"),
        (lambda g: g + 1e-3, "constant-added"),
    ],
)
def test_what_is_done_to_a_right_gradient_afterwards_is_named(change, name):
    marking = check_function(lambda *a: tuple(change(g) for g in right(*a)), seed=SEED)
    assert marking.mistakes == {"grad_w": (name,), "grad_b": (name,)}


def test_the_weight_has_the_shape_of_nn_linear():
    def linear(x, y, w, b):
        layer = torch.nn.Linear(w.shape[1], w.shape[0], dtype=x.dtype)
        layer.weight.data, layer.bias.data = w.clone(), b.clone()
        torch.nn.functional.mse_loss(layer(x), y).backward()
        return layer.weight.grad, layer.bias.grad

    assert check_function(linear, seed=SEED).right
    assert check_function(right, seed=SEED).right
    turned = check_function(lambda *a: (right(*a)[0].T, right(*a)[1]), seed=SEED)
    assert turned.mistakes == {"grad_w": ("transposed",), "grad_b": ()}


SCALES = {
    "N·out": lambda x, y: y.numel(),
    "−N·out": lambda x, y: -y.numel(),
    "out": lambda x, y: y.shape[1],
    "0.5/N": lambda x, y: 0.5 / len(x),
    "2·out/in": lambda x, y: 2 * y.shape[1] / x.shape[1],
    "0.25·N": lambda x, y: 0.25 * len(x),
}


def evaluated(rule, sizes):
    """What a rule of the report, such as −2·N/(in), is as Python's arithmetic."""
    text = rule.replace("·", "*").replace("−", "-").replace("^", "**").replace("in", "inward")
    return eval(text, {}, {"inward" if name == "in" else name: size for name, size in sizes.items()})


@pytest.mark.parametrize("scale", SCALES)
def test_who_obeys_the_sentence_about_a_factor_is_right_on_every_problem(scale):
    def gradients(x, y, w, b):
        grad_w, grad_b = right(x, y, w, b)
        return grad_w * SCALES[scale](x, y), grad_b

    marking = check_function(gradients, seed=SEED)
    (finding,) = marking.verdicts[0].findings
    rule = marker_factors.rule(finding.explanation.factor)
    for call in marking.calls:
        obeyed = call.answers["grad_w"] / evaluated(rule, call.problem.sizes)
        assert Call(call.problem, {"grad_w": obeyed}, call.dtypes).right["grad_w"]
    examples = marker_factors.telling(finding.calls, finding.explanation.factor)
    assert all(call.problem.sizes[name] > 1 for call in examples for name in ("N", "in", "out") if name in rule)


def wrong_only(edge):
    """Gradients that are right but for one way to fail at one edge."""

    def gradients(x, y, w, b):
        residual = x @ w.T + b - y
        if edge == "wrong-for-one-sample":
            residual = residual.squeeze(0) if len(x) == 1 else residual
            residual = residual - residual.mean() if len(x) == 1 else residual
            residual = residual.reshape(y.shape)
        elif edge == "wrong-for-many-samples":
            x, residual, y = x[:256], residual[:256], y
        elif edge == "wrong-for-many-features":
            grad_w, grad_b = right(x, y, w, b)
            grad_w[:, 6:] = 0
            return grad_w, grad_b
        elif edge == "wrong-where-a-residual-is-0":
            residual = residual.square() / residual
        elif edge == "wrong-where-x-is-not-contiguous":
            x = torch.as_strided(x, x.shape, (x.shape[1], 1))
        delta = 2 * residual / y.numel()
        return delta.T @ x, delta.sum(0)

    return gradients


EDGES = [problem.edge for problem in problems(0) if problem.edge]


@pytest.mark.parametrize("edge", EDGES)
def test_what_is_wrong_at_one_edge_only_is_refused_and_named_after_it(edge):
    marking = check_function(wrong_only(edge), seed=SEED)
    assert marking.mistakes["grad_w"] == (edge,)
    assert {name for names in marking.mistakes.values() for name in names} == {edge}


def test_the_edges_are_what_they_are_called():
    one, many, wide, exact, strided = [problem for problem in problems(3) if problem.edge]
    assert one.sizes["N"] == 1
    assert many.sizes["N"] > 128
    assert wide.sizes["in"] > 4
    residual = exact.inputs["x"] @ exact.inputs["w"].T + exact.inputs["b"] - exact.inputs["y"]
    assert (residual == 0).any()
    assert (residual != 0).any()
    assert not strided.inputs["x"].flags.c_contiguous


def test_what_is_kept_for_each_shape_or_type_is_accumulated_all_the_same():
    for key in (lambda x, w: w.shape, lambda x, w: (w.shape, w.dtype), lambda x, w: x.shape):
        kept = {}

        def gradients(x, y, w, b, key=key, kept=kept):
            found = [g.double() for g in right(x, y, w, b)]
            old = kept.get(key(x, w))
            kept[key(x, w)] = found if old is None else [a + b for a, b in zip(old, found, strict=True)]
            return [g.clone() for g in kept[key(x, w)]]

        assert check_function(gradients, seed=SEED).mistakes["grad_w"] == ("accumulated",)


def test_noise_that_makes_one_answer_the_largest_is_no_bound():
    def gradients(x, y, w, b):
        grad_w, grad_b = right(x, y, w, b)
        largest = grad_w.abs() == grad_w.abs().max()
        return torch.where(largest, grad_w * (1 - 1e-6), grad_w), grad_b

    assert "clipped" not in check_function(gradients, seed=SEED).mistakes["grad_w"]
    clipped = check_function(lambda *a: tuple(g.clamp(-0.5, 0.5) for g in right(*a)), seed=SEED)
    assert clipped.mistakes == {"grad_w": ("clipped",), "grad_b": ("clipped",)}
