"""Fused operations taken apart: the same value and gradient as PyTorch's own, with every option."""

import itertools

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph
from torch.nn import functional as F

from bpcompare.marker.hypotheses.graph_changes.decompositions import normalisations
from bpcompare.marker.hypotheses.graph_changes.decompositions.table import FUNCTIONS, OVERLOADS, TABLE

ROUNDING = {"rtol": 1e-10, "atol": 1e-10}
aten = torch.ops.aten
A, B, C = drawn(1, 3, 4), drawn(2, 3, 4), drawn(3, 3, 4)
PART, IMAGE, LOUD = drawn(4, 3, 4, low=0.1, high=0.9), drawn(5, 2, 6, 4, 5), torch.tensor([[700.0, 712.0, -740.0]])
LOUD = LOUD.double() + drawn(6, 1, 3)
SIX, CHANNEL = drawn(7, 6, low=0.5), drawn(8, 6)
CLASSES = torch.tensor([1, 3, 0])
REDUCTIONS = ("mean", "sum", "none")
BOOLEAN = torch.tensor([[True, False, True, True], [False, True, True, True], [True, True, False, True]])
Q, K, V = drawn(9, 2, 3, 4), drawn(10, 2, 5, 4), drawn(11, 2, 5, 6)


def of(function, *arguments, **options):
    """A forward of the tensors that are asked for; the options are kept."""
    return (lambda *tensors: function(*tensors, **options)), arguments


def normal(function, *more):
    return lambda *tensors: function(tensors[0], *more, *tensors[1:])


