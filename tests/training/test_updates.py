import inspect

import pytest
import torch
from torch import nn

from bpcompare.problem.line import line
from bpcompare.training.train import train
from bpcompare.training.updates import (
    RULES,
    Adam,
    AdamEpsInside,
    AdamMomentumOnly,
    AdamNoBiasCorrection,
    AdamRMSPropOnly,
    AdamSwappedBetas,
    GradientDescent,
    decided,
)

DECIDES = [
    name
    for name, rule in vars(torch.optim).items()
    if inspect.isclass(rule) and "foreach" in inspect.signature(rule).parameters
]


@pytest.fixture(scope="module")
def adams():
    """A thousand epochs of Adam by hand on the main problem."""
    return train(line(), "formula+Adam", epochs=1000)


def test_adam_by_hand_is_torchs_adam_bit_for_bit(adams):
    wide = line(dtype=torch.float64, weight=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for problem, ours in ((line(), adams), (wide, train(wide, "formula+Adam", epochs=200))):
        theirs = train(problem, "formula+torch.optim.Adam", epochs=ours.settings.epochs)
        for name in ours.parameters:
            assert torch.equal(ours.parameters[name], theirs.parameters[name])


@pytest.mark.parametrize("gradient", [1e-3, -5.0, 1e6])
def test_adams_first_step_is_lr_whatever_the_size_of_the_gradient(gradient):
    p = nn.Parameter(torch.tensor([0.0], dtype=torch.float64))
    p.grad = torch.tensor([gradient], dtype=torch.float64)
    Adam([p], lr=0.1).step()
    expected = -0.1 if gradient > 0 else 0.1
    assert p.item() == pytest.approx(expected, rel=2e-5)  # ε against the smallest gradient


def test_adam_takes_betas_and_eps_as_torch_does():
    runs = []
    for rule in (Adam, torch.optim.Adam):
        p = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
        optimizer = rule([p], lr=0.05, betas=(0.5, 0.9), eps=0.1)
        for step in range(20):
            p.grad = torch.sin(p.detach() * (step + 1))
            optimizer.step()
        runs.append(p.detach())
    assert torch.equal(*runs)


def test_gradient_descent_is_torchs_sgd_to_rounding():
    """torch fuses the multiplication and the addition into one rounding; by hand there are two."""
    ours, theirs = (train(line(), f"autograd+{rule}") for rule in ("GradientDescent", "SGD"))
    assert torch.allclose(ours.parameters["weight"], theirs.parameters["weight"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", [GradientDescent, Adam])
def test_a_parameter_without_a_gradient_stays(rule):
    p, q = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    p.grad = torch.ones(1)
    rule([p, q], lr=0.1).step()
    assert p.item() < 1
    assert q.item() == 1


def after(rule, gradients, lr=0.1, **options):
    """Where a parameter that begins at 0 goes under these gradients, in float64."""
    p = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    stepper = rule([p], lr=lr, **options)
    for gradient in gradients:
        p.grad = torch.tensor([gradient], dtype=torch.float64)
        stepper.step()
    return p.item()


@pytest.mark.parametrize("rule", [rule for name, rule in RULES.items() if name != "GradientDescent"])
def test_adam_and_its_variants_have_torchs_default_rate(rule):
    default = inspect.signature(torch.optim.Adam).parameters["lr"].default
    assert rule([nn.Parameter(torch.ones(1))]).lr == default


GRADIENTS = [3.0, -1.0, 0.5, 2.0, -4.0, 0.1]


def test_without_bias_correction_the_first_step_is_3_16_times_as_long():
    assert after(AdamNoBiasCorrection, [3.0]) == pytest.approx(-0.1 * 0.1 / 0.001**0.5, rel=1e-6)
    assert after(AdamNoBiasCorrection, [3.0]) / after(Adam, [3.0]) == pytest.approx(3.1623, rel=1e-4)


def test_eps_inside_the_root_shortens_the_step_of_a_gradient_below_1e_4():
    assert after(AdamEpsInside, [1.0]) == pytest.approx(after(Adam, [1.0]), rel=1e-7)
    assert after(AdamEpsInside, [1e-6]) == pytest.approx(-0.1 * 1e-6 / (1e-12 + 1e-8) ** 0.5, rel=1e-9)
    assert after(AdamEpsInside, [1e-6]) / after(Adam, [1e-6]) == pytest.approx(0.0101, abs=1e-4)


def test_swapped_betas_are_torchs_adam_with_its_betas_exchanged_and_they_overshoot(adams):
    ours = after(AdamSwappedBetas, GRADIENTS)
    assert ours == after(torch.optim.Adam, GRADIENTS, betas=(0.999, 0.9))
    swapped = train(line(), "formula+AdamSwappedBetas", epochs=1000)
    assert adams.losses[500:].max() < 0.0106
    assert swapped.losses[500:].max() == pytest.approx(3, abs=0.1)


def test_adam_has_five_variants():
    assert len([rule for rule in RULES.values() if issubclass(rule, Adam)]) == 1 + 5


def test_the_effects_on_the_main_problem_are_those_that_the_docstrings_tell():
    adam, uncorrected, inside, rmsprop = (
        train(line(), f"autograd+{rule}")
        for rule in ("Adam", "AdamNoBiasCorrection", "AdamEpsInside", "AdamRMSPropOnly")
    )
    assert adam.loss == pytest.approx(0.0530, abs=5e-5)
    assert uncorrected.loss == pytest.approx(0.0124, abs=5e-5)
    assert inside.loss == pytest.approx(adam.loss, rel=1e-5)
    assert adam.parameters["bias"].max().item() == pytest.approx(1.71, abs=5e-3)
    assert rmsprop.parameters["bias"].max().item() == pytest.approx(1.37, abs=5e-3)


def test_momentum_alone_is_adam_under_an_overwhelming_eps_and_scales_with_the_gradient():
    huge = 1e12  # then √v̂ + ε is ε, and lr·ε/ε is lr
    ours = after(AdamMomentumOnly, GRADIENTS)
    assert ours == pytest.approx(after(torch.optim.Adam, GRADIENTS, lr=0.1 * huge, eps=huge), rel=1e-9)
    assert after(AdamMomentumOnly, [5.0]) == pytest.approx(10 * after(AdamMomentumOnly, [0.5]))
    adam, momentum = (train(line(), f"autograd+{rule}", lr=10.0, epochs=100) for rule in ("Adam", "AdamMomentumOnly"))
    assert adam.loss < 1
    assert momentum.loss == pytest.approx(5e9, rel=0.02)  # bound by the curvature again, as gradient descent is


def test_rmsprop_alone_is_adam_that_remembers_no_gradient_and_turns_at_once():
    assert after(AdamRMSPropOnly, GRADIENTS) == after(torch.optim.Adam, GRADIENTS, betas=(0.0, 0.999))
    before, later = after(AdamRMSPropOnly, [3.0] * 9), after(AdamRMSPropOnly, [*[3.0] * 9, -0.01])
    assert later > before  # one small gradient the other way turns it
    assert after(Adam, [*[3.0] * 9, -0.01]) < after(Adam, [3.0] * 9)  # Adam goes on


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_tensor_of_rates_moves_every_run_as_it_would_alone(rule):
    rates = torch.tensor([0.3, 0.01, 1e-4], dtype=torch.float64)
    together = torch.zeros(3, dtype=torch.float64)
    stepper = rule([together], lr=rates)
    for gradient in GRADIENTS:
        together.grad = torch.full((3,), gradient, dtype=torch.float64)
        stepper.step()
    assert together.tolist() == [after(rule, GRADIENTS, lr=rate) for rate in rates.tolist()]


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if issubclass(rule, Adam)])
def test_every_variant_of_adam_has_the_default_rate_of_torchs(name):
    defaults = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))]).defaults
    rule = RULES[name]([torch.ones(1)])
    assert (rule.lr, rule.eps) == (defaults["lr"], defaults["eps"])


