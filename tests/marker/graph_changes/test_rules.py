"""The table of derivatives: each is autograd's, for every operand, and every rule is tried."""

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph, true_gradient

from bpcompare.marker.hypotheses.graph_changes.local import axes, by_autograd, count, local, spread, sum_to
from bpcompare.marker.hypotheses.graph_changes.rules import RULES, contribution
from bpcompare.marker.hypotheses.graph_changes.walk import contribution_of_part

ROUNDING = {"rtol": 1e-12, "atol": 1e-12}
A, B, POSITIVE = drawn(1, 3, 4), drawn(2, 3, 4), drawn(3, 3, 4, low=0.2)
ROW, COLUMN, WIDE, CUBE = drawn(4, 4), drawn(5, 3, 1), drawn(6, 4, 5), drawn(7, 2, 3, 4)
TIES = torch.tensor([[1.0, 3.0, 3.0, -2.0], [0.5, 0.5, 0.5, 0.5], [-1.0, -2.0, -2.0, 0.0]], dtype=torch.float64)
aten = torch.ops.aten


def written_over(a, b):
    whole = a.clone()
    whole[1] = b[0]
    whole[0, 1:3] = b[1, :2] * 2
    return whole * 3


FORWARDS = [
    *(lambda a, f=f: f(a) for f in (torch.neg, torch.exp, torch.expm1, torch.abs, torch.sin, torch.cos, torch.tanh)),
    *(lambda a, f=f: f(a) for f in (torch.sigmoid, torch.relu, torch.erf, torch.t, torch.clone)),
    *(lambda a, f=f: f(a.exp()) for f in (torch.log, torch.log1p, torch.sqrt, torch.rsqrt, torch.reciprocal)),
    *(lambda a, b, f=f: f(a, b) for f in (torch.add, torch.sub, torch.mul, torch.div, torch.maximum, torch.minimum)),
    lambda a, b: torch.add(a, b, alpha=3) - torch.sub(a, b, alpha=-2),
    lambda a: torch.add(a, 2, alpha=3) + torch.sub(a, 2.5) + a * 3 + a / 4 + 2 / a + 5 - a,
    lambda a, b: a.exp() ** b + a**3 + 2**b + a.exp() ** -1.5,
    lambda a: a.sum() + a.sum(0) + a.sum(1, keepdim=True) + a.sum((0, 1)) + a.sum(-1, keepdim=True),
    lambda a: a.mean() + a.mean(0) + a.mean(1, keepdim=True) + a.mean((0, 1)) + a.mean(-1, keepdim=True),
    lambda a: a.amax() + a.amax(0) + a.amax(1, keepdim=True) + a.amin(0) + a.amin((0, 1)) + a.amin(-1, keepdim=True),
    lambda a: a.clamp(-0.5, 1) + a.clamp(min=-0.5) + a.clamp(max=0.5) + a.clamp_min(0.1) + a.clamp_max(0.2),
    lambda a: a.clamp(a.detach() - 1, None),
    lambda a, b: torch.where(a > b, a, b * 2),
    lambda a: a.view(12) * 2,
    lambda a: aten._unsafe_view(a, [4, 3]) + a.t().reshape(4, 3),
    lambda a: a.unsqueeze(1).squeeze(1) + a.unsqueeze(-1).squeeze(),
    lambda a: a.transpose(0, 1) + a.permute(1, 0) + a.permute(-1, -2),
    lambda a: a.select(0, 1) + a.select(0, -1) + a[2],
    lambda a: a.select(1, 2) + a.select(-1, 0),
    lambda a: a[1:] + a[:-1] + a[::2],
    lambda a: a[:, 1:3] + a[:, ::2] + a[:, -2:],
    lambda a, b: torch.cat([a, b * 2, a.new_zeros(0), a]) * 2,
    lambda a, b: torch.cat([a, b, a[:, :2]], 1) * torch.cat([b, a, a[:, 1:3]], -1),
    lambda a, b: torch.stack([a, b]) + torch.stack([b, a], 0),
    lambda a, b: torch.stack([a, b, a], 1) + torch.stack([b, b, a], -2),
    lambda a: a.cumsum(0) + a.cumsum(1) + a.cumsum(-1),
    lambda a: a.max(1).values + a.min(1)[0] * 2,
    lambda a: a.unbind(1)[2] * a.unbind(1)[0],
    written_over,
    lambda a: aten.alias(a) * 2,
    lambda a: a.unsqueeze(0).expand(5, 3, 4) + a[:, :1].expand(3, 4),
]
PRODUCTS = [
    (lambda a, b: a @ b, (A, WIDE)),
    (lambda a, b: a @ b, (CUBE, drawn(8, 2, 4, 2))),
    (lambda a, b: a @ b, (A, ROW)),
    (lambda a, b: torch.mv(a, b), (A, ROW)),
    (lambda a, b: a * b + a - b, (A, ROW)),
    (lambda a, b: a / b.abs() + torch.maximum(a, b), (CUBE, COLUMN)),
    (lambda a, b: torch.where(a > 0, a, b) + torch.minimum(b, a), (CUBE, COLUMN)),
    (lambda a, b: b.expand(2, 3, 4) + a.permute(0, 1, 2).permute(2, 0, 1).permute(1, 2, 0), (CUBE, A)),
    (lambda a: a.permute(2, 0, 1).transpose(0, 2) * 2, (CUBE,)),
    (lambda a: a.permute(1, -1, 0) * 2, (CUBE,)),
    (lambda a: a.sum((0, 2)) + a.sum((-1, 0), keepdim=True).reshape(3), (CUBE,)),
    (lambda a: a.mean((0, -1)) + a.amax((0, 2)) + a.amin((-1, -3)), (CUBE,)),
    (lambda a: a.amax(1).sum() + a.amin(1, keepdim=True).sum() + a.amax() + a.amin(0).sum(), (TIES,)),
    (lambda a, b: torch.maximum(a, b) * 2 + torch.minimum(a, b), (TIES, TIES.flip(1))),
    (lambda a: a.abs().sum() + a.relu() + a.clamp(-2, 0.5) + a.clamp_min(0.5) + a.clamp_max(0.5), (TIES,)),
    (lambda a: a.sum() + a.mean() + a.amax(), (drawn(9),)),
    (lambda a: a.select(1, 1).select(0, -1) + a[1, 0], (CUBE,)),
    (lambda a: a[:, 1:, ::3] * 2, (CUBE,)),
    (lambda a: a.cumsum(1) + a.cumsum(-1), (CUBE,)),
]
CASES = [(forward, (A, B)[: forward.__code__.co_argcount - len(forward.__defaults__ or ())]) for forward in FORWARDS]


