"""Numbers that are held in a narrow type or rounded, at the end or on the way, and errors that only look so."""

import pytest
import torch
from kept_draws import DRAWS, SEED

from bpcompare.marker import check


def check_function(gradients, seed):
    return check.check_function(gradients, seed=seed, draws=DRAWS)


def right(x, y, w, b):
    delta = delta_of(x @ w.T + b, y)
    return delta.T @ x, delta.sum(0)


def test_float32_rounding_is_no_error_where_the_answer_is_float32():
    assert check_function(lambda *a: tuple(g.float() for g in right(*a)), seed=SEED).right


def test_float32_rounding_is_named_where_the_answer_claims_float64():
    marking = check_function(lambda *a: tuple(g.float().double() for g in right(*a)), seed=SEED)
    assert marking.mistakes == {"grad_w": ("single-precision",), "grad_b": ("single-precision",)}


def delta_of(prediction, y):
    return 2 * (prediction - y) / y.numel()


STAGES_IN_A_NARROW_TYPE = {
    "w": lambda x, y, w, b, narrow: delta_of(x @ narrow(w).T + b, y),
    "product": lambda x, y, w, b, narrow: delta_of(narrow(narrow(x) @ narrow(w).T) + b, y),
    "prediction": lambda x, y, w, b, narrow: delta_of(narrow(x @ w.T + b), y),
    "residual": lambda x, y, w, b, narrow: 2 * narrow(x @ w.T + b - y) / y.numel(),
    "delta": lambda x, y, w, b, narrow: narrow(delta_of(x @ w.T + b, y)),
}


FLOAT16, BFLOAT16 = (torch.float16, "half-precision"), (torch.bfloat16, "half-precision")
FLOAT32 = (torch.float32, "single-precision")


@pytest.mark.parametrize(
    ("stage", "dtype", "name"),
    [  # every stage in a half precision, and every type in two stages
        ("w", *FLOAT16),
        ("product", *BFLOAT16),
        ("prediction", *FLOAT16),
        ("residual", *BFLOAT16),
        ("delta", *FLOAT16),
        ("product", *FLOAT32),
        ("delta", *FLOAT32),
    ],
)
def test_a_narrow_type_is_named_at_whatever_stage(stage, dtype, name):
    def gradients(x, y, w, b):
        delta = STAGES_IN_A_NARROW_TYPE[stage](x, y, w, b, lambda array: array.to(dtype).to(array))
        return delta.T @ x, delta.sum(0)

    assert check_function(gradients, seed=SEED).mistakes == {"grad_w": (name,), "grad_b": (name,)}


@pytest.mark.parametrize(("stage", "decimals"), [("w", 2), ("prediction", 3), ("residual", 2), ("delta", 3)])
def test_a_number_rounded_on_the_way_is_named_with_its_decimals(stage, decimals):
    def gradients(x, y, w, b):
        delta = STAGES_IN_A_NARROW_TYPE[stage](x, y, w, b, lambda array: torch.round(array, decimals=decimals))
        return delta.T @ x, delta.sum(0)

    for verdict in check_function(gradients, seed=SEED).verdicts:
        (finding,) = verdict.findings
        assert finding.explanation.mistakes == ("rounded-on-the-way",)
        assert finding.explanation.detail.endswith(f", to {decimals} decimals")


@pytest.mark.parametrize(("size", "grows"), [(1e-2, False), (1e-3, True), (1e-5, False), (1e-8, True)])
def test_an_error_as_small_as_that_of_a_narrow_type_is_not_named_after_one(size, grows):
    def gradients(x, y, w, b):
        noisy = [g + size * torch.sin(1e4 * g) * (g if grows else 1) for g in right(x, y, w, b)]
        return tuple(noisy)

    for found in check_function(gradients, seed=SEED).mistakes.values():
        assert "unknown" in found
        assert not {"half-precision", "single-precision", "rounded", "rounded-on-the-way"}.intersection(found)


def test_errors_that_float32_hardly_shows_are_not_explained_by_what_fits_anything():
    def gradients(x, y, w, b):
        return tuple(g + 1e-5 * torch.sin(1000 * g) for g in right(x, y, w, b))

    for seed in (20, 32):
        marking = check_function(gradients, seed=seed)
        assert marking.mistakes == {"grad_w": ("unknown",), "grad_b": ("unknown",)}