def test_adam_and_sgd_are_among_the_rules_that_decide():
    assert {"Adam", "AdamW", "SGD", "RMSprop"} <= set(DECIDES)


@pytest.mark.parametrize("name", DECIDES)
def test_a_rule_that_decides_once_moves_to_the_same_bits(name):
    """At every step PyTorch would have found the same."""
    draw = torch.Generator().manual_seed(3)
    starts = [torch.randn(shape, generator=draw) for shape in ((4, 3), (4,))]
    moved = []
    for once in (False, True):
        params = [nn.Parameter(start.clone()) for start in starts]
        rule = getattr(torch.optim, name)(params, lr=0.01)
        rule = decided(rule) if once else rule
        for k in range(1, 6):
            for p in params:
                p.grad = torch.sin(k * p.detach())
            rule.step()
        moved.append(params)
    assert all(torch.equal(a, b) for a, b in zip(*moved, strict=True))
    assert not any(torch.equal(p, start) for p, start in zip(moved[1], starts, strict=True))


@pytest.mark.parametrize(
    ("device", "asked", "found"), [("cpu", None, False), ("cpu", True, True), ("meta", None, None)]
)
def test_only_a_cpu_decides_and_only_where_nobody_asked_for_something_else(device, asked, found):
    rule = torch.optim.Adam([nn.Parameter(torch.ones(2, device=device))], foreach=asked)
    assert decided(rule).param_groups[0]["foreach"] is found


def test_a_rule_by_hand_is_left_as_it_is():
    rule = GradientDescent([torch.ones(1)], lr=0.1)
    assert decided(rule) is rule