# Each operation with every combination of its options.
CASES = {
    aten._softmax: [
        *(of(lambda x, dim: torch.softmax(x, dim), x, dim=dim) for x in (A, LOUD) for dim in (0, 1, -1)),
    ],
    aten._log_softmax: [
        *(of(lambda x, dim: torch.log_softmax(x, dim), x, dim=dim) for x in (A, LOUD) for dim in (0, 1, -1)),
    ],
    aten.logsumexp: [
        of(torch.logsumexp, x, dim=dim, keepdim=keep)
        for x, dim, keep in itertools.product((A, LOUD, 60 + A), (0, 1, (0, 1)), (True, False))
    ],
    aten.native_layer_norm: [
        of(lambda x, *p: F.layer_norm(x, (4,), *p), A, *parameters)
        for parameters in ((), (SIX[:4],), (SIX[:4], CHANNEL[:4]))
    ]
    + [of(lambda x: F.layer_norm(x, (4, 5), eps=0.3), IMAGE)],
    aten.native_batch_norm: [
        of(lambda x, *p: F.batch_norm(x, None, None, *p, training=True, eps=0.2), IMAGE, *parameters)
        for parameters in ((), (SIX,), (SIX, CHANNEL))
    ]
    + [
        of(lambda x, w, b: F.batch_norm(x, CHANNEL.clone(), SIX.clone(), w, b, False), IMAGE, SIX, CHANNEL),
        of(lambda x: F.batch_norm(x, CHANNEL.clone(), SIX.clone(), training=True), IMAGE),
        of(lambda x: F.batch_norm(x, drawn(1, 4), drawn(2, 4).abs()), A),
        of(lambda x: F.batch_norm(x, None, None, training=True), A),
        of(lambda x: aten._native_batch_norm_legit.no_stats(x, None, None, True, 0.1, 0.1)[0], IMAGE),
    ],
    aten.native_group_norm: [
        of(lambda x, *p, groups: F.group_norm(x, groups, *p, eps=0.1), IMAGE, *parameters, groups=groups)
        for parameters, groups in itertools.product(((), (SIX,), (SIX, CHANNEL)), (1, 2, 6))
    ]
    + [of(lambda x: F.group_norm(x, 2), drawn(12, 3, 4))],
    aten.linalg_vector_norm: [
        of(lambda x, **o: torch.linalg.vector_norm(x, **o), A, ord=order, **dims)
        for order in (1, 2, 3)
        for dims in ({}, {"dim": 0}, {"dim": (1,), "keepdim": True}, {"dim": (0, 1)})
    ],
    **{
        operation: [
            of(function, A, dim=dim, correction=correction, keepdim=keep)
            for dim, correction, keep in itertools.product((None, 0, (1,), (0, 1)), (0, 1, 2), (True, False))
        ]
        + [of(function, A)]
        for operation, function in (
            (aten.var, torch.var),
            (aten.std, torch.std),
            (aten.var_mean, lambda x, **o: (lambda v, m: v * 3 + m)(*torch.var_mean(x, **o))),
        )
    },
    aten.gelu: [of(F.gelu, A), of(F.gelu, A, approximate="tanh")],
    aten.silu: [of(F.silu, A)],
    aten.mish: [of(F.mish, A)],
    aten.softplus: [of(F.softplus, A), of(F.softplus, A, beta=2.5), of(F.softplus, A, beta=0.5, threshold=0.3)],
    aten.log_sigmoid_forward: [of(F.logsigmoid, A)],
    aten.elu: [of(F.elu, A), of(F.elu, A, alpha=0.7), of(F.selu, A), of(F.celu, A, alpha=0.6)],
    aten.leaky_relu: [of(F.leaky_relu, A), of(F.leaky_relu, A, negative_slope=0.3)],
    aten._prelu_kernel: [of(F.prelu, A, torch.tensor([0.3], dtype=torch.float64)), of(F.prelu, A, SIX[:4])],
    aten.mse_loss: [of(F.mse_loss, A, B, reduction=reduction) for reduction in REDUCTIONS],
    aten.huber_loss: [
        of(F.huber_loss, A, B, reduction=r, delta=d) for r, d in itertools.product(REDUCTIONS, (1.0, 0.4, 3.0))
    ]
    + [of(F.huber_loss, A, B)],
    aten.smooth_l1_loss: [
        of(F.smooth_l1_loss, A, B, reduction=r, beta=d) for r, d in itertools.product(REDUCTIONS, (1.0, 0.4, 3.0))
    ]
    + [of(F.smooth_l1_loss, A, B)],
    aten.binary_cross_entropy: [
        of(F.binary_cross_entropy, PART, PART.flip(0), reduction=r, weight=w)
        for r, w in itertools.product(REDUCTIONS, (None, SIX[:4]))
    ],
    aten.binary_cross_entropy_with_logits: [
        of(F.binary_cross_entropy_with_logits, A, PART, reduction=r, weight=w, pos_weight=p)
        for r, w, p in itertools.product(REDUCTIONS, (None, SIX[:4]), (None, SIX[1:5]))
    ],
    aten.nll_loss_forward: [
        of(F.nll_loss, A, target=target, reduction=r, weight=w, ignore_index=ignored)
        for r, w, (target, ignored) in itertools.product(
            REDUCTIONS, (None, SIX[:4]), ((CLASSES, -100), (CLASSES, 3), (torch.tensor([2, -1, -1]), -1))
        )
    ]
    + [of(F.nll_loss, A[0], target=torch.tensor(2), reduction=r, weight=SIX[:4]) for r in REDUCTIONS],
    aten.convolution: [
        of(F.conv2d, IMAGE, drawn(20, 3, 6, 2, 3), SIX[:3]),
        of(F.conv2d, IMAGE, drawn(20, 3, 6, 2, 3), stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
        of(F.conv2d, IMAGE, drawn(20, 3, 6, 1, 2), SIX[:3], stride=(2, 1), padding=(0, 2), dilation=(1, 3)),
        of(F.conv1d, IMAGE[..., 0], drawn(20, 3, 6, 2), SIX[:3]),
        of(F.conv1d, IMAGE[..., 0], drawn(20, 3, 6, 2), stride=2, padding=3, dilation=2),
        of(F.conv2d, IMAGE, drawn(20, 4, 3, 2, 2), groups=2),  # not taken apart
        of(F.conv_transpose1d, IMAGE[..., 0], drawn(20, 6, 3, 2)),
        of(F.conv3d, IMAGE[None], drawn(20, 2, 2, 2, 2, 2)),
    ],
    aten.linear: [of(F.linear, A, drawn(21, 5, 4)), of(F.linear, A, drawn(21, 5, 4), drawn(22, 5))],
    aten.addmm: [
        of(torch.addmm, drawn(22, 5), A, drawn(23, 4, 5), beta=beta, alpha=alpha)
        for beta, alpha in itertools.product((1, 0.5, 0), (1, 3))
    ],
    aten.baddbmm: [
        of(torch.baddbmm, drawn(24, 2, 3, 4), Q @ Q.mT, K[:, :3], beta=beta, alpha=alpha)
        for beta, alpha in itertools.product((1, 0.5, 0), (1, 3))
    ],
    aten.dot: [of(torch.dot, SIX, CHANNEL)],
    aten.rsub: [of(torch.rsub, A, B), of(torch.rsub, A, B, alpha=3), of(lambda x: torch.rsub(x, 2.5, alpha=2), A)],
    aten.addcmul: [of(torch.addcmul, A, B, C), of(torch.addcmul, A, B, C, value=-2)],
    aten.addcdiv: [of(torch.addcdiv, A, B, PART), of(torch.addcdiv, A, B, PART, value=-2)],
    aten.xlogy: [
        of(torch.xlogy, torch.where(A < 0, 0.0, A), PART),
        of(lambda y: torch.xlogy(2.5, y), PART),
        of(lambda x: torch.xlogy(x, 2.5), A),
    ],
    aten.square: [of(torch.square, A)],
    aten.masked_fill: [of(lambda x: x.masked_fill(BOOLEAN, -3.5), A)],
    F.scaled_dot_product_attention: [
        of(F.scaled_dot_product_attention, Q, K, V),
        of(F.scaled_dot_product_attention, Q, K[:, :3], V[:, :3], is_causal=True),
        of(F.scaled_dot_product_attention, Q, K, V, scale=0.3),
        of(F.scaled_dot_product_attention, Q, K, V, attn_mask=drawn(30, 3, 5)),
        of(F.scaled_dot_product_attention, Q[:, :, :], K[:, :4], V[:, :4], attn_mask=BOOLEAN),
    ],
}
CASES |= {  # what this PyTorch has of them
    getattr(aten, name): cases
    for name, cases in (
        ("_safe_softmax", [of(lambda x: aten._safe_softmax(x, -1), A)]),
        (
            "_fused_rms_norm",
            [
                of(lambda x, *p: F.rms_norm(x, (4,), *p), A),
                of(lambda x, *p: F.rms_norm(x, (4,), *p, eps=0.2), A, SIX[:4]),
                of(lambda x: aten._fused_rms_norm(1e-8 * x, [4, 5], None, None)[0], IMAGE),
                of(lambda x, w: aten._fused_rms_norm(x, [4], w, 0.2)[0], A, SIX[:4]),
            ],
        ),
    )
    if hasattr(aten, name)
}
LEFT_WHOLE = {"linalg_vector_norm", "convolution"}  # of some options


def test_every_decomposition_is_tried():
    assert set(TABLE) | set(FUNCTIONS) == set(CASES)
    assert set(OVERLOADS) == {"_native_batch_norm_legit.no_stats"}


@pytest.mark.parametrize("operation", CASES, ids=str)
def test_a_decomposition_has_the_value_and_the_gradient_of_what_it_takes_apart(operation):
    for forward, arguments in CASES[operation]:
        leaves = [value.clone().requires_grad_() for value in arguments]
        expected = forward(*leaves)
        upstream = drawn(40, *expected.shape)
        right = torch.autograd.grad(expected, leaves, upstream, allow_unused=True, materialize_grads=True)
        problem = graph(forward, arguments, [upstream])
        assert_close(problem.graph.outputs[0].value, expected.detach(), **ROUNDING)
        for mine, other in zip(problem.answers({}), right, strict=True):
            assert_close(mine, other, **ROUNDING)
        name = getattr(operation, "__name__", "")
        assert name in LEFT_WHOLE or not any(step.op == name for step in problem.graph.steps)


def test_no_maximum_that_is_subtracted_against_overflow_is_a_step_that_a_change_could_follow():
    for forward in (lambda x: x.softmax(1), lambda x: x.log_softmax(1), lambda x: x.logsumexp(1)):
        assert not any(step.op == "amax" for step in graph(forward, [A]).graph.steps)
        problem = graph(forward, [LOUD])
        assert not any(step.op == "amax" and step.index in problem.relevant for step in problem.graph.steps)
        assert any(step.op == "amax" for step in problem.graph.steps)


def test_an_rms_norm_that_pytorch_takes_apart_itself_on_a_cpu_is_the_same_where_it_does_not():
    for weight, eps in ((None, None), (SIX[:4], 0.2), (None, 1e-3)):
        for x in (A, 1e-8 * A):
            mine, inverse = normalisations.rms_norm(x, [4], weight, eps)
            assert_close(mine, F.rms_norm(x, (4,), weight, eps), **ROUNDING)
            assert_close(inverse * x, F.rms_norm(x, (4,), None, eps), **ROUNDING)