def asked(problem):
    """Each operand that a gradient reaches, with a drawn gradient of the output."""
    for step, slot in problem.edges():
        if torch.is_tensor(step.value):
            yield local(step, slot, drawn(step.index + 50, *step.value.shape))
        else:
            parts = [drawn(step.index + 50 + k, *p.shape) for k, p in enumerate(step.value) if p.is_floating_point()]
            yield local(step, slot, [*parts, *[None] * (len(step.value) - len(parts))])


def test_every_rule_is_tried():
    tried = {at.step.op for forward, arguments in CASES + PRODUCTS for at in asked(graph(forward, arguments))}
    assert set(RULES) <= tried


@pytest.mark.parametrize("case", range(len(CASES + PRODUCTS)))
def test_the_derivative_of_each_operation_is_autograds(case):
    forward, arguments = (CASES + PRODUCTS)[case]
    problem = graph(forward, arguments)
    for at in asked(problem):
        if at.step.op == "getitem":
            assert [part is at.gradient for part in contribution_of_part(at)] == [
                k == at.args[1] for k in range(len(at.step.operands[0].value))
            ]
            continue
        right = true_gradient(at)
        assert_close(contribution(at), right, **ROUNDING)
        if at.step.op != "write":
            assert_close(by_autograd(at), right, **ROUNDING)
    leaves = [value.clone().requires_grad_() for value in arguments]
    found = torch.autograd.grad(forward(*leaves).sum(), leaves)
    for mine, right in zip(problem.answers({}), found, strict=True):
        assert_close(mine, right, **ROUNDING)


def test_the_axes_of_a_reduction_and_the_number_of_its_terms_are_those_it_runs_over():
    for given, right in ((None, [0, 1, 2]), (1, [1]), (-1, [2]), ((-1, 0), [0, 2]), ([], [0, 1, 2])):
        problem = graph(lambda a, given=given: a.sum() if given is None else a.sum(given), (CUBE,))
        (at,) = asked(problem)
        assert axes(at) == right
        assert count(at) == CUBE.numel() // at.out.numel()
        undone = spread(at, at.out)
        assert undone.shape == CUBE.shape
        assert_close(undone, CUBE.sum(right, keepdim=True).expand_as(CUBE))


@pytest.mark.parametrize("shape", [(4,), (1, 4), (3, 1), (1, 1), (1,), (), (3, 4), (1, 3, 4), (2, 3, 1)])
def test_a_broadcast_is_undone_by_the_sum_that_autograd_takes(shape):
    small, whole = drawn(1, *shape), drawn(2, 2, 3, 4)
    leaf = small.clone().requires_grad_()
    (right,) = torch.autograd.grad(leaf.expand(2, 3, 4), leaf, whole)
    assert_close(sum_to(whole, shape), right, **ROUNDING)
    if small.dim() < 3:
        assert torch.equal(sum_to(small, (2, 3, 4)), small.expand(2, 3, 4))


def test_the_derivative_by_the_exponent_of_a_number_is_as_exact_as_its_type():
    (at,) = (at for at in asked(graph(lambda a: 3.0**a, (A,))) if at.step.op == "pow")
    assert_close(contribution(at), at.gradient * 3**A * 1.0986122886681098, **ROUNDING)
